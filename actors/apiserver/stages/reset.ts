import { copyJson } from '../../../schemas/meta/copy.ts';
import { restoredFieldsOf } from '../../../schemas/patch/managed-fields/index.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';

type Json = Record<string, unknown>;
interface Paths {
  readonly [element: string]: Paths;
}
/** What this endpoint does not write is put back to what it was; managedFields have been settled before. */
export function restoreUnwritten(core: Core, request: ResourceRequest, draft: Draft, old: Draft): Draft {
  const { resource } = request;
  const reset = restoredFieldsOf(resource, request.subresource?.name ?? '', core.isCustom(resource));
  if (reset === undefined) return draft;
  const { managedFields } = draft.metadata;
  const restored = restore(draft, old, reset) as Draft;
  if (restored.metadata.managedFields === managedFields) return restored;
  const metadata = { ...restored.metadata };
  if (managedFields) metadata.managedFields = managedFields;
  else delete metadata.managedFields;
  return { ...restored, metadata };
}
function restore(now: Json, before: Json, paths: Paths): Json {
  const out = { ...now };
  for (const element in paths) {
    const key = element.slice(2);
    const inner = paths[element]!;
    const whole = Object.keys(inner).length === 0;
    const old = before[key];
    if (whole || typeof out[key] !== 'object' || out[key] === null) {
      if (old === undefined) delete out[key];
      else out[key] = copyJson(old);
    } else out[key] = restore(out[key] as Json, (old ?? {}) as Json, inner);
  }
  return out;
}
