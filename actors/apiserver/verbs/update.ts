import { fromWorkedOn, toWorkedOn } from '../../../schemas/convert.ts';
import { copyJson } from '../../../schemas/meta/copy.ts';
import { fieldPath, invalid as invalidField } from '../../../schemas/meta/field.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { storageKey } from '../../../schemas/resource.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { conflict, invalidKind, notFound } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { decodeObject } from '../stages/decode.ts';
import { applyDefaults } from '../stages/default.ts';
import { asKept, asStored } from '../stages/empties.ts';
import { trackManagedFields } from '../stages/managed-fields.ts';
import { matchName, matchNamespace, sameValue, specChanged, tracksGeneration } from '../stages/metadata.ts';
import { guaranteed, present, put, remove, retry, storageOf, storedForm, type Known } from '../stages/persist.ts';
import { restoreUnwritten } from '../stages/reset.ts';
import { givesWay } from '../stages/gives-way.ts';
import { validateUpdate } from '../stages/validate.ts';
import { createObject, hookKey, rehearsed } from './create.ts';
import { parseVersion } from './get.ts';
import { dedupOwners, dropUnserved, writeOptions } from './options.ts';

/** PUT of an object or of its status. Source: apiserver pkg/endpoints/handlers/update.go. */
export async function update(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'UpdateOptions');
  const { resource, info } = request;
  const giveWay = givesWay(core.world.clock);
  const decoded = await decodeObject(core, request);
  await giveWay();
  matchNamespace(resource, info.namespace, decoded);
  matchName(info.name, decoded);
  const key = storageKey(resource, info.namespace, info.name);
  return guaranteed(core, key, resource, async (known) => {
    if (known.entry === undefined) {
      if (!resource.definition.allowCreateOnUpdate || request.subresource !== undefined)
        throw notFound(resource, info.name);
      checkUid(request, decoded, undefined, key);
      parseVersion(decoded.metadata.resourceVersion ?? null);
      return createObject(core, request, copyJson(decoded), options);
    }
    checkUid(request, decoded, known.entry.object, key);
    const version = parseVersion(decoded.metadata.resourceVersion ?? null) ?? 0;
    if (version === 0 && resource.definition.requiresResourceVersionOnUpdate)
      throw invalidKind(resource.group, resource.resource, info.name, [
        invalidField(fieldPath('metadata')('resourceVersion'), 0, 'must be specified for an update'),
      ]);
    if (version !== 0 && version !== known.entry.revision) throw conflict(resource, info.name);
    return replace(core, request, known, copyJson(decoded), options, 'update');
  });
}

/**
 * From a new version of an object to its commit: what PUT, all patches and the subresources share. Answers `retry` if the
 * object changed meanwhile and the writer did not say which version it meant.
 */
export async function replace(
  core: Core,
  request: ResourceRequest,
  known: Known,
  decoded: Draft,
  options: Readonly<Record<string, unknown>>,
  how: 'update' | 'patch' | 'apply',
): Promise<Answer | typeof retry> {
  const { resource, subresource } = request;
  const storage = storageOf(core, resource);
  const { definition } = storage;
  const entry = known.entry!;
  const name = request.info.name;
  const old = await present(resource, entry);
  const given = decoded.metadata.resourceVersion;
  const pinned = given !== undefined && given !== '' && given !== '0';
  const giveWay = givesWay(core.world.clock);
  let draft = applyDefaults(core, storage, toWorkedOn(resource, decoded) as Draft);
  await giveWay();
  // Whoever did not say which version he means is admitted as such.
  if (how !== 'update' || pinned) draft.metadata.resourceVersion = old.metadata.resourceVersion;
  const onStatus = subresource?.name === 'status';
  if (how !== 'apply') draft = await trackManagedFields(core, request, old, draft);
  await giveWay();
  const input: AdmissionInput = { operation: 'UPDATE', resource, subresource, name, object: draft, old, options };
  await mutate(core, request, input);
  draft.metadata.resourceVersion = old.metadata.resourceVersion;
  dedupOwners(request, draft);
  const hook = onStatus ? undefined : core.hooks.get(hookKey(resource));
  const finish = await hook?.beginUpdate?.(draft, old, isDryRun(request));
  let committed = false;
  try {
    draft = keepWhatIsTheServers(core, request, draft, old);
    await giveWay();
    const loading = definition.beforeValidation?.(draft, giveWay, old, onStatus);
    if (loading) await loading;
    try {
      validateUpdate(core, storage, draft, old, subresource?.name ?? '', resource);
    } finally {
      if (definition.ratcheted) request.warnings.push(...definition.ratcheted(draft));
    }
    await giveWay();
    const warnings = onStatus ? definition.statusWarnings : definition.warnings;
    if (warnings) request.warnings.push(...warnings(draft, old));
    await validateAdmission(core, request, { ...input, object: draft });
    const answer = await commit(core, request, known, asStored(core, request, draft), old, pinned);
    committed = answer !== retry && answer.type === 'entry' && answer.entry !== entry;
    return answer;
  } finally {
    await finish?.(committed);
  }
}
async function commit(
  core: Core,
  request: ResourceRequest,
  known: Known,
  draft: Draft,
  old: Draft,
  pinned: boolean,
): Promise<Answer | typeof retry> {
  const { resource } = request;
  const entry = known.entry!;
  if (emptied(draft, old)) return removeEmptied(core, request, entry.key, entry.revision, draft, pinned);
  const stored = await storedForm(core, resource, isDryRun(request) ? draft : dropUnserved(draft));
  // What would be encrypted otherwise today is written although it says the same: so keys are changed.
  if (sameAsStored(stored, entry.object) && !core.vault.isStale(entry.key, entry.stored)) {
    if (!known.fresh) {
      await core.barrier();
      if (core.cache.of(resource).byKey.get(entry.key) !== entry) return retry;
    }
    return { type: 'entry', code: 200, resource, entry };
  }
  if (isDryRun(request)) return { type: 'object', code: 200, object: await rehearsed(core, resource, draft), resource };
  const written = await put(core, request, entry.key, stored, entry.revision);
  if (written !== undefined) return { type: 'entry', code: 200, resource, entry: written };
  if (pinned) throw conflict(resource, request.info.name);
  return retry;
}

