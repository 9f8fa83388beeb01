import { delay } from '../../../bus/world.ts';
import { parseApiVersion, type KubeObject, type OwnerReference } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isConflict, isNotFound } from '../../runtime/errors.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { Intent } from '../../runtime/intent.ts';
import { kindsOf, type Kind } from '../../runtime/kinds.ts';
import { Graph, names, waitsForDependents, waitsForOrphans, type Item } from './graph.ts';
import { judge, judgeDeleting, type Owner, type OwnerState, type Verdict } from './reconcile.ts';

/** Events own nothing and are owned by nobody, and they are many. Source: DefaultIgnoredResources. */
const isIgnored = ({ gvr }: Kind): boolean => gvr.resource === 'events';
/** Items looked at together; a cascade is as fast as the API takes deletes. */
const WORKERS = 48;
const MAX_ATTEMPTS = 5;
/** How long the first lists of all kinds may take. Source: garbagecollector.go initialSyncTimeout. */
const SYNC_MS = 30_000;

/** Deletes what has lost its owners, in the background, in the foreground, or sets it free; for objects of every kind. */
export function startGarbageCollector(deps: ControllerDeps): Controller {
  const client = deps.client('controller:garbage-collector');
  const recorder = deps.recorderFor(client, 'garbage-collector-controller');
  const kinds = kindsOf(deps.informers);
  const watched = new Map<Kind, Informer<KubeObject>>();
  const graph = new Graph((uid) => controller.enqueue(uid), kinds.byKind);

  async function sync({ key, signal, execute }: SyncContext): Promise<SyncOutput | void> {
    const item = graph.get(key);
    if (!item) return;
    // Its dependents say that it exists; the API knows.
    if (item.isVirtual) return refresh(item, signal);
    await insist(item, signal, async () => {
      // As it is now: news that come while its owners are looked up must not lend their revision to an older verdict.
      const seen = { ...item };
      const verdict = judgeDeleting(seen) ?? judge(seen, await classify(seen, signal));
      await carryOut(seen, verdict, signal, execute);
    });
  }
  /** Tries again with the item as it is, if it has changed since the cache saw it. */
  async function insist(item: Item, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act();
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
        await refresh(item, signal);
        if (graph.get(item.uid) !== item) return;
      }
    }
  }

  async function refresh(item: Item, signal: AbortSignal): Promise<void> {
    const found = await find(item.kind, item.namespace, item.name, signal);
    if (found === 'unknown') return;
    if (found?.metadata.uid === item.uid) graph.observe(item.kind!, found);
    else graph.remove(item.uid);
  }
  async function find(kind: Kind | undefined, namespace: string | undefined, name: string, signal: AbortSignal) {
    // Of a kind that we do not know nothing can be said; better to keep what it owns.
    if (!kind) return 'unknown' as const;
    try {
      return await client.get<KubeObject>(kind.gvr, name, kind.namespaced ? namespace : undefined, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
  function classify(item: Item, signal: AbortSignal): Promise<Owner[]> {
    return Promise.all(
      item.owners.map(async (reference) => ({ reference, state: await stateOf(item, reference, signal) })),
    );
  }
  /** What the graph knows is believed (news would look again); the rest is asked of the API. */
  async function stateOf(item: Item, reference: OwnerReference, signal: AbortSignal): Promise<OwnerState> {
    const known = graph.get(reference.uid);
    if (known && !known.isVirtual && names(reference, item, known))
      return waitsForDependents(known) ? 'waiting' : 'solid';
    if (known && !known.isVirtual && known.namespace !== undefined && known.namespace !== item.namespace)
      tellMisplaced(item, reference);
    if (!known && graph.isAbsent(reference, item)) return 'absent';
    const kind = kinds.byKind(parseApiVersion(reference.apiVersion).group, reference.kind);
    const found = await find(kind, item.namespace, reference.name, signal);
    if (found === 'unknown') return 'solid';
    if (found?.metadata.uid !== reference.uid) return 'absent';
    const { deletionTimestamp, finalizers } = found.metadata;
    return deletionTimestamp && finalizers?.includes('foregroundDeletion') ? 'waiting' : 'solid';
  }

  /** An owner lives where the owned one does, or in no namespace. Source: graph_builder.go reportInvalidNamespaceOwnerRef. */
  function tellMisplaced({ kindName, apiVersion, namespace, name, uid }: Item, owner: OwnerReference): void {
    const regarding = { kind: kindName, apiVersion, namespace, name, uid };
    const named = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace ?? ''}, name: ${owner.name}, uid: ${owner.uid}]`;
    const message = `ownerRef ${named} does not exist in namespace ${JSON.stringify(namespace ?? '')}`;
    recorder.event(regarding, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  async function carryOut(
    item: Item,
    verdict: Verdict,
    signal: AbortSignal,
    execute: SyncContext['execute'],
  ): Promise<void> {
    switch (verdict.do) {
      case 'nothing':
        return;
      case 'press':
        for (const dependent of verdict.dependents) if (!dependent.isDeleting) controller.enqueue(dependent.uid);
        return;
      case 'drop':
        return execute([patch(item, { ownerReferences: item.owners.filter((o) => !verdict.owners.includes(o.uid)) })]);
      case 'release':
        return execute([patch(item, { finalizers: item.finalizers.filter((f) => f !== verdict.finalizer) })]);
      case 'orphan': {
        const free = (d: Item): Promise<void> =>
          insist(d, signal, () => execute([patch(d, { ownerReferences: d.owners.filter((o) => o.uid !== item.uid) })]));
        const queue = verdict.dependents.values();
        const worker = async (): Promise<void> => {
          for (const dependent of queue) await free(dependent);
        };
        await Promise.all(Array.from({ length: WORKERS }, worker));
        return execute([patch(item, { finalizers: item.finalizers.filter((f) => f !== 'orphan') })]);
      }
      case 'delete': {
        if (verdict.unblock)
          await execute([
            patch(item, { ownerReferences: item.owners.map((o) => ({ ...o, blockOwnerDeletion: false })) }),
          ]);
        const { kind, namespace, name, uid } = item;
        // Its owners were judged as of this revision; if it has changed since, it must be judged anew.
        const resourceVersion = verdict.unblock ? undefined : item.resourceVersion;
        const { policy: propagationPolicy } = verdict;
        return execute([{ op: 'delete', gvr: kind!.gvr, namespace, name, uid, resourceVersion, propagationPolicy }]);
      }
    }
  }
  /** Lists are replaced whole, so the revision they were read at is a precondition. */
  function patch(item: Item, metadata: object): Intent {
    return {
      op: 'patch',
      gvr: item.kind!.gvr,
      namespace: item.namespace,
      name: item.name,
      type: 'merge',
      patch: { metadata: { uid: item.uid, resourceVersion: item.resourceVersion, ...metadata } },
      tolerate: ['NotFound'],
    };
  }

  function watch(kind: Kind): void {
    if (isIgnored(kind) || !kind.verbs.has('watch')) return;
    const informer = deps.informers.metadata(kind.gvr);
    watched.set(kind, informer);
    informer.on({
      add: (object) => graph.observe(kind, object),
      update: (object) => graph.observe(kind, object),
      delete: (object) => graph.remove(object.metadata.uid!),
    });
  }
  const controller = startController({
    name: 'garbage-collector',
    ...deps,
    client,
    recorder,
    workers: WORKERS,
    sources: [],
    synced: async () => {
      await kinds.synced;
      const all = Promise.all([...watched.values()].map((informer) => informer.synced));
      // One kind that cannot be listed must not stop the rest: of its objects the API is asked one by one.
      await Promise.race([all, delay(deps.world.clock, SYNC_MS)]);
    },
    onActive: (enqueue) => {
      for (const item of graph.all()) {
        const isInDoubt = item.owners.some((owner) => graph.isDoubtful(owner, item));
        if (item.isVirtual || isInDoubt || waitsForDependents(item) || waitsForOrphans(item)) enqueue(item.uid);
      }
    },
    sync,
  });
  kinds.on({
    add: watch,
    remove: (kind) => {
      // The objects of a kind that is gone are gone with it.
      const informer = watched.get(kind);
      if (!informer) return;
      watched.delete(kind);
      for (const object of informer.all()) graph.remove(object.metadata.uid!);
      deps.informers.drop(informer);
    },
  });
  return controller;
}
