import type { Resource } from '../../../schemas/resource.ts';
import { withoutEmpties } from '../../../schemas/structural/empties.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { applyDefaults } from './default.ts';
import { storageOf } from './persist.ts';

/** The object of `resource`'s version as it is printed: without the empty lists and maps that its writer may have said. */
export function asPrinted<T extends object>(core: Core, request: ResourceRequest, resource: Resource, object: T): T {
  if (!request.saysEmpties) return object;
  return withoutEmpties(object, resource.schema, core.schemasOf(resource), 'print');
}
/** The draft, of the storage version, without what the store loses of it. */
export function asKept(core: Core, request: ResourceRequest, draft: Draft): Draft {
  if (!request.saysEmpties) return draft;
  const { schema, definition } = storageOf(core, request.resource);
  return withoutEmpties(draft, schema, core.schemasOf({ schema }), definition.storedAsJson ? 'print' : 'store');
}
/** The draft as it comes back from the store, where what was said to be empty is not said and so gets its default. */
export function asStored(core: Core, request: ResourceRequest, draft: Draft): Draft {
  const kept = asKept(core, request, draft);
  return kept === draft ? draft : applyDefaults(core, storageOf(core, request.resource), kept);
}
