import { fromStorage } from '../../../schemas/convert.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import type { Cell } from '../../../schemas/define.ts';
import { age } from '../../../schemas/meta/time.ts';
import { fieldPath, invalid as invalidField } from '../../../schemas/meta/field.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { badRequest, conflict, invalidKind, notFound } from '../errors.ts';
import { decodeObject } from '../stages/decode.ts';
import { applyPatch, decodePatched } from '../stages/decode-patch.ts';
import { parsePatch, type Patch } from '../stages/parse-patch.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed, retry, type Known } from '../stages/persist.ts';
import { apply } from '../verbs/apply.ts';
import { get } from '../verbs/get.ts';
import { writeOptions } from '../verbs/options.ts';
import { replace } from '../verbs/update.ts';
import { expectedKind } from './expected.ts';

const SCALE = expectedKind('autoscaling/v1', 'Scale');

interface Scale extends Draft {
  readonly spec: { readonly replicas?: number };
}
const read = (object: Draft, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object);
function write(object: Draft, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = object as Record<string, unknown>;
  for (const key of keys) at = (at[key] ??= {}) as Record<string, unknown>;
  at[last] = value;
}
function scaleOf(resource: Resource, object: Draft): Draft {
  const { scale } = resource.definition;
  if (scale === undefined) throw notFound(resource, object.metadata.name ?? '');
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale.selector(object);
  const replicas = read(object, scale.specReplicas) as number | undefined;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas ? { replicas } : {},
    status: {
      replicas: (read(object, scale.statusReplicas) as number | undefined) ?? 0,
      ...(selector && { selector }),
    },
  };
}
const shown = (resource: Resource, object: Draft): Answer => ({
  type: 'object',
  code: 200,
  object: scaleOf(resource, object),
  resource: tableOf(resource),
});
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
  return answer.type === 'entry'
    ? shown(request.resource, fromStorage(request.resource, answer.entry.object) as Draft)
    : answer;
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
/** Who applies a scale owns the replicas of the object. Source: managedfields ScaleHandler. */
async function applyScale(
  core: Core,
  request: ResourceRequest,
  patch: Patch,
  options: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { resource } = request;
  const given = (patch.value ?? {}) as {
    apiVersion?: string;
    kind?: string;
    metadata?: object;
    spec?: { replicas?: number };
  };
  if (given.kind !== 'Scale' || given.apiVersion !== 'autoscaling/v1')
    throw badRequest(`invalid object type: ${given.apiVersion ?? '/'}, Kind=${given.kind ?? ''}`);
  const config: Draft = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { ...given.metadata } };
  if (given.spec?.replicas !== undefined) write(config, resource.definition.scale!.specReplicas, given.spec.replicas);
  const answer = await apply(core, request, { ...patch, value: config }, options);
  if (answer.type === 'entry') return shown(resource, fromStorage(resource, answer.entry.object) as Draft);
  return answer.type === 'object' ? shown(resource, answer.object as Draft) : answer;
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
    const old = fromStorage(resource, known.entry.object) as Draft;
    const wanted = edit(scaleOf(resource, old));
    matchNamespace(resource, info.namespace, wanted);
    matchName(info.name, wanted);
    const version = wanted.metadata.resourceVersion ?? '';
    if (version !== '' && version !== '0' && version !== old.metadata.resourceVersion)
      throw conflict(resource, info.name);
    const uid = wanted.metadata.uid ?? '';
    if (uid !== '' && uid !== old.metadata.uid)
      throw conflict(
        resource,
        info.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      );
    const replicas = wanted.spec?.replicas ?? 0;
    if (replicas < 0)
      throw invalidKind('autoscaling', 'Scale', info.name, [
        invalidField(fieldPath('spec')('replicas'), replicas, 'must be greater than or equal to 0'),
      ]);
    const draft = structuredClone(old);
    write(draft, resource.definition.scale!.specReplicas, replicas);
    if (version === '' || version === '0') delete draft.metadata.resourceVersion;
    const answer = await replace(core, request, known, draft, options, 'patch');
    if (answer === retry) return retry;
    if (answer.type === 'entry') return shown(resource, fromStorage(resource, answer.entry.object) as Draft);
    return isDryRun(request) && answer.type === 'object' ? shown(resource, answer.object as Draft) : answer;
  });
}
