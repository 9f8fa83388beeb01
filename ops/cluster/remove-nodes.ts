import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { connectTool } from './connect.ts';
import type { ClusterPaths } from './paths.ts';

/** Pods of a node that goes have so long to find another place; disruption budgets may hold them for as long. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 250;

/**
 * Takes nodes out of a cluster as kubectl does: cordons them, evicts their pods, within disruption budgets, waits for
 * these to end, has `stop` end the node agents, and deletes the nodes with what is left on them.
 */
export async function removeNodes(
  paths: ClusterPaths,
  names: readonly string[],
  stop: () => Promise<void>,
): Promise<void> {
  const { bus, world } = await connectTool(paths, 'admin');
  const api = createApiClient(bus, world, 'admin');
  try {
    const there = (await Promise.all(names.map((name) => cordon(api, name)))).filter((n) => n !== undefined);
    await Promise.all(there.map((name) => empty(api, name)));
    await stop();
    await Promise.all(there.map((name) => remove(api, name)));
  } finally {
    await bus.drain();
  }
}
const orGone = (error: unknown): undefined => {
  if (reasonOf(error) !== 'NotFound') throw error;
};
async function cordon(api: ApiClient, name: string): Promise<string | undefined> {
  const found = await api
    .patch(resources.nodes, name, undefined, 'merge', { spec: { unschedulable: true } })
    .catch(orGone);
  return found === undefined ? undefined : name;
}
const podsOf = async (api: ApiClient, node: string): Promise<readonly Pod[]> =>
  (await api.list<Pod>(resources.pods, { fieldSelector: `spec.nodeName=${node}` })).items;
/** Those that could run elsewhere. */
const canMove = (pod: Pod): boolean =>
  !pod.metadata.ownerReferences?.some((o) => o.controller === true && o.kind === 'DaemonSet') &&
  pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined;

async function empty(api: ApiClient, node: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const left = (await podsOf(api, node)).filter(canMove);
    if (left.length === 0 || Date.now() > deadline) return;
    await Promise.all(left.filter((p) => p.metadata.deletionTimestamp === undefined).map((pod) => evict(api, pod)));
    await new Promise((r) => setTimeout(r, LOOK_MS));
  }
}
async function evict(api: ApiClient, pod: Pod): Promise<void> {
  const { name, namespace } = pod.metadata;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } } as KubeObject;
  try {
    await api.create(resources.pods, eviction, { name: name!, namespace: namespace!, subresource: 'eviction' });
  } catch (error) {
    // A budget says not yet; or somebody else was faster.
    if (reasonOf(error) !== 'TooManyRequests' && reasonOf(error) !== 'NotFound') throw error;
  }
}
async function remove(api: ApiClient, node: string): Promise<void> {
  await api.delete(resources.nodes, node).catch(orGone);
  // Nobody else would tell that these have ended.
  for (const { metadata } of await podsOf(api, node))
    await api.delete(resources.pods, metadata.name!, metadata.namespace, { gracePeriodSeconds: 0 }).catch(orGone);
}
