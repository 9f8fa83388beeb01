import { fromWorkedOn } from '../../../schemas/convert.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import type { Cell } from '../../../schemas/define.ts';
import { age } from '../../../schemas/meta/time.ts';
import { fieldPath, invalid as invalidField } from '../../../schemas/meta/field.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { difference, isEmptySet, type FieldSet } from '../../../schemas/patch/managed-fields/field-set.ts';
import { checkConfiguration, fieldSetOfPath } from '../../../schemas/patch/managed-fields/index.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { conflict, internalError, invalidKind, notFound } from '../errors.ts';
import { decodeObject } from '../stages/decode.ts';
import { applyPatch, decodePatched } from '../stages/decode-patch.ts';
import { parsePatch, type Patch } from '../stages/parse-patch.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed, present, retry, type Known } from '../stages/persist.ts';
import { apply } from '../verbs/apply.ts';
import type { Entry } from '../watch-cache/entry.ts';
import { get } from '../verbs/get.ts';
import { writeOptions } from '../verbs/options.ts';
import { readPath, writePath } from '../verbs/paths.ts';
import { replace } from '../verbs/update.ts';
import { expectedKind } from './expected.ts';

const SCALE = expectedKind('autoscaling/v1', 'Scale');

interface Scale extends Draft {
  readonly spec: { readonly replicas?: number };
}
/** `shown`: for a client to see; custom objects may then not be without replicas. */
export function scaleOf(resource: Resource, object: Draft, shown: boolean): Draft {
  const { scale } = resource.definition;
  if (scale === undefined) throw notFound(resource, object.metadata.name ?? '');
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale.selector(object);
  const replicas = readPath(object, scale.specReplicas) as number | undefined;
  if (shown && replicas === undefined && resource.definition.custom !== undefined)
    throw internalError(`the spec replicas field ".${scale.specReplicas}" does not exist`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas ? { replicas } : {},
    status: {
      replicas: (readPath(object, scale.statusReplicas) as number | undefined) ?? 0,
      ...(selector && { selector }),
    },
  };
}
const shown = (resource: Resource, object: Draft): Answer => ({
  type: 'object',
  code: 200,
  object: scaleOf(resource, object, true),
  resource: tableOf(resource),
});
const entryShown = async (resource: Resource, entry: Entry): Promise<Answer> =>
  shown(resource, fromWorkedOn(resource, await present(resource, entry)) as Draft);
const tables = new WeakMap<Resource, Resource>();
/** A Scale has columns of its own. */
function tableOf(resource: Resource): Resource {
  let known = tables.get(resource);
  if (known === undefined) {
    const cells = (o: Draft, now: number): Cell[] => {
      const { spec, status } = o as Draft & { spec: { replicas?: number }; status: { replicas?: number } };
      return [o.metadata.name ?? '', spec.replicas ?? 0, status.replicas ?? 0, age(o.metadata.creationTimestamp, now)];
    };
    known = { ...resource, columns: COLUMNS, definition: { ...resource.definition, cells: cells as never } };
    tables.set(resource, known);
  }
  return known;
}
const COLUMNS = (
  [['Name', 'string'], ['Desired', 'integer'], ['Available', 'integer'], ['Age', 'string']] as const
).map(([name, type]) => ({ name, type, format: '', priority: 0 })); // prettier-ignore

export async function getScale(core: Core, request: ResourceRequest): Promise<Answer> {
  const answer = await get(core, request);
  return answer.type === 'entry' ? entryShown(request.resource, answer.entry) : answer;
}
/** Source: pkg/registry/apps/deployment/storage ScaleREST. */
export async function updateScale(core: Core, request: ResourceRequest): Promise<Answer> {
  const decoded = (await decodeObject(core, request, SCALE)) as Scale;
  return change(core, request, () => structuredClone(decoded), writeOptions(request, 'UpdateOptions'));
}
export async function patchScale(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'PatchOptions');
  const patch = await parsePatch(request);
  if (request.patchType === 'apply') return applyScale(core, request, patch, options);
  const edit = (present: Draft): Scale => {
    const patched = applyPatch(core, request, present, patch.value, SCALE);
    return decodePatched(core, request, patched, present, patch, SCALE) as Scale;
  };
  return change(core, request, edit, options);
}
/**
 * Whoever scales a custom object by a patch owns nothing by it, and the replicas then are nobody's: the real server cannot track
 * Scale among the versions of a custom kind. Source: apiextensions-apiserver pkg/registry/customresource scaleUpdatedObjectInfo.
 */
