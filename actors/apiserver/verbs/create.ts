import { formatTime } from '../../../schemas/meta/time.ts';
import { generatedName } from '../../../schemas/meta/names.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { refuseAfterTheEnd } from '../custom/after-the-end.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { alreadyExists, generateNameExhausted, plain } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { decodeObject } from '../stages/decode.ts';
import { applyDefaults } from '../stages/default.ts';
import { asStored } from '../stages/empties.ts';
import { fillForCreate, generateName, matchNamespace, wipeSystemFields } from '../stages/metadata.ts';
import { trackManagedFields } from '../stages/managed-fields.ts';
import { put, storageOf, storedForm } from '../stages/persist.ts';
import { givesWay } from '../stages/gives-way.ts';
import { validateCreate } from '../stages/validate.ts';
import { fromStorage, fromWorkedOn, toWorkedOn, whenConverted } from '../../../schemas/convert.ts';
import { bind } from '../subresources/binding.ts';
import { createVirtual } from './virtual.ts';
import { dedupOwners, dropUnserved, writeOptions } from './options.ts';

/** Names tried for one generateName before giving up. Source: genericregistry maxNameGenerationCreateAttempts. */
const ATTEMPTS = 8;

/** Source: apiserver pkg/endpoints/handlers/create.go, pkg/registry/generic/registry/store.go Create. */
export async function create(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'CreateOptions');
  if (core.virtualCreates.has(request.resource.resource)) return createVirtual(core, request);
  if (request.resource.kind === 'Binding') return bind(core, request);
  const giveWay = givesWay(core.world.clock);
  const draft = await decodeObject(core, request);
  await giveWay();
  wipeSystemFields(draft);
  matchNamespace(request.resource, request.info.namespace, draft);
  return createObject(core, request, draft, options);
}

export const hookKey = (resource: Resource): string => resource.resource;

/** The part of create that apply and PUT of a missing object share. */
export async function createObject(
  core: Core,
  request: ResourceRequest,
  decoded: Draft,
  options: Readonly<Record<string, unknown>>,
  managed = false,
): Promise<Answer> {
  const { resource } = request;
  const storage = storageOf(core, resource);
  const { definition } = storage;
  const giveWay = givesWay(core.world.clock);
  let draft = applyDefaults(core, storage, toWorkedOn(resource, decoded) as Draft);
  await giveWay();
  if (!managed) draft = await trackManagedFields(core, request, undefined, draft);
  await giveWay();
  const input: AdmissionInput = {
    operation: 'CREATE', resource, subresource: undefined, name: draft.metadata.name ?? '', object: draft, old: undefined, options,
  }; // prettier-ignore
  if (core.isCustom(resource)) refuseAfterTheEnd(core, resource, input.name);
  await mutate(core, request, input);
  dedupOwners(request, draft);
  fillForCreate(core.world, resource, draft);
  const base = draft.metadata.name ? '' : (draft.metadata.generateName ?? '');
  const { nameEnd } = request;
  if (base !== '') {
    draft.metadata.name = nameEnd === undefined ? generateName(core.world, base) : generatedName(base, nameEnd);
    // Defaults that follow from the name.
    draft = applyDefaults(core, storage, draft);
  }
  const finish = await core.hooks.get(hookKey(resource))?.beginCreate?.(draft, isDryRun(request));
  let committed = false;
  try {
    // Some kinds copy the name, the uid or the time into what they prepare.
    if (definition.prepareForCreate)
      draft = definition.prepareForCreate(draft, request.user, formatTime(core.world.clock.now())) as Draft;
    if (definition.earlyWarnings) request.warnings.push(...definition.earlyWarnings(draft));
    const loading = definition.beforeValidation?.(draft, giveWay);
    if (loading) await loading;
    validateCreate(core, storage, draft, resource);
    await giveWay();
    if (definition.warnings) request.warnings.push(...definition.warnings(draft, undefined));
    await validateAdmission(core, request, { ...input, name: draft.metadata.name ?? '', object: draft });
    const answer = await commit(core, request, asStored(core, request, draft), nameEnd === undefined ? base : '');
    committed = !isDryRun(request);
    return answer;
  } finally {
    await finish?.(committed);
  }
}
/** Writes under the given name, or under generated ones until one is free. */
async function commit(core: Core, request: ResourceRequest, draft: Draft, base: string): Promise<Answer> {
  const { resource } = request;
  for (let attempt = 1; ; attempt++) {
    const name = draft.metadata.name ?? '';
    const key = storageKey(resource, request.info.namespace, name);
    if (isDryRun(request)) {
      if (core.cache.of(resource).byKey.has(key)) throw alreadyExists(resource, name);
      return { type: 'object', code: 201, object: await rehearsed(core, resource, draft), resource };
    }
    const stored = await storedForm(core, resource, unversioned(request, dropUnserved(draft)));
    const entry = await put(core, request, key, stored, 0);
    if (entry !== undefined) return { type: 'entry', code: 201, resource, entry };
    if (base === '') throw existsOrTerminating(core, request, key, name);
    if (attempt >= ATTEMPTS) throw generateNameExhausted(resource, name);
    draft.metadata.name = generateName(core.world, base);
  }
}
/** What the store would give back. */
export async function rehearsed(core: Core, resource: Resource, draft: Draft): Promise<KubeObject> {
  if (!core.isCustom(resource)) return fromWorkedOn(resource, draft);
  const stored = await storedForm(core, resource, draft);
  stored.metadata = draft.metadata;
  return whenConverted(() => fromStorage(resource, stored));
}
/** Only POST minds a version that could be one; rehearsals never do. Source: apiserver pkg/storage/etcd3 store.go Create. */
function unversioned(request: ResourceRequest, draft: Draft): Draft {
  const { resourceVersion } = draft.metadata;
  if (request.info.verb === 'create' && resourceVersion && /^\d+$/.test(resourceVersion) && Number(resourceVersion) > 0)
    throw plain('resourceVersion should not be set on objects to be created');
  delete draft.metadata.resourceVersion;
  return draft;
}
/** Source: genericregistry store.go Create, rest.CheckGeneratedNameError. */
function existsOrTerminating(core: Core, request: ResourceRequest, key: string, name: string): Error {
  const { resource } = request;
  const entry = core.cache.of(resource).byKey.get(key);
  const present = entry?.object;
  if (present?.metadata.deletionTimestamp === undefined || present.metadata.deletionTimestamp === null)
    return alreadyExists(resource, name);
  const error = alreadyExists(resource, name);
  return Object.assign(error, {
    status: { ...error.status, message: `object is being deleted: ${error.status.message}` },
  });
}
