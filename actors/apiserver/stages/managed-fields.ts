import { fromStorage, fromWorkedOn, toStorage, whenConverted } from '../../../schemas/convert.ts';
import { apiVersionOf, parseApiVersion, type KubeObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { FieldSet } from '../../../schemas/patch/managed-fields/field-set.ts';
import {
  fieldSetOfPath,
  resetFieldsOf,
  updateManagedFields,
  type ManagedUpdate,
  type VersionOf,
} from '../../../schemas/patch/managed-fields/index.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { asPrinted } from './empties.ts';
import { managerOf } from '../verbs/options.ts';
import { readPath, writePath } from '../verbs/paths.ts';

/** Notes in metadata.managedFields who set what; changes and returns `draft`. Both objects are of the storage version. Source: apimachinery pkg/util/managedfields. */
export function trackManagedFields(
  core: Core,
  request: ResourceRequest,
  live: Draft | undefined,
  draft: Draft,
): Draft | Promise<Draft> {
  const { resource } = request;
  const subresource = request.subresource?.name ?? '';
  const seen = subresource === 'scale' ? withoutNone(resource) : (object: KubeObject): KubeObject => object;
  const options: ManagedUpdate = {
    live: live && seen(fromWorkedOn(resource, live)),
    updated: seen(printed(core, request, fromWorkedOn(resource, draft))),
    manager: managerOf(request),
    apiVersion: apiVersionOf(resource),
    subresource,
    now: entryTime(core, subresource),
    schema: resource.schema,
    set: core.schemasOf(resource),
    reset: resetFieldsOf(resource, subresource, core.isCustom(resource)),
    versionOf: versionsOf(core, resource),
    within: withinOf(request),
  };
  const note = (entries: ReturnType<typeof updateManagedFields>): Draft => withEntries(draft, entries);
  if (!resource.definition.custom?.versions.isRemote) return note(updateManagedFields(options));
  // Others may have written in versions that only the webhook knows.
  return whenConverted(() => updateManagedFields(options)).then(note);
}
function withEntries(draft: Draft, entries: ReturnType<typeof updateManagedFields>): Draft {
  if (entries.length > 0) draft.metadata.managedFields = entries;
  else delete draft.metadata.managedFields;
  return draft;
}

/** Empty lists that are printed have an owner; an empty list of owners is a word by itself. */
function printed(core: Core, request: ResourceRequest, object: KubeObject): KubeObject {
  const shown = asPrinted(core, request, request.resource, object);
  const { managedFields } = object.metadata;
  if (shown === object || managedFields?.length !== 0) return shown;
  return { ...shown, metadata: { ...shown.metadata, managedFields } };
}
/** What a scale sees; undefined of the whole object. */
export function withinOf({ resource, subresource }: ResourceRequest): FieldSet | undefined {
  const path = resource.definition.scale?.specReplicas;
  return subresource?.name === 'scale' && path !== undefined ? fieldSetOfPath(path) : undefined;
}
/** A scale of none leaves the number out: its writer owns nothing then. */
const withoutNone = (resource: Resource) => (object: KubeObject): KubeObject => {
  const path = resource.definition.scale?.specReplicas;
  if (path === undefined || readPath(object, path) !== 0) return object;
  const copy = structuredClone(object);
  writePath(copy, path, undefined);
  return copy;
}; // prettier-ignore
/** The entry of a scale has none: it is lost on the way between Scale and its object. Source: managedfields ScaleHandler.ToParent. */
export const entryTime = (core: Core, subresource: string): string | undefined =>
  subresource === 'scale' ? undefined : formatTime(core.world.clock.now());

const known = new WeakMap<Resource, VersionOf>();
/** The other versions of a kind, for owners who wrote in them. */
export function versionsOf(core: Core, resource: Resource): VersionOf {
  let versionOf = known.get(resource);
  if (versionOf === undefined) {
    versionOf = (apiVersion) => {
      const other = core.registry.byKind({ ...parseApiVersion(apiVersion), kind: resource.kind });
      if (other === undefined) return undefined;
      const { custom } = other.definition;
      const convert = (object: object): Record<string, unknown> =>
        (custom?.versions.raw(object as KubeObject, apiVersion) ??
          fromStorage(other, toStorage(resource, object as KubeObject))) as unknown as Record<string, unknown>;
      return { schema: other.schema, set: core.schemasOf(other), convert };
    };
    known.set(resource, versionOf);
  }
  return versionOf;
}
