import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reconciling, source, startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { leases as leasesResource, nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts';
import { startActor, type RunningActor } from '../../runtime/start-actor.ts';
import { BY_NODE, byNode } from '../../runtime/store.ts';
import { evict, noExecute } from './eviction.ts';
import { nodeHealthMachine, type NodeHealth } from './machine.ts';
import { reconcile } from './reconcile.ts';
import { evictionPeriodMs, zoneOf, zonesOf } from './zones.ts';

type HealthActor = RunningActor<typeof nodeHealthMachine>;
const readyOf = (node: Node) => node.status?.conditions?.find((c) => c.type === 'Ready');

/** Notices nodes that fall silent, taints them, and moves their pods away. */
export function startNodeLifecycleController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:node-lifecycle');
  const recorder = deps.recorderFor(client, 'node-controller');
  const nodes = deps.informers.for<Node>(nodesResource);
  const pods = deps.informers.for<Pod>(podsResource);
  const leases = deps.informers.for<Lease>(leasesResource, { namespace: 'kube-node-lease' });
  pods.addIndex(BY_NODE, byNode);

  const health = new Map<string, HealthActor>();
  const failed = new Set<string>();
  /** When the next node of a zone may be given a taint that evicts. */
  const turns = new Map<string, number>();
  let spared = false;

  function healthOf(name: string): HealthActor {
    let actor = health.get(name);
    if (!actor) {
      const machine = nodeHealthMachine.provide({ actions: { announce: () => queueMicrotask(() => lifecycle.enqueue(name)) } }); // prettier-ignore
      actor = startActor(machine, { world: deps.world, id: `node-health/${name}`, machine: 'nodeHealth', inspection: deps.inspection }); // prettier-ignore
      health.set(name, actor);
    }
    return actor;
  }
  function hear(node: Node, old: Node | undefined): void {
    const actor = healthOf(node.metadata.name!);
    const [now, before] = [readyOf(node), old && readyOf(old)];
    if (!now) return;
    if (before?.status === 'True' && now.status !== 'True') failed.add(node.metadata.name!);
    if (now.status !== before?.status)
      actor.send({ type: now.status === 'True' ? 'condition.ready' : now.status === 'False' ? 'condition.notReady' : 'condition.unknown' }); // prettier-ignore
    else if (now.lastHeartbeatTime !== before.lastHeartbeatTime) actor.send({ type: 'heartbeat.seen' });
  }
  nodes.on({
    add: (node) => hear(node, undefined),
    update: hear,
    delete: ({ metadata: { name } }) => {
      health.get(name!)?.stop();
      health.delete(name!);
      failed.delete(name!);
    },
  });
  leases.on({
    update: (lease, old) => {
      const { name } = lease.metadata;
      if (lease.spec?.renewTime !== old.spec?.renewTime) health.get(name!)?.send({ type: 'heartbeat.seen' });
    },
  });

  async function sync({ key, now, execute }: SyncContext): Promise<SyncOutput> {
    const node = nodes.get(key);
    if (!node) return {};
    const zones = zonesOf(nodes.all());
    const zone = zoneOf(node);
    const period = evictionPeriodMs(zones, zone);
    const turn = turns.get(zone) ?? 0;
    const areAllLost = [...zones.values()].every(({ state }) => state === 'disrupted');
    if (areAllLost !== spared) {
      // What the first to fall silent were given must be taken back now that it is not their fault.
      spared = areAllLost;
      for (const { metadata } of nodes.all()) lifecycle.enqueue(metadata.name!);
    }
    const plan = reconcile(
      {
        node,
        health: healthOf(key).state() as NodeHealth,
        mayEvict: period !== undefined && now >= turn,
        mustSpare: areAllLost,
        pods: pods.byIndex(BY_NODE, key),
        hasJustFailed: failed.has(key),
      },
      now,
    );
    if (plan.evicts) turns.set(zone, now + (period ?? 0));
    await execute(plan.intents);
    failed.delete(key);
    if (!plan.waitsForTurn) return {};
    return { requeueAfterMs: period === undefined ? 5_000 : Math.max(turn - now, 0) + 1 };
  }
  const lifecycle = startController({
    name: 'node-lifecycle',
    ...deps,
    client,
    recorder,
    reads: [pods, leases],
    sources: [source(nodes, (node) => [node.metadata.name!])],
    sync,
  });
  const taintsOf = (pod: Pod) => noExecute(pod.spec?.nodeName ? nodes.get(pod.spec.nodeName)?.spec?.taints : undefined);
  const eviction = startController({
    name: 'taint-eviction',
    ...deps,
    client,
    recorder,
    workers: 8,
    sources: [
      source(nodes, function* (node, old) {
        if (old ? equal(noExecute(node.spec?.taints), noExecute(old.spec?.taints)) : noExecute(node.spec?.taints).length === 0) return; // prettier-ignore
        for (const pod of pods.byIndex(BY_NODE, node.metadata.name!)) yield keyOf(pod);
      }),
      source(pods, (pod, old) => {
        const isNew =
          old?.spec?.nodeName !== pod.spec?.nodeName || !equal(old?.spec?.tolerations, pod.spec?.tolerations);
        return isNew && taintsOf(pod).length > 0 ? [keyOf(pod)] : [];
      }),
    ],
    sync: reconciling((key) => {
      const pod = pods.get(key);
      return pod && { pod, taints: taintsOf(pod) };
    }, evict),
  });

  return {
    ...lifecycle,
    get busyKeys() {
      return lifecycle.busyKeys + eviction.busyKeys;
    },
    ready: Promise.all([lifecycle.ready, eviction.ready]).then(() => undefined),
    activate() {
      // What was silent while nobody led was perhaps only unheard: everyone gets a full grace.
      for (const actor of health.values()) actor.send({ type: 'heartbeat.seen' });
      lifecycle.activate();
      eviction.activate();
    },
    deactivate() {
      lifecycle.deactivate();
      eviction.deactivate();
    },
    async finish() {
      await Promise.all([lifecycle.finish(), eviction.finish()]);
    },
    async stop() {
      await Promise.all([lifecycle.stop(), eviction.stop()]);
      for (const actor of health.values()) actor.stop();
    },
  };
}