/** The uid of the body is a precondition, also of an object that is not there. Source: apiserver pkg/storage Preconditions.Check. */
function checkUid(request: ResourceRequest, given: Draft, old: Draft | undefined, key: string): void {
  const uid = given.metadata.uid ?? '';
  const present = old?.metadata.uid ?? '';
  if (uid === '' || uid === present) return;
  // Rehearsals look before the prefix of the store is added.
  const shown = isDryRun(request) ? key.replace('/registry', '') : key;
  throw conflict(
    request.resource,
    request.info.name,
    `StorageError: invalid object, Code: 4, Key: ${shown}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${present}`,
  );
}
function keepWhatIsTheServers(core: Core, request: ResourceRequest, given: Draft, old: Draft): Draft {
  const { resource, subresource } = request;
  const { definition } = storageOf(core, resource);
  let draft = given;
  let raised = false;
  const onStatus = subresource?.name === 'status';
  if (onStatus || subresource?.name === 'approval') {
    draft = restoreUnwritten(core, request, draft, old);
    if (definition.prepareForStatusUpdate)
      draft = definition.prepareForStatusUpdate(
        draft,
        old,
        formatTime(core.world.clock.now()),
        subresource.name,
      ) as Draft;
  } else if (subresource !== undefined && Object.hasOwn(definition.doors ?? {}, subresource.name)) {
    const { managedFields } = draft.metadata;
    draft = definition.doors![subresource.name]!.prepare(draft, old) as Draft;
    if (managedFields) draft.metadata.managedFields = managedFields;
  } else if (subresource?.name !== 'scale' && definition.prepareForUpdate) {
    setOrDrop(draft.metadata, 'generation', old.metadata.generation);
    draft = definition.prepareForUpdate(draft, old) as Draft;
    // Some kinds count changes beyond their spec.
    raised = (draft.metadata.generation ?? 0) > (old.metadata.generation ?? 0);
  }
  const m = draft.metadata;
  if (!m.uid) m.uid = old.metadata.uid;
  m.creationTimestamp = old.metadata.creationTimestamp;
  // What is being deleted stays so; what is not cannot be made so, which validation says.
  if (old.metadata.deletionTimestamp) m.deletionTimestamp = old.metadata.deletionTimestamp;
  m.deletionGracePeriodSeconds ??= old.metadata.deletionGracePeriodSeconds;
  setOrDrop(m, 'generation', old.metadata.generation);
  if (
    raised ||
    (!onStatus &&
      tracksGeneration(resource) &&
      specChanged(definition.countsEmpties ? draft : asKept(core, request, draft), old))
  )
    m.generation = (old.metadata.generation ?? 0) + 1;
  return draft;
}
function setOrDrop(target: object, key: string, value: unknown): void {
  if (value === undefined || value === null) delete (target as Record<string, unknown>)[key];
  else (target as Record<string, unknown>)[key] = value;
}
/** The last finalizer of a deleted object is gone. Source: genericregistry ShouldDeleteDuringUpdate. */
function emptied(draft: Draft, old: Draft): boolean {
  if ((draft.metadata.finalizers?.length ?? 0) > 0 || !old.metadata.deletionTimestamp) return false;
  if (hasSpecFinalizers(draft)) return false;
  return (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}
/** Namespaces wait for spec.finalizers as well. Source: pkg/registry/core/namespace/storage ShouldDeleteNamespaceDuringUpdate. */
export const hasSpecFinalizers = (draft: Draft): boolean =>
  ((draft['spec'] as { finalizers?: readonly string[] } | undefined)?.finalizers?.length ?? 0) > 0;

async function removeEmptied(
  core: Core,
  request: ResourceRequest,
  key: string,
  revision: number,
  draft: Draft,
  pinned: boolean,
): Promise<Answer | typeof retry> {
  if (!isDryRun(request) && (await remove(core, request, key, revision)) === undefined) {
    if (pinned) throw conflict(request.resource, request.info.name);
    return retry;
  }
  if (!isDryRun(request)) await core.hooks.get(hookKey(request.resource))?.afterDelete?.(draft);
  return { type: 'object', code: 200, object: fromWorkedOn(request.resource, draft), resource: request.resource };
}
/** Nothing but the version differs. */
export function sameAsStored(stored: Draft, present: Draft): boolean {
  const { resourceVersion: _ignored, ...metadata } = present.metadata;
  if (!sameMetadata(stored.metadata, metadata)) return false;
  const { metadata: _a, ...left } = stored;
  const { metadata: _b, ...right } = present;
  return sameValue(left, right);
}
/** A managedFields entry that only became younger is no change. Source: fieldmanager skipNonApplied / noop detection. */
function sameMetadata(a: Draft['metadata'], b: Draft['metadata']): boolean {
  const { managedFields: left, ...x } = a;
  const { managedFields: right, ...y } = b;
  if (!sameValue(x, y)) return false;
  const withoutTime = (list: typeof left): unknown => (list ?? []).map(({ time: _time, ...rest }) => rest);
  return sameValue(withoutTime(left), withoutTime(right));
}
