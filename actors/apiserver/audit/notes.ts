import { fromWorkedOn, toWorkedOn } from '../../../schemas/convert.ts';
import { inGoOrder } from '../../../schemas/structural/order.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { applyDefaults } from '../stages/default.ts';
import type { Expected } from '../stages/decode.ts';
import { storageOf } from '../stages/persist.ts';

/** What the body of a request says, with the defaults that its kind fills in. Source: apiserver pkg/audit LogRequestObject. */
export function noteObject(core: Core, request: ResourceRequest, expected: Expected, object: Draft): void {
  request.audit?.asks(object.metadata, () => {
    const copy = structuredClone(object);
    const { resource } = request;
    if (expected !== resource) return inGoOrder(copy, expected.schema, core.schemasOf(expected));
    const filled = applyDefaults(core, storageOf(core, resource), toWorkedOn(resource, copy) as Draft);
    const { kind, apiVersion, metadata, ...rest } = fromWorkedOn(resource, filled) as Draft;
    return inGoOrder({ kind, apiVersion, metadata, ...rest }, resource.schema, core.schemasOf(resource));
  });
}