function disown({ metadata }: Draft, path: string): void {
  const set = fieldSetOfPath(path);
  metadata.managedFields = (metadata.managedFields ?? []).flatMap((entry) => {
    const left = difference((entry.fieldsV1 ?? {}) as FieldSet, set);
    return isEmptySet(left) ? [] : [{ ...entry, fieldsV1: left }];
  });
}
/** Who applies a scale owns the replicas of the object. Source: managedfields ScaleHandler. */
async function applyScale(
  core: Core,
  request: ResourceRequest,
  patch: Patch,
  options: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { resource } = request;
  if (core.isCustom(resource))
    throw new ApiError(
      '',
      'failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid group/version: autoscaling/v1',
      { code: 500 },
    );
  const given = checkConfiguration({
    config: patch.value, kind: SCALE, schema: SCALE.schema, set: core.schemasOf(SCALE),
  }) as { metadata?: object; spec?: { replicas?: number } | null }; // prettier-ignore
  const config: Draft = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { ...given.metadata } };
  const replicas = given.spec?.replicas;
  assertNotNegative(request.info.name, replicas ?? 0);
  if (replicas !== undefined) writePath(config, resource.definition.scale!.specReplicas, replicas);
  const answer = await apply(core, request, { ...patch, value: config }, options, apiVersionOf(SCALE));
  if (answer.type === 'entry') return entryShown(resource, answer.entry);
  return answer.type === 'object' ? shown(resource, answer.object as Draft) : answer;
}
function assertNotNegative(name: string, replicas: number): void {
  if (replicas < 0)
    throw invalidKind('autoscaling', 'Scale', name, [
      invalidField(fieldPath('spec')('replicas'), replicas, 'must be greater than or equal to 0'),
    ]);
}
function change(
  core: Core,
  request: ResourceRequest,
  edit: (present: Draft) => Scale,
  options: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { resource, info } = request;
  const key = storageKey(resource, info.namespace, info.name);
  return guaranteed(core, key, resource, async (known: Known) => {
    if (known.entry === undefined) throw notFound(resource, info.name);
    const old = fromWorkedOn(resource, await present(resource, known.entry)) as Draft;
    const wanted = edit(scaleOf(resource, old, false));
    matchNamespace(resource, info.namespace, wanted);
    matchName(info.name, wanted);
    const version = wanted.metadata.resourceVersion ?? '';
    if (version !== '' && version !== '0' && version !== old.metadata.resourceVersion)
      throw conflict(resource, info.name);
    const uid = wanted.metadata.uid ?? '';
    if (uid !== '' && uid !== old.metadata.uid)
      throw conflict(
        { ...resource, resource: `${resource.resource}/scale` },
        info.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      );
    const replicas = wanted.spec?.replicas ?? 0;
    const isCustom = core.isCustom(resource);
    // Custom kinds say by their own path what may not be.
    if (!isCustom) assertNotNegative(info.name, replicas);
    const draft = structuredClone(old);
    writePath(draft, resource.definition.scale!.specReplicas, replicas);
    if (version === '' || version === '0') delete draft.metadata.resourceVersion;
    const isUntracked = isCustom && request.info.verb === 'patch';
    if (isUntracked) disown(draft, resource.definition.scale!.specReplicas);
    const answer = await replace(core, request, known, draft, options, isUntracked ? 'apply' : 'patch');
    if (answer === retry) return retry;
    if (answer.type === 'entry') return entryShown(resource, answer.entry);
    return isDryRun(request) && answer.type === 'object' ? shown(resource, answer.object as Draft) : answer;
  });
}
