import { fromWorkedOn } from '../../../schemas/convert.ts';
import { copyJson } from '../../../schemas/meta/copy.ts';
import { formatTime, parseTime } from '../../../schemas/meta/time.ts';
import type { Status } from '../../../schemas/meta/status.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { conflict, notFound } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { guaranteed, present, put, remove, retry, storedForm, type Known } from '../stages/persist.ts';
import type { Entry } from '../watch-cache/entry.ts';
import { deleteOptions, rehearsedAs, type DeleteOptions } from './delete-options.ts';
import { hasSpecFinalizers } from './update.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** Source: apiserver pkg/endpoints/handlers/delete.go; pkg/registry/generic/registry/store.go Delete. */
async function deleteOne(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = await deleteOptions(request);
  return deleteObject(core, rehearsedAs(request, options), options);
}
export { deleteOne as delete };

/**
 * What DELETE comes to: the object while it is still there (or when its kind says so), else a Status. Admission is told of
 * one of a collection without its name, and of what an eviction deletes not at all.
 */
export async function deleteObject(
  core: Core,
  request: ResourceRequest,
  options: DeleteOptions,
  admission: 'named' | 'unnamed' | 'none' = 'named',
): Promise<Answer> {
  const { resource, info } = request;
  const key = storageKey(resource, info.namespace, info.name);
  if (
    resource.definition.warnsOfOrphans &&
    options.propagationPolicy === undefined &&
    options.orphanDependents === undefined
  )
    request.warnings.push(
      `child pods are preserved by default when ${resource.resource} are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning`,
    );
  const dryRun = isDryRun(request) || (options.dryRun?.length ?? 0) > 0;
  const input: AdmissionInput = {
    operation: 'DELETE', resource, subresource: request.subresource, name: admission === 'named' ? info.name : '', object: undefined, old: undefined,
    options: options as Readonly<Record<string, unknown>>,
  }; // prettier-ignore
  let marked: Draft | undefined;
  return guaranteed(core, key, resource, async (known) => {
    const uid = marked?.metadata.uid;
    // Whoever hears that it is to go, as a kubelet does, may have removed it before us: it is gone as it was to be.
    if (marked && known.entry?.object.metadata.uid !== uid) return removed(resource, marked, marked);
    if (known.entry === undefined) throw notFound(resource, info.name);
    const old = await present(resource, known.entry);
    checkPreconditions(resource, old, options);
    if (admission !== 'none') {
      await mutate(core, request, { ...input, old });
      await validateAdmission(core, request, { ...input, old });
    }
    return attempt(core, request, known, old, options, dryRun, (draft) => (marked = draft));
  });
}
/** Throws Conflict. */
export function checkPreconditions(resource: Resource, old: Draft, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const name = old.metadata.name ?? '';
  const named = { group: resource.group, resource: resource.kind };
  if (resource.definition.deletesByItself) {
    for (const [what, wanted, present] of [['UID', uid, old.metadata.uid], ['ResourceVersion', resourceVersion, old.metadata.resourceVersion]]) // prettier-ignore
      if (wanted !== undefined && wanted !== present)
        throw conflict(resource, name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${present}`); // prettier-ignore
    return;
  }
  if (uid !== undefined && uid !== old.metadata.uid)
    throw conflict(
      named,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(
      named,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
    );
}

/** What a deletion does to the object first. */
interface Marked {
  readonly draft: Draft;
  readonly changed: boolean;
  /** Stays until someone else finishes: finalizers, or a grace period. */
  readonly waits: boolean;
}
async function attempt(
  core: Core,
  request: ResourceRequest,
  known: Known,
  old: Draft,
  options: DeleteOptions,
  dryRun: boolean,
  onMarked: (object: Draft) => void,
): Promise<Answer | typeof retry> {
  const { resource } = request;
  const entry = known.entry!;
  const marked = mark(core, resource, old, options);
  let revision = entry.revision;
  let present: Entry = entry;
  if (marked.changed && !dryRun) {
    const written = await put(core, request, entry.key, await storedForm(core, resource, marked.draft), revision);
    if (written === undefined) return retry;
    revision = written.revision;
    present = written;
    onMarked(atRevision(marked.draft, revision));
  }
  // Only those who asked for it in this way are told that it takes time. Source: apiserver handlers delete.go.
  const code = options.orphanDependents === false ? 202 : 200;
  if (marked.waits)
    return dryRun
      ? { type: 'object', code, object: fromWorkedOn(resource, marked.draft), resource }
      : { type: 'entry', code, resource, entry: present };
  const gone = dryRun ? 0 : await remove(core, request, entry.key, revision);
  if (gone === undefined) return retry;
  if (!dryRun) await core.hooks.get(resource.resource)?.afterDelete?.(marked.draft);
  // What is answered is the object's last state, at the version at which it went.
  return removed(resource, dryRun ? marked.draft : atRevision(marked.draft, gone), old);
}
const atRevision = (draft: Draft, revision: number): Draft => ({
  ...draft,
  metadata: { ...draft.metadata, resourceVersion: String(revision) },
});
const removed = (resource: Resource, last: Draft, old: Draft): Answer =>
  resource.definition.deleteReturnsObject
    ? { type: 'object', code: 200, object: fromWorkedOn(resource, last), resource }
    : { type: 'object', code: 200, object: deleted(resource, old) };
/** Source: apiserver pkg/endpoints/handlers/delete.go. */
function deleted(resource: Resource, old: Draft): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: old.metadata.name ?? '',
      ...(resource.group !== '' && { group: resource.group }),
      kind: resource.resource,
      uid: old.metadata.uid ?? '',
    },
  } as unknown as Status;
}

function mark(core: Core, resource: Resource, old: Draft, options: DeleteOptions): Marked {
  const { definition } = resource;
  const m = old.metadata;
  const now = core.world.clock.now();
  const graceful = definition.gracePeriodSeconds;
  if (definition.prepareForDelete && !m.deletionTimestamp) {
    const at = formatTime(now);
    const marked = definition.prepareForDelete(copyJson(old), at) as Draft;
    marked.metadata.deletionTimestamp = at;
    return { draft: marked, changed: true, waits: true };
  }
  const draft: Draft = { ...old, metadata: { ...m } };
  const wanted = finalizersFor(resource, m.finalizers ?? [], options);
  const finalizersChanged = !sameList(wanted, m.finalizers ?? []);
  // Those that stay keep their order.
  const finalizers = finalizersChanged ? wanted : (m.finalizers ?? []);
  if (finalizers.length > 0) draft.metadata.finalizers = finalizers;
  else delete draft.metadata.finalizers;
  const pending = finalizers.length > 0 || hasSpecFinalizers(old);
  const generation = (): void => {
    if ((m.generation ?? 0) > 0) draft.metadata.generation = m.generation! + 1;
  };
  if (graceful !== undefined) {
    if (m.deletionTimestamp && (m.deletionGracePeriodSeconds ?? 0) > 0) {
      const given = m.deletionGracePeriodSeconds!;
      // Under way: a deletion may only be hastened.
      const asked = options.gracePeriodSeconds;
      if (asked === undefined || asked >= given) return { draft: old, changed: false, waits: true };
      const until = (parseTime(m.deletionTimestamp) ?? now) + (asked - given) * 1000;
      // Not into the past: who asked for some time gets a second more.
      const left = until < now && asked !== 0 ? 1 : asked;
      draft.metadata.deletionTimestamp = formatTime(Math.max(until, now));
      draft.metadata.deletionGracePeriodSeconds = left;
      return { draft, changed: true, waits: pending || left > 0 };
    }
    const seconds = m.deletionTimestamp ? undefined : graceful(old, options.gracePeriodSeconds);
    if (seconds !== undefined) {
      draft.metadata.deletionTimestamp = formatTime(now + seconds * 1000);
      draft.metadata.deletionGracePeriodSeconds = seconds;
      generation();
      return { draft, changed: true, waits: pending || seconds > 0 };
    }
  }
  if (!pending) return { draft, changed: false, waits: false };
  if (hasSpecFinalizers(old)) {
    if (m.deletionTimestamp) return { draft: finalizersChanged ? draft : old, changed: finalizersChanged, waits: true };
    draft.metadata.deletionTimestamp = formatTime(now);
    terminating(draft);
    return { draft, changed: true, waits: true };
  }
  // Not graceful, but somebody has to clean up first. Source: genericregistry markAsDeleting.
  const at = m.deletionTimestamp ? (parseTime(m.deletionTimestamp) ?? 0) : undefined;
  if (at === undefined || at > now) {
    draft.metadata.deletionTimestamp = formatTime(now);
    generation();
  }
  const wasMarked = m.deletionTimestamp && m.deletionGracePeriodSeconds === 0 && !finalizersChanged;
  draft.metadata.deletionGracePeriodSeconds = 0;
  return { draft, changed: !wasMarked, waits: true };
}
/** A namespace says so in its phase. Source: pkg/registry/core/namespace/storage Delete. */
function terminating(draft: Draft): void {
  draft['status'] = { ...(draft['status'] as object | undefined), phase: 'Terminating' };
}
const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((v) => b.includes(v));

/** Source: genericregistry deletionFinalizersForGarbageCollection. */
function finalizersFor(resource: Resource, present: readonly string[], options: DeleteOptions): string[] {
  const rest = present.filter((f) => f !== ORPHAN && f !== FOREGROUND);
  // Events own nothing, whatever is asked.
  if (resource.definition.defaultPropagation === 'Unsupported') return rest;
  const policy = options.propagationPolicy;
  let orphan: boolean;
  let foreground: boolean;
  if (options.orphanDependents !== undefined) {
    orphan = options.orphanDependents;
    foreground = false;
  } else if (policy !== undefined) {
    orphan = policy === 'Orphan';
    foreground = policy === 'Foreground';
  } else {
    const explicit = present.includes(ORPHAN) || present.includes(FOREGROUND);
    orphan = explicit ? present.includes(ORPHAN) : resource.definition.defaultPropagation === 'Orphan';
    foreground = present.includes(FOREGROUND) && !orphan;
  }
  return [...rest, ...(orphan ? [ORPHAN] : []), ...(foreground ? [FOREGROUND] : [])];
}
