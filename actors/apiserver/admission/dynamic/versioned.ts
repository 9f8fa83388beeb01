/**
 * Objects as those see them who are asked about them: in the version that they asked for, subresources in their own kind;
 * and the way back, after somebody changed what he saw.
 */
import { fromStorage, fromWorkedOn, toWorkedOn, whenConverted } from '../../../../schemas/convert.ts';
import type { DynamicObject, GroupVersionKind } from '../../../../schemas/meta/object.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { builtinSchemas } from '../../../../schemas/structural/builtin.ts';
import type { FieldSchema } from '../../../../schemas/structural/schema.ts';
import { decode } from '../../../../schemas/structural/decode.ts';
import { withoutEmpties } from '../../../../schemas/structural/empties.ts';
import { byName, inGoOrder } from '../../../../schemas/structural/order.ts';
import { applyDefaults } from '../../../../schemas/structural/default.ts';
import { formatTime } from '../../../../schemas/meta/time.ts';
import { apiVersionOf } from '../../../../schemas/meta/object.ts';
import { badRequest } from '../../errors.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { expectedKind } from '../../subresources/expected.ts';
import { scaleOf } from '../../subresources/scale.ts';
import { readPath, writePath } from '../../verbs/paths.ts';
import type { AdmissionContext } from '../common.ts';

/** The kind of what is admitted: the resource's, or its subresource's own. */
export function kindOf(a: AdmissionAttributes, as: Resource = a.resource): GroupVersionKind {
  const { subresource } = a;
  if (subresource === undefined || subresource.kind === as.kind)
    return { group: as.group, version: as.version, kind: as.kind };
  const { responseGroup = as.group, responseVersion = as.version, kind } = subresource;
  return { group: responseGroup, version: responseVersion, kind };
}
const isScale = (a: AdmissionAttributes): boolean => a.subresource?.kind === 'Scale';
/** Whether the object is of the resource's own kind, and not of one that only a subresource has. */
const isWhole = (a: AdmissionAttributes): boolean =>
  a.subresource === undefined || a.subresource.kind === a.resource.kind;

const isSame = (a: Resource, b: Resource): boolean => a.group === b.group && a.version === b.version;
/** From one version to another; of custom kinds this may mean to ask a webhook. */
function converted(from: Resource, object: DynamicObject, as: Resource): Promise<DynamicObject> | DynamicObject {
  if (as.definition.custom === undefined || isSame(from, as)) return fromWorkedOn(as, object) as DynamicObject;
  return whenConverted(() => fromStorage(as, object) as DynamicObject);
}
/** An object under admission in the version of `as`, its members in the order in which Go prints them. */
export async function seenAs(a: AdmissionAttributes, object: DynamicObject | undefined, as: Resource): Promise<DynamicObject | undefined> {
  if (object === undefined || !isWhole(a)) {
    if (object === undefined || !isScale(a) || object.kind === 'Scale') return object;
    return scaleOf(as, await converted(a.resource, object, as), false);
  }
  const seen = await converted(a.resource, object, as);
  if (as.definition.custom !== undefined) return byName<DynamicObject>(seen);
  const { kind: _kind, apiVersion: _version, ...rest } = seen;
  return { kind: as.kind, apiVersion: apiVersionOf(as), ...inGoOrder(withoutEmpties(rest, as.schema, builtinSchemas, 'print'), as.schema, builtinSchemas) };
} // prettier-ignore

export interface Seen {
  readonly object: DynamicObject | undefined;
  readonly old: DynamicObject | undefined;
}
export const seenBoth = async (a: AdmissionAttributes, as: Resource): Promise<Seen> => ({
  object: await seenAs(a, a.object, as),
  old: await seenAs(a, a.old, as),
});

/** What somebody made of an object that he saw, read anew. Throws what the decoder finds wrong. */
export function readBack(a: AdmissionAttributes, value: unknown, as: Resource, isStrict = false): DynamicObject {
  const { group, version, kind } = kindOf(a, as);
  checkKind(value, { group, version, kind });
  const { object, strict } = decode(value, schemaSeen(a, as), builtinSchemas, { kind, version });
  if (isStrict && strict.length > 0) throw new Error(`strict decoding error: ${strict.join(', ')}`);
  object.metadata ??= {};
  return object;
}
/** Of what is seen of an object. */
export function schemaSeen(a: AdmissionAttributes, as: Resource): FieldSchema {
  if (isWhole(a)) return as.schema;
  const { group, version, kind } = kindOf(a, as);
  return expectedKind(apiVersionOf({ group, version }), kind).schema;
}
/** Throws: it says that it is something else now. */
function checkKind(value: unknown, wanted: GroupVersionKind): void {
  const { kind, apiVersion } = value as { kind?: unknown; apiVersion?: unknown };
  if ((kind || wanted.kind) === wanted.kind && (apiVersion || apiVersionOf(wanted)) === apiVersionOf(wanted)) return;
  const given = `${String(apiVersion || apiVersionOf(wanted)).replace(/^.*\//, '')}.${String(kind || wanted.kind)}`;
  const [inside] = wanted.group.split('.');
  throw new Error(`converting (${given}) to (${inside || 'core'}.${wanted.kind}): unknown conversion`);
}
/** Puts it, with defaults, in the place of the object that is admitted. */
export async function replaceObject(context: AdmissionContext, a: AdmissionAttributes, seen: DynamicObject, as: Resource): Promise<void> {
  const target = a.object!;
  if (isScale(a) && target.kind !== 'Scale') {
    const path = a.resource.definition.scale?.specReplicas;
    if (path !== undefined) writePath(target, path, readPath(seen, 'spec.replicas') ?? 0);
    return;
  }
  let next = seen;
  if (isWhole(a)) {
    const { namespace } = seen.metadata;
    if (a.resource.namespaced && namespace !== undefined && namespace !== a.namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    const { custom } = a.resource.definition;
    const storage = (custom === undefined ? context.registry.byStorageKey(a.resource.storagePrefix) : undefined) ?? a.resource;
    next = custom !== undefined && !isSame(as, a.resource) ? await converted(as, seen, a.resource) : (toWorkedOn(as, seen) as DynamicObject);
    const { defaults } = storage.definition;
    if (defaults !== undefined) {
      const filled = defaults(next, () => formatTime(context.world.clock.now())) as DynamicObject;
      next = applyDefaults(filled, storage.schema, builtinSchemas);
    }
  }
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key];
  Object.assign(target, next);
} // prettier-ignore
