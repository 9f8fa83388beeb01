import type { Resource } from '../../../schemas/resource.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { applyDefaults as applyStatic } from '../../../schemas/structural/default.ts';
import type { Core, Draft } from '../core.ts';

/** What the kind fills in, then what Go always prints in the structs that this made. Static defaults came by decoding. */
export function applyDefaults(core: Core, resource: Resource, draft: Draft): Draft {
  const { defaults } = resource.definition;
  if (defaults === undefined) return draft;
  return applyStatic(
    defaults(draft, () => formatTime(core.world.clock.now())) as Draft,
    resource.schema,
    core.schemasOf(resource),
  );
}
