import { describe, expect, it } from 'vitest';
import * as resources from '../../../actors/runtime/resources.ts';
import { controllerOf } from '../../../actors/runtime/owners.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { Event, Namespace, Pod } from '../../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { CONTROLLERS } from '../../process/controller-names.ts';
import { patiently } from '../../testing/patiently.ts';
import { startSimulatedCluster } from '../../testing/simulated-cluster.ts';
import * as objects from './objects.ts';
import { UPSTREAM } from './upstream-events.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Requests a minute while nothing changes. Upstream's namespace controller asks each kind twice every eight seconds. */
const BOUND = 12;
const BOUNDS: Readonly<Record<string, number>> = { 'controller:namespace': 25, 'controller-manager': 0, scheduler: 4 };
/** In the first minute, when what fails is tried again soon. */
const FIRST = 150;
const NAMESPACES = ['overlapping', 'ownerless', 'other', 'stuck', 'unserved', 'forbidden', 'refused', 'lacking', 'failing', 'untimely', 'strange']; // prettier-ignore

/** Puts them all into a cluster and lets it be; what was asked of the API meanwhile, and what there is in the end. */
async function story() {
  const cluster = await startSimulatedCluster(3, ['n1', 'n2']);
  const { admin, simulation, hub } = cluster;
  const asked = new Map<string, number>();
  hub.connect('tap', { world: simulation.world('tap') }).subscribe(subjects.apiOf('*'), ({ subject }) => {
    const { caller, verb, resource } = subjects.parseApi(subject);
    if (caller === 'admin' || verb === 'watch' || resource === 'leases') return;
    asked.set(caller, (asked.get(caller) ?? 0) + 1);
  });
  /** Requests by caller in the next minutes. */
  const during = async (minutes: number): Promise<ReadonlyMap<string, number>> => {
    asked.clear();
    await simulation.advance(minutes * MINUTE);
    return new Map([...asked].map(([caller, n]) => [caller, n / minutes]));
  };
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, MINUTE);
    return finished;
  };
  const get = async <T extends KubeObject>(gvr: GroupVersionResource, name: string, namespace?: string): Promise<T | undefined> => {
    try {
      return await done(admin.get<T>(gvr, name, namespace));
    } catch (error) {
      if (reasonOf(error) === 'NotFound') return undefined;
      throw error;
    }
  }; // prettier-ignore
  await simulation.advance(2_000);
  for (const name of NAMESPACES)
    await done(admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  await simulation.advance(2_000);
  const [[gvr, object]] = objects.elsewhere;
  const owner = await done(admin.create(gvr, object));
  for (const [of, policy] of objects.policies) await patiently(simulation, admin.create(of, policy));
  await expect(patiently(simulation, admin.create(...objects.refusedPod))).rejects.toThrow('no pods here');
  const { overlapping, ownerless, stuck, unserved, forbidden, refused, lacking, failing, untimely, silent, strange } =
    objects;
  const all = [overlapping, ownerless(owner.metadata.uid!), stuck, unserved, forbidden, refused, lacking, failing, untimely(simulation.clock.now()), silent, strange].flat(); // prettier-ignore
  for (const [of, made] of all) {
    const { status, ...rest } = made;
    await done(admin.create(of, rest));
    const { name, namespace } = made.metadata;
    if (status) await done(admin.patch(of, name!, namespace, 'merge', { status }, { subresource: 'status' }));
  }
  const bare = (await get<Pod>(resources.pods, 'ss-0', 'overlapping'))!;
  await done(admin.delete(resources.namespaces, 'stuck'));
  const first = await during(1);
  await simulation.advance(MINUTE);
  const steady = await during(4);
  const events = (await done(admin.list<Event>(resources.events))).items;
  simulation.jump(3 * HOUR);
  const ahead = await during(1);
  simulation.jump(-6 * HOUR);
  const behind = await during(1);
  const pods = (await done(admin.list<Pod>(resources.pods))).items;
  return { cluster, get, bare, first, steady, ahead, behind, events, pods };
}

