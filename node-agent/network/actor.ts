import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromPromise } from 'xstate';
import type { World } from '../../bus/world.ts';
import type { Node } from '../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createInformer } from '../../actors/runtime/informer.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import { nodes } from '../../actors/runtime/resources.ts';
import { startActor } from '../../actors/runtime/start-actor.ts';
import type { Commands } from '../host/commands.ts';
import type { NodePaths } from '../host/paths.ts';
import { conflist } from './cni/conflist.ts';
import { pluginVersion, writeConflist } from './cni/file.ts';
import { fillPluginFolder } from './cni/plugins.ts';
import { giveBackLeases } from './cni/leases.ts';
import { startNetworkPolicy, type NetworkPolicyAgent } from './policy/actor.ts';
import type { ApiServers } from './policy/model.ts';
import { podNetworkMachine } from './machine.ts';
import { linkOf, readLinks } from './routes/links.ts';
import { hasRoutes } from './routes/look.ts';
import { masquerade } from './routes/masquerade.ts';
import { placeOf, planRoutes, routeChanges, type NodePlace, type RoutePlan } from './routes/plan.ts';
import { addressBatch, readRoutes, readWayOut, routeBatch, writeRoutes } from './routes/table.ts';

export interface PodNetworkOptions {
  readonly world: World;
  readonly id: string;
  /** As caller `pod-network`, which reads Nodes, Pods, Namespaces and NetworkPolicies and writes nothing. */
  readonly client: ApiClient;
  /** Of the node's network namespace. */
  readonly commands: Commands;
  readonly node: string;
  /** Address of the node by which the others reach it. */
  readonly ip: string;
  readonly paths: Pick<NodePaths, 'cni'>;
  /** Folder of the machine's CNI plugins; the runtime finds them, and our own, in `paths.cni.bin`. */
  readonly plugins: string;
  /** Ids of the sandboxes that the runtime knows, asked before any can be made. undefined: nothing is given back. */
  readonly sandboxes?: (() => Promise<ReadonlySet<string>>) | undefined;
  /** What the kernel says of the node's network; default `/proc/self/net`. */
  readonly procNet?: string | undefined;
  /** See startNetworkPolicy. */
  readonly apiServers?: ApiServers | undefined;
  readonly inspection?: Inspection | undefined;
}
export interface PodNetwork extends Component {
  /** See NetworkPolicyAgent. */
  readonly admit: NetworkPolicyAgent['admit'];
}

/** Of many nodes that no route leads to, simulated ones for example, so many are named. */
const TOLD = 5;
/** What a node's namespace needs to carry packets of others. `must`: without it nothing works. */
const SYSCTLS = [
  { name: 'net/ipv4/ip_forward', value: '1', must: true },
  // Not there where the kernel has no IPv6.
  { name: 'net/ipv6/conf/all/forwarding', value: '1', must: false },
  // Every pod's link has the same address: that it is there twice is no news, and would keep it from being used for seconds.
  { name: 'net/ipv6/conf/default/accept_dad', value: '0', must: false },
  // A pod that speaks to itself by a service's address comes back on the link it came by.
  { name: 'net/ipv4/conf/all/send_redirects', value: '0', must: false },
  { name: 'net/ipv4/conf/default/send_redirects', value: '0', must: false },
] as const;

/**
 * Starts a node's part of the pod network: the configuration by which runtimes give pods their addresses, routes to the pods
 * of other nodes, and what hides pods from those outside. `ready`: pods can be made, and reach those of nodes known by then,
 * and network policies are in force.
 */
