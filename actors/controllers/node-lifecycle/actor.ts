import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { leases as leasesResource, nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts';
import { sharing } from '../../runtime/sharing.ts';
import { startActor, type RunningActor } from '../../runtime/start-actor.ts';
import { BY_NODE, byNode } from '../../runtime/store.ts';
import { timeOf } from '../../runtime/time.ts';
import { nodeHealthMachine, STARTUP_GRACE_MS, type NodeHealth } from './machine.ts';
import { zoneMetrics } from './metrics.ts';
import { reconcile, removed } from './reconcile.ts';
import { areAllLost, createPace, createTally, zoneOf, type Zone } from './zones.ts';

type HealthActor = RunningActor<typeof nodeHealthMachine>;
const readyOf = (node: Node) => node.status?.conditions?.find((c) => c.type === 'Ready');
/** How soon to look again at nodes of a zone most of which is lost. Source: --node-monitor-period. */
const LOOK_MS = 5_000;

/** Notices nodes that fall silent, and taints them, so that others move their pods away. */
export function startNodeLifecycleController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:node-lifecycle');
  const recorder = deps.recorderFor(client, 'node-controller');
  const nodes = deps.informers.for<Node>(nodesResource);
  const pods = deps.informers.for<Pod>(podsResource);
  const leases = deps.informers.for<Lease>(leasesResource, { namespace: 'kube-node-lease' });
  pods.addIndex(BY_NODE, byNode);

  const health = new Map<string, HealthActor>();
  /** Nodes that users were told of, by name. */
  const known = new Map<string, Node>();
  const pace = createPace();
  const tally = createTally();
  const countEviction = zoneMetrics(deps.metrics, () => tally.zones());
  /** As they were judged last. */
  let judged: ReadonlyMap<string, Zone> | undefined;
  let spared = false;

  function healthOf({ metadata: { name, creationTimestamp } }: Node): HealthActor {
    let actor = health.get(name!);
    if (!actor) {
      const now = deps.world.clock.now();
      const age = now - (timeOf(creationTimestamp) ?? now);
      const startupMs = Math.min(Math.max(0, STARTUP_GRACE_MS - age), STARTUP_GRACE_MS);
      const machine = sharing(nodeHealthMachine).provide({ actions: { announce: () => queueMicrotask(() => lifecycle.enqueue(name!)) } }); // prettier-ignore
      actor = startActor(machine, { world: deps.world, id: `node-health/${name}`, machine: 'nodeHealth', input: { startupMs }, inspection: deps.inspection }); // prettier-ignore
      health.set(name!, actor);
    }
    return actor;
  }
  function hear(node: Node, old: Node | undefined): void {
    tally.note(node.metadata.name!, node);
    const actor = healthOf(node);
    const [now, before] = [readyOf(node), old && readyOf(old)];
    if (!now) {
      if (before) actor.send({ type: 'condition.removed' });
    } else if (now.status !== before?.status)
      actor.send({ type: now.status === 'True' ? 'condition.ready' : now.status === 'False' ? 'condition.notReady' : 'condition.unknown' }); // prettier-ignore
    else if (now.lastHeartbeatTime !== before.lastHeartbeatTime) actor.send({ type: 'heartbeat.seen' });
  }
  nodes.on({
    add: (node) => hear(node, undefined),
    update: hear,
    delete: ({ metadata: { name } }) => {
      tally.note(name!, undefined);
      health.get(name!)?.stop();
      health.delete(name!);
    },
  });
  const beat = ({ metadata: { name } }: Lease): void => health.get(name!)?.send({ type: 'heartbeat.seen' });
  leases.on({
    add: beat,
    update: (lease, old) => {
      if (lease.spec?.renewTime !== old.spec?.renewTime) beat(lease);
    },
  });
  /** What was silent while nobody could hear it was perhaps only unheard: everyone gets a full grace. */
  function grantAll(): void {
    for (const actor of health.values()) if (actor.state() !== 'heard.starting') actor.send({ type: 'heartbeat.seen' });
  }
  function judgeZones(now: number): void {
    const zones = tally.zones();
    if (zones === judged) return;
    judged = zones;
    pace.judge(zones, now);
    const isLost = areAllLost(zones);
    if (isLost === spared) return;
    // What the first to fall silent were given must be taken back now that it is not their fault.
    spared = isLost;
    if (!isLost) grantAll();
    for (const { metadata } of nodes.all()) lifecycle.enqueue(metadata.name!);
  }

  async function sync({ key, now, execute }: SyncContext): Promise<SyncOutput> {
    judgeZones(now);
    const node = nodes.get(key);
    const before = known.get(key);
    if (!node) {
      known.delete(key);
      if (before) await execute(removed(before));
      return {};
    }
    known.set(key, node);
    const zone = zoneOf(node);
    const waitMs = pace.waitMs(zone, now);
    const plan = reconcile(
      {
        node,
        health: healthOf(node).state().split('.')[0] as NodeHealth,
        isNew: before === undefined,
        mayEvict: waitMs === 0,
        mustSpare: spared,
        pods: pods.byIndex(BY_NODE, key),
      },
      now,
    );
    if (plan.evicts) pace.take(zone, now);
    await execute(plan.intents);
    if (plan.evicts) countEviction(zone);
    return plan.waitsForTurn ? { requeueAfterMs: waitMs === undefined ? LOOK_MS : waitMs + 1 } : {};
  }
  const lifecycle = startController({
    name: 'node-lifecycle',
    ...deps,
    client,
    recorder,
    reads: [leases],
    sources: [
      source(nodes, (node) => [node.metadata.name!]),
      // One that came to a node after that fell silent.
      source(pods, (pod, old) => {
        const name = pod.spec?.nodeName;
        if (!name || name === old?.spec?.nodeName || !isPodReady(pod)) return [];
        return health.get(name)?.state() === 'unknown' ? [name] : [];
      }),
    ],
    onActive: () => {
      grantAll();
      judged = undefined;
      // A successor does not tell again of those whom others have told of.
      known.clear();
      const now = deps.world.clock.now();
      for (const node of nodes.all())
        if (now - (timeOf(node.metadata.creationTimestamp) ?? now) > STARTUP_GRACE_MS) known.set(node.metadata.name!, node); // prettier-ignore
    },
    sync,
  });

  return {
    ...lifecycle,
    get busyKeys() {
      return lifecycle.busyKeys;
    },
    async stop() {
      await lifecycle.stop();
      for (const actor of health.values()) actor.stop();
    },
  };
}
