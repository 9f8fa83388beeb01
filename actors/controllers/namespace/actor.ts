import type { Fence } from '../../../bus/protocol/api.ts';
import type { Namespace, Pod } from '../../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { source, startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { kindsOf, type Kind } from '../../runtime/kinds.ts';
import { namespaces as namespacesResource, pods as podsResource } from '../../runtime/resources.ts';
import { finalize, FINALIZER, isEmpty, report, type Remains } from './reconcile.ts';

/** Kinds looked at together. */
const TOGETHER = 16;
/** When to look again if nothing tells that something is gone. */
const AGAIN_MS = 1_000;

/** Empties namespaces that are being deleted, pods first, and lets them go when nothing is left. */
export function startNamespaceController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:namespace');
  const namespaces = deps.informers.for<Namespace>(namespacesResource);
  const pods = deps.informers.for<Pod>(podsResource);
  const kinds = kindsOf(deps.informers);

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const namespace = namespaces.get(key);
    if (!namespace?.metadata.deletionTimestamp) return {};
    if (!namespace.spec?.finalizers?.includes(FINALIZER)) return {};
    await kinds.synced;
    await kinds.refresh();
    const found = await deleteContent(client, key, [...kinds.all()], { signal, fence: deps.fence?.() });
    const remains = { ...found, undiscovered: kinds.failing() };
    await execute(report(namespace, remains, now));
    if (!isEmpty(remains)) return { requeueAfterMs: AGAIN_MS };
    const fresh = await client.get<Namespace>(namespacesResource, key, undefined, { signal });
    if (fresh.metadata.uid === namespace.metadata.uid) await execute(finalize(fresh));
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

async function deleteContent(
  client: ApiClient,
  namespace: string,
  kinds: readonly Kind[],
  { signal, fence }: { readonly signal: AbortSignal; readonly fence: Fence | undefined },
): Promise<Omit<Remains, 'undiscovered'>> {
  const counts = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const errors: string[] = [];
  async function empty({ gvr, verbs }: Kind): Promise<void> {
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
      counts.set(`${gvr.resource}.${gvr.group}`, items.length);
      for (const { metadata } of items)
        for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
    } catch (error) {
      signal.throwIfAborted();
      // A kind that has gone since holds nothing.
      const reason = reasonOf(error);
      if (reason !== 'NotFound' && reason !== 'MethodNotAllowed') errors.push((error as Error).message);
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
  return { counts, finalizers, errors };
}