export function startPodNetwork(o: PodNetworkOptions): PodNetwork {
  const { world, client, commands, node, paths } = o;
  const log = world.log.child({ actor: 'pod-network', node });
  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const policy = startNetworkPolicy(o);
  let cniVersion = '';
  let wayOut = '';
  let written: { readonly rules: string; readonly plan: RoutePlan } | undefined;

  const informer = createInformer<Node>({
    client,
    world,
    gvr: nodes,
    inspection: o.inspection,
    transform: (object) => bareOf(object),
  });
  const places = new Map<string, NodePlace>();
  const see = (object: Node): void => {
    const place = placeOf(object);
    const before = places.get(place.name);
    if (JSON.stringify(before) === JSON.stringify(place)) return;
    places.set(place.name, place);
    actor.send({ type: 'nodes.changed' });
  };

  async function prepare(signal: AbortSignal): Promise<void> {
    for (const { name, value, must } of SYSCTLS) {
      const file = `/proc/sys/${name}`;
      const { stdout } = await commands.run('cat', [file], { signal });
      if (stdout.trim() === value) continue;
      const { code, stderr } = await commands.run('tee', [file], { input: value, signal });
      if (code === 0) continue;
      if (must) throw new Error(`this node may not carry packets of its pods: ${stderr.trim()}`);
      log.debug('not set', { sysctl: name, why: stderr.trim() });
    }
    await fillPluginFolder(paths.cni.bin, o.plugins);
    cniVersion = await pluginVersion(commands, paths.cni.bin, signal);
    if (o.sandboxes === undefined) return;
    const given = await giveBackLeases(paths.cni.ipam, await o.sandboxes());
    if (given.length > 0) log.info('addresses of sandboxes that are gone were given back', { addresses: given });
  }
  async function apply(signal: AbortSignal): Promise<void> {
    const links = await readLinks(commands, signal);
    const plan = planRoutes(node, [...places.values()], links);
    const news = plan.problems.filter((problem) => !written?.plan.problems.includes(problem));
    for (const problem of news.slice(0, TOLD)) log.warn(problem);
    if (news.length > TOLD) log.warn('there are more nodes whose pods are not reached', { more: news.length - TOLD });
    const present = await readRoutes(commands, signal);
    const { put, drop } = routeChanges(plan.routes, present);
    const missing = plan.addresses.filter(({ address }) => !links.some((link) => link.addresses.includes(address)));
    // Whoever made the node's way out does not look after it: with a link that was down it went too.
    const now = written === undefined || put.length > 0 ? await readWayOut(commands, signal) : wayOut;
    const lost = now === '' ? wayOut : '';
    if (now !== '') wayOut = now;
    const failed = await writeRoutes(commands, addressBatch(missing) + routeBatch(put, drop, present) + lost, signal);
    const rules = masquerade(plan);
    if (written?.rules !== rules || !(await hasTable(signal))) await commands.must('nft', ['-f', '-'], { input: rules, signal });
    // Last: with it pods begin.
    if (plan.own.length > 0) {
      const mtu = linkOf(links, o.ip)?.mtu ?? 1_500;
      const text = conflist({ podCIDRs: plan.own, mtu, cniVersion, leases: paths.cni.ipam });
      if (await writeConflist(paths.cni.conf, text)) log.info('pods get addresses', { ranges: plan.own, mtu, cniVersion });
      ready.resolve();
    }
    written = { rules, plan };
    if (failed !== undefined) throw new Error(`routes to pods of other nodes: ${failed}`);
  } // prettier-ignore
  const hasTable = async (signal: AbortSignal): Promise<boolean> =>
    (await commands.run('nft', ['list', 'table', 'inet', 'kubus-pods'], { signal })).code === 0;

  const logic = podNetworkMachine.provide({
    actors: {
      syncNodes: fromPromise(() => informer.synced),
      prepareNode: fromPromise(({ signal }) => prepare(signal)),
      apply: fromPromise(({ signal }) => apply(signal)),
      check: fromPromise(async () => {
        const read = (file: string): Promise<string> => readFile(join(o.procNet ?? '/proc/self/net', file), 'utf8').catch(() => '');
        return hasRoutes(written?.plan.routes ?? [], await read('route'), await read('ipv6_route'));
      }),
    },
    actions: {
      reportFailure: ({ context }, { error }) => {
        if (context.failures % 10 === 1) log.warn('the pod network of this node is not as it should be', { err: error });
      },
      leave: () => informer.stop(),
    },
  }); // prettier-ignore
  const actor = startActor(logic, {
    world,
    id: `pod-network/${node}`,
    machine: 'podNetwork',
    inspection: o.inspection,
    onDone: () => stopped.resolve(),
  });
  informer.on({
    add: see,
    update: see,
    delete: ({ metadata }) => {
      places.delete(metadata.name!);
      actor.send({ type: 'nodes.changed' });
    },
  });
  const both = Promise.all([ready.promise, policy.ready]).then(() => undefined);
  both.catch(() => undefined);
  return {
    name: 'pod-network',
    id: o.id,
    ready: both,
    state: () => actor.state(),
    admit: policy.admit,
    async stop() {
      actor.send({ type: 'stop' });
      await Promise.all([stopped.promise, policy.stop()]);
      ready.reject(new Error('stopped'));
    },
  };
}
/** All that is kept of a Node, whose status changes every few minutes. */
const bareOf = ({ apiVersion, kind, metadata, spec, status }: Node): Node => {
  const { name, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, uid, resourceVersion, creationTimestamp },
    spec: { podCIDR: spec?.podCIDR, podCIDRs: spec?.podCIDRs },
    status: { addresses: status?.addresses },
  };
};
