import type { Core, Draft, ResourceRequest } from '../core.ts';

/** Notes in metadata.managedFields who set what. */
export function trackManagedFields(
  _core: Core,
  _request: ResourceRequest,
  _old: Draft | undefined,
  draft: Draft,
): Draft {
  return draft;
}
