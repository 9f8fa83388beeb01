import type { Fence } from '../../../bus/protocol/api.ts';
import type { Namespace, Pod } from '../../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { kindsOf, type Kind } from '../../runtime/kinds.ts';
import { namespaces as namespacesResource, pods as podsResource } from '../../runtime/resources.ts';
import { finalize, FINALIZER, isEmpty, report, type Remains } from './reconcile.ts';

/** Kinds looked at together. */
const TOGETHER = 16;
/**
 * When to look again if nothing tells that something is gone: soon, then ever later. Source: for the longest
 * pkg/controller/namespace/deletion finalizerEstimateSeconds, of which the controller waits half and a second.
 */
const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 8_000;
const nameOf = ({ gvr }: Kind): string => `${gvr.resource}.${gvr.group}`;

/** Empties namespaces that are being deleted, pods first, and lets them go when nothing is left. */
export function startNamespaceController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:namespace');
  const namespaces = deps.informers.for<Namespace>(namespacesResource);
  const pods = deps.informers.for<Pod>(podsResource);
  const kinds = kindsOf(deps.informers);
  /** What the last look found something left of, and how many looks there were. */
  const waiting = new Map<
    string,
    { readonly uid: string; readonly for: ReadonlySet<string>; readonly looks: number }
  >();

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const namespace = namespaces.get(key);
    if (!namespace?.metadata.deletionTimestamp) {
      waiting.delete(key);
      return {};
    }
    if (!namespace.spec?.finalizers?.includes(FINALIZER)) return {};
    await kinds.synced;
    await kinds.refresh();
    const uid = namespace.metadata.uid!;
    const known = waiting.get(key);
    const before = known?.uid === uid ? known : undefined;
    const all = [...kinds.all()];
    const undiscovered = kinds.failing();
    const look = (at: readonly Kind[]): Promise<Found> =>
      deleteContent(client, key, at, { signal, fence: deps.fence?.() });
    // Nothing is made any more in a namespace that goes: while something is left of some kinds, the others need no look.
    const left = before && undiscovered.length === 0 ? all.filter((kind) => before.for.has(nameOf(kind))) : [];
    let found = left.length > 0 ? await look(left) : undefined;
    if (found === undefined || found.left.size === 0) found = await look(all);
    const remains = { ...found, undiscovered };
    await execute(report(namespace, remains, now));
    if (!isEmpty(remains)) {
      const looks = (before?.looks ?? 0) + 1;
      waiting.set(key, { uid, for: found.left, looks });
      return { requeueAfterMs: Math.min(AGAIN_MS * 2 ** (looks - 1), AGAIN_MAX_MS) };
    }
    waiting.delete(key);
    const fresh = await client.get<Namespace>(namespacesResource, key, undefined, { signal });
    if (fresh.metadata.uid === uid) await execute(finalize(fresh));
    return {};
  }
  return startController({
    name: 'namespace',
    ...deps,
    client,
    workers: 10,
    sources: [
      source(namespaces, (namespace) => (namespace.metadata.deletionTimestamp ? [namespace.metadata.name!] : [])),
      source(pods, ({ metadata: { namespace, name } }) => {
        // The last pods of a dying namespace are what it waits for.
        const isDying = namespaces.get(namespace!)?.metadata.deletionTimestamp !== undefined;
        return isDying && !pods.get(`${namespace}/${name}`) ? [namespace!] : [];
      }),
    ],
    sync: async (context) => {
      try {
        return await sync(context);
      } catch (error) {
        // Gone while it was being looked at: what we wanted.
        if (reasonOf(error) === 'NotFound') return {};
        throw error;
      }
    },
  });
}

type Found = Omit<Remains, 'undiscovered'> & {
  /** Kinds of which there is something, or of which it is not known. */
  readonly left: ReadonlySet<string>;
};
async function deleteContent(
  client: ApiClient,
  namespace: string,
  kinds: readonly Kind[],
  { signal, fence }: { readonly signal: AbortSignal; readonly fence: Fence | undefined },
): Promise<Found> {
  const counts = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const errors: string[] = [];
  const left = new Set<string>();
  async function empty(kind: Kind): Promise<void> {
    const { gvr, verbs } = kind;
    try {
      const before = await client.list(gvr, { namespace, signal });
      if (before.items.length === 0) return;
      const options = { propagationPolicy: 'Background', signal, fence } as const;
      if (verbs.has('deletecollection')) await client.deleteCollection(gvr, namespace, options);
      else
        for (const { metadata } of before.items)
          await client.delete(gvr, metadata.name!, namespace, options).catch((error: unknown) => {
            if (reasonOf(error) !== 'NotFound') throw error;
          });
      const { items } = await client.list(gvr, { namespace, signal });
      if (items.length === 0) return;
      counts.set(nameOf(kind), items.length);
      left.add(nameOf(kind));
      for (const { metadata } of items)
        for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
    } catch (error) {
      signal.throwIfAborted();
      // A kind that has gone since holds nothing.
      const reason = reasonOf(error);
      if (reason === 'NotFound' || reason === 'MethodNotAllowed') return;
      errors.push((error as Error).message);
      left.add(nameOf(kind));
    }
  }
  // Pods first: what they use must not go before them. Source: KEP-5080 Ordered Namespace Deletion.
  const isPods = ({ gvr }: Kind): boolean => gvr.group === '' && gvr.resource === 'pods';
  const first = kinds.filter(isPods);
  const rest = kinds.filter((kind) => kind.namespaced && !isPods(kind));
  for (const kind of first) await empty(kind);
  if (counts.size === 0 && errors.length === 0) {
    const queue = rest.values();
    const worker = async (): Promise<void> => {
      for (const kind of queue) await empty(kind);
    };
    await Promise.all(Array.from({ length: TOGETHER }, worker));
  }
  return { counts, finalizers, errors, left };
}