describe('objects that make no sense together', async () => {
  const { cluster, get, bare, first, steady, ahead, behind, events, pods } = await story();
  const callers = [...CONTROLLERS.map((name) => `controller:${name}`), 'controller-manager', 'scheduler'];

  it.each(callers)('do not keep %s busy', (caller) => {
    const bound = BOUNDS[caller] ?? BOUND;
    expect(first.get(caller) ?? 0, 'in the first minute').toBeLessThanOrEqual(FIRST);
    expect(steady.get(caller) ?? 0, 'a minute, later').toBeLessThanOrEqual(bound);
    expect(ahead.get(caller) ?? 0, 'after the clock was set on').toBeLessThanOrEqual(2 * bound + BOUND);
    expect(behind.get(caller) ?? 0, 'after the clock was set back').toBeLessThanOrEqual(2 * bound + BOUND);
  });
  it('are told of in the words of upstream', () => {
    const strange = events
      .map((e) => [e.reportingComponent || e.source?.component, e.type, e.reason, e.message] as const)
      .filter(([who, type, reason, message]) => !UPSTREAM.some(([c, t, r, m]) => c === who && t === type && r === reason && m.test(message ?? ''))); // prettier-ignore
    expect(strange).toEqual([]);
  });
  it.each([
    ...['forbidden', 'refused', 'lacking'].flatMap((namespace) => [
      [namespace, 'ReplicaSet', 'rs', 'FailedCreate'],
      [namespace, 'ReplicationController', 'rc', 'FailedCreate'],
      [namespace, 'DaemonSet', 'ds', 'FailedCreate'],
      [namespace, 'StatefulSet', 'ss', 'FailedCreate'],
      [namespace, 'Job', 'j', 'FailedCreate'],
    ]),
    ['ownerless', 'ConfigMap', 'misplaced', 'OwnerRefInvalidNamespace'],
    ['overlapping', 'PodDisruptionBudget', 'one', 'CalculateExpectedPodCountFailed'],
    ['unserved', 'PersistentVolumeClaim', 'claim', 'ProvisioningFailed'],
    ['unserved', 'Pod', 'waits', 'FailedScheduling'],
    ['unserved', 'Pod', 'waits-for-nothing', 'FailedScheduling'],
    ['unserved', 'Pod', 'huge', 'FailedScheduling'],
    ['failing', 'Job', 'j', 'BackoffLimitExceeded'],
    ['untimely', 'CronJob', 'long-ago', 'TooManyMissedTimes'],
    ['default', 'Pod', 'on-silent', 'TaintManagerEviction'],
    ['strange', 'Pod', 'claims-devices', 'FailedResourceClaimCreation'],
    ['strange', 'Pod', 'claims-space', 'FailedBinding'],
    ['strange', 'PersistentVolumeClaim', 'claims-space-v', 'FailedBinding'],
  ])('%s: the %s %s has the Event %s, and not too many', (namespace, kind, name, reason) => {
    const told = events.filter(({ involvedObject: o, reason: why }) => o.namespace === namespace && o.kind === kind && o.name === name && why === reason); // prettier-ignore
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(10);
  });
  it.each<[GroupVersionResource, string | undefined, string, string]>([
    [resources.replicaSets, 'forbidden', 'rs', 'ReplicaFailure True FailedCreate'],
    [resources.replicaSets, 'refused', 'rs', 'ReplicaFailure True FailedCreate'],
    [resources.replicationControllers, 'lacking', 'rc', 'ReplicaFailure True FailedCreate'],
    [resources.deployments, 'forbidden', 'd', 'ReplicaFailure True FailedCreate'],
    [resources.deployments, 'unserved', 'd', 'Progressing False ProgressDeadlineExceeded'],
    [resources.jobs, 'failing', 'j', 'Failed True BackoffLimitExceeded'],
    [resources.pods, 'unserved', 'waits', 'PodScheduled False Unschedulable'],
    [resources.namespaces, undefined, 'stuck', 'NamespaceContentRemaining True SomeResourcesRemain'],
    [resources.namespaces, undefined, 'stuck', 'NamespaceFinalizersRemaining True SomeFinalizersRemain'],
    [resources.nodes, undefined, 'silent', 'Ready Unknown NodeStatusNeverUpdated'],
    [objects.budgets, 'overlapping', 'one', 'DisruptionAllowed False SyncFailed'],
  ])('%o %s/%s says %s', async (gvr, namespace, name, condition) => {
    const { status } = (await get<Namespace>(gvr, name, namespace))!;
    expect(status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason}`)).toContain(condition);
  });
  it('go when their owners are not there, and only then', async () => {
    const is = async (namespace: string, name: string): Promise<boolean> =>
      (await get(resources.configMaps, name, namespace)) !== undefined;
    expect(await is('ownerless', 'orphan')).toBe(false);
    expect(await is('ownerless', 'misplaced')).toBe(false);
    expect(await is('ownerless', 'unknown-kind')).toBe(true);
    expect(await is('other', 'owner')).toBe(true);
    expect(await is('stuck', 'kept')).toBe(true);
    expect(pods.map((pod) => pod.metadata.name)).not.toEqual(expect.arrayContaining(['pod']));
    expect(pods.map((pod) => pod.metadata.name)).not.toEqual(expect.arrayContaining(['on-nothing']));
  });
  it('are mended, or left, as upstream does', async () => {
    // Its Service is not there, so nobody looks; with an owner the garbage collector would.
    expect(await get(objects.endpointSlices, 'of-nobody', 'strange')).toBeDefined();
    expect(await get(objects.endpoints, 'by-hand', 'strange')).not.toHaveProperty('subsets');
    expect(await get(objects.clusterRoles, 'circle-a')).toMatchObject({ rules: null });
    expect(await get(objects.volumeAttachments, 'to-nothing')).toBeDefined();
  });
  it('leave to each what is its own', () => {
    const owned = Map.groupBy(
      pods.filter((pod) => pod.metadata.namespace === 'overlapping'),
      (pod) => controllerOf(pod)?.kind ?? 'none',
    );
    const counts = Object.fromEntries([...owned].map(([kind, list]) => [kind, list.length]));
    expect(counts).toEqual({ ReplicaSet: 4, ReplicationController: 2, DaemonSet: 4, Job: 1, none: 1 });
    expect(owned.get('none')![0]!.metadata).toMatchObject({ name: 'ss-0', uid: bare.metadata.uid });
  });
  it('wait as long as their times say, in the future or for ever', async () => {
    expect(await get(resources.jobs, 'for-ever', 'untimely')).toBeDefined();
    expect(await get(resources.jobs, 'not-yet', 'untimely')).toBeDefined();
    const jobs = events.filter((e) => e.involvedObject.kind === 'CronJob' && e.involvedObject.name === 'in-the-future');
    expect(jobs).toEqual([]);
  });
  it('are done with', async () => {
    await cluster.stop();
  });
});
