import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject, WatchEvent } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { delay, type World } from '../../bus/world.ts';
import type { ApiClient, WatchOptions, WriteOptions } from '../runtime/api-client.ts';
import type { ControllerDeps } from '../runtime/controller-deps.ts';
import type { Controller } from '../runtime/controller.ts';
import { createInformers } from '../runtime/informer.ts';
import { daemonSets, jobs, nodes, pods, replicaSets, replicationControllers } from '../runtime/resources.ts';
import { isPodActive } from '../runtime/pods.ts';
import { testCluster } from '../runtime/testing/cluster.ts';
import { startDaemonSetController } from './daemonset/actor.ts';
import { targetNode } from './daemonset/eligibility.ts';
import { startJobController } from './job/actor.ts';
import { indexOf } from './job/indexes.ts';
import { startReplicaSetController } from './replicaset/actor.ts';
import { startReplicationController } from './replicationcontroller/actor.ts';

/** What comes of a create of a pod. Times are ms. */
type Fate =
  | 'answered'
  /** It is not done. */
  | 'lost'
  /** It is done, and nobody says so. */
  | 'unanswered'
  /** It is done so long after its caller has given up. */
  | number;
const WANTED = 4;
const labels = { app: 'web' };
const selector = { matchLabels: labels };
const workload = (apiVersion: string, kind: string, spec: object): KubeObject =>
  ({ apiVersion, kind, metadata: { name: 'web', namespace: 'd' }, spec: { template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v' }] } }, ...spec } }) as KubeObject; // prettier-ignore
const job = (more: object): KubeObject => workload('batch/v1', 'Job', { completions: WANTED, parallelism: WANTED, backoffLimit: 6, selector, ...more }); // prettier-ignore
type Case = readonly [
  kind: string,
  start: (deps: ControllerDeps) => Controller,
  gvr: GroupVersionResource,
  owner: KubeObject,
  /** Which place of its owner's a pod fills, where each has one. */
  placeOf: ((pod: Pod) => string | number | undefined) | undefined,
];
const KINDS: readonly Case[] = [
  ['ReplicaSet', startReplicaSetController, replicaSets, workload('apps/v1', 'ReplicaSet', { replicas: WANTED, selector }), undefined],
  ['ReplicationController', startReplicationController, replicationControllers, workload('v1', 'ReplicationController', { replicas: WANTED, selector: labels }), undefined],
  ['Job', startJobController, jobs, job({}), undefined],
  ['indexed Job', startJobController, jobs, job({ completionMode: 'Indexed' }), indexOf],
  ['DaemonSet', startDaemonSetController, daemonSets, workload('apps/v1', 'DaemonSet', { selector, updateStrategy: { type: 'OnDelete' } }), targetNode],
]; // prettier-ignore

/** Its creates of pods meet with their fates, one after the other; then all are answered. */
function losing(client: ApiClient, world: World, fates: Fate[], made: () => void): ApiClient {
  return {
    ...client,
    async create<T extends KubeObject>(gvr: GroupVersionResource, object: T, o: WriteOptions = {}) {
      const fate = (gvr === pods ? fates.shift() : undefined) ?? 'answered';
      const go = (): Promise<T> => client.create(gvr, object, o).finally(made);
      if (fate === 'answered') return go();
      if (fate === 'unanswered') await go().catch(() => undefined);
      else if (fate !== 'lost') world.clock.setTimeout(() => void go().catch(() => undefined), fate);
      throw new ApiError('Timeout', 'the outcome is unknown');
    },
  };
}
/** Its watches tell of everything so many ms later. */
function late(client: ApiClient, { clock }: World, ms: number): ApiClient {
  return {
    ...client,
    async *watch<T extends KubeObject>(gvr: GroupVersionResource, o: WatchOptions = {}) {
      const batches: AsyncIterable<readonly WatchEvent<T>[]> = client.watch<T>(gvr, o);
      for await (const batch of batches) {
        await delay(clock, ms, o.signal);
        yield batch;
      }
    },
  };
}

/** The most pods that the owner had at once, and those it has in the end; `perPlace`: in one place. */
async function play([, start, gvr, owner, placeOf]: Case, fates: readonly Fate[], lateMs: number) {
  const c = testCluster();
  for (const name of ['n1', 'n2', 'n3', 'n4'])
    await c.client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  let [most, perPlace] = [0, 0];
  const look = (): void => {
    const active = c.list<Pod>(pods).filter(isPodActive);
    most = Math.max(most, active.length);
    if (placeOf) for (const one of Map.groupBy(active, placeOf).values()) perPlace = Math.max(perPlace, one.length);
  };
  const left = [...fates];
  start({
    ...c.deps,
    informers: createInformers(late(c.api.client('manager'), c.world, lateMs), c.world),
    client: (caller) => losing(c.api.client(caller), c.world, left, look),
  });
  await c.client.create(gvr, owner);
  await c.world.advance(120_000);
  return { most, perPlace, final: c.list<Pod>(pods).filter(isPodActive).length, left: left.length };
}

describe.each(KINDS)('a %s has no pod too many', (...kind) => {
  const holds = async (fates: readonly Fate[], lateMs: number): Promise<void> => {
    const { most, perPlace, final } = await play(kind, fates, lateMs);
    expect(most).toBeLessThanOrEqual(WANTED);
    expect(perPlace).toBeLessThanOrEqual(1);
    expect(final).toBe(WANTED);
  };
  it.each<[string, Fate[], number]>([
    ['creates are done and not answered, and watches are late', ['answered', 'unanswered', 'unanswered'], 2_000],
    ['each is', ['unanswered', 'unanswered', 'unanswered', 'unanswered', 'unanswered'], 500],
    ['creates are lost', ['lost', 'lost', 'answered', 'lost'], 50],
    ['creates are done after others were asked for in their stead', [3_000, 'lost', 700, 'answered', 20_000], 1_000],
  ])('though %s', (_, fates, lateMs) => holds(fates, lateMs));
  it('whatever comes of them', async () => {
    const fate = fc.oneof(fc.constantFrom<Fate>('answered', 'lost', 'unanswered'), fc.nat(10_000));
    await fc.assert(fc.asyncProperty(fc.array(fate, { maxLength: 12 }), fc.integer({ min: 1, max: 5_000 }), holds), {
      numRuns: 15,
    });
  });
});
