import { afterEach, describe, expect, it } from 'vitest';
import { nodes } from '../../../actors/runtime/resources.ts';
import type { Node, NodeStatus } from '../../../schemas/generated/core-v1.ts';
import { bench, type Bench } from '../testing/kubelet.ts';
import { healthEvents, nodeConditions, WELL, type NodeHealth } from './health.ts';
import { simulatedMachine } from './machine-facts.ts';
import { isNews, nodeStatus, type NodeFacts } from './object.ts';

const DOLLS = 'example.com/dolls';
let b: Bench | undefined;
afterEach(() => b?.stop());
const status = (): NonNullable<Node['status']> => b!.node().status!;
const writeStatus = (change: (was: NonNullable<Node['status']>) => object) =>
  b!.api.client().update(nodes, { ...b!.node(), status: { ...status(), ...change(status()) } }, { subresource: 'status' }); // prettier-ignore
const reports = (): number => b!.api.calls.filter(({ verb, resource }) => verb === 'patch' && resource === 'nodes/status').length; // prettier-ignore

describe('a kubelet watches its own node', () => {
  it('capacity that others write is for pods, for as long as it is there', async () => {
    b = await bench();
    await writeStatus(({ capacity }) => ({ capacity: { ...capacity, [DOLLS]: '1000' } }));
    await b.world.until(() => status().allocatable?.[DOLLS] === '1000', 2_000);
    await writeStatus(({ capacity }) => {
      const { [DOLLS]: _, ...others } = capacity!;
      return { capacity: others };
    });
    await b.world.until(() => status().allocatable?.[DOLLS] === undefined, 2_000);
    expect(reports()).toBe(2);
  });
  it('what others take away of what it knows is written again', async () => {
    b = await bench();
    await writeStatus(() => ({ nodeInfo: {}, conditions: [] }));
    await b.world.until(() => status().nodeInfo?.kubeletVersion === 'v1.36.3', 2_000);
    expect(status().conditions?.map(({ type }) => type)).toContain('Ready');
  });
  it('addresses of both families stay, of which a patch would take one for the other', async () => {
    b = await bench({ secondIP: 'fd00::1' });
    const told = (): (string | undefined)[] => status().addresses?.map(({ address }) => address) ?? [];
    expect(told()).toEqual(['172.18.0.2', 'fd00::1', 'n1']);
    await writeStatus(() => ({ nodeInfo: {} }));
    await b.world.until(() => status().nodeInfo?.kubeletVersion === 'v1.36.3', 2_000);
    expect(told()).toEqual(['172.18.0.2', 'fd00::1', 'n1']);
    await writeStatus(() => ({ addresses: [{ type: 'InternalIP', address: 'fd00::1' }] }));
    await b.world.until(() => told().length === 3, 2_000);
    expect(told()).toEqual(['172.18.0.2', 'fd00::1', 'n1']);
  });
  it('what is none of its business is left alone', async () => {
    b = await bench();
    await writeStatus(({ conditions = [] }) => ({
      conditions: [...conditions, { type: 'NetworkUnavailable', status: 'False' }],
      volumesAttached: [{ name: 'v', devicePath: '/dev/v' }],
    }));
    await b.api.client().patch(nodes, 'n1', undefined, 'merge', { metadata: { labels: { zone: 'b' } } });
    await b.world.advance(60_000);
    expect(reports()).toBe(0);
    expect(status().volumesAttached).toHaveLength(1);
  });
  it('pods are admitted by labels as they are now', async () => {
    b = await bench();
    await b.api.client().patch(nodes, 'n1', undefined, 'merge', { metadata: { labels: { zone: 'b' } } });
    await b.world.advance(10);
    const asked = b.api.calls.filter(({ verb, resource }) => verb === 'get' && resource === 'nodes').length;
    await b.run('a', { nodeSelector: { zone: 'b' } });
    await b.world.until(() => b!.pod('a')?.status?.phase === 'Running', 1_000);
    expect(b.api.calls.filter(({ verb, resource }) => verb === 'get' && resource === 'nodes')).toHaveLength(asked);
  });
  it('waits without asking for the range that the cluster gives', async () => {
    b = await bench({ podCIDR: undefined });
    await b.world.advance(5_000);
    expect(b.kubelet.state()).toBe('registering');
    await b.api.client().patch(nodes, 'n1', undefined, 'merge', { spec: { podCIDR: '10.9.0.0/24' } });
    await b.world.until(() => b!.kubelet.state() === 'running', 1_000);
    expect(b.api.calls.filter(({ verb, resource }) => verb === 'get' && resource === 'nodes')).toEqual([]);
  });
});

const facts = (reserved: Record<string, string> = {}): NodeFacts => ({
  spec: { name: 'n1' },
  ip: '10.0.0.1',
  podCIDR: undefined,
  runtime: 'containerd://2.2.1',
  machine: { ...simulatedMachine('n1', 'b'), reserved },
});
const now = '2026-01-01T00:00:00Z';

describe('what a node says of itself', () => {
  it('what is reserved is not for pods', () => {
    const { allocatable, capacity } = nodeStatus(facts({ memory: '100Mi', cpu: '10', 'ephemeral-storage': '10Gi' }), { now }); // prettier-ignore
    expect(capacity).toMatchObject({ cpu: '4', memory: '16777216Ki' });
    expect(allocatable).toMatchObject({ cpu: '0', memory: '16284Mi', 'ephemeral-storage': '90Gi', pods: '110' });
  });
  it('written once it is no news', () => {
    const written = nodeStatus(facts({ memory: '1Gi' }), { now });
    expect(isNews(nodeStatus(facts({ memory: '1Gi' }), { before: written, now: '2026-01-01T01:00:00Z' }), written)).toBe(false); // prettier-ignore
    expect(isNews(nodeStatus(facts({ memory: '2Gi' }), { before: written, now }), written)).toBe(true);
  });
  it('what the container runtime can do is told as it says it, and taken back as it does', () => {
    const able = { recursiveReadOnlyMounts: true, userNamespaces: false };
    const handlers = [{ name: '', features: able }, { name: 'kata' }];
    const told = (runtime: NodeHealth['runtime'], before?: NodeStatus): NodeStatus => {
      const status = nodeStatus(facts(), { health: { ...WELL, runtime }, before, now });
      return { features: status.features, runtimeHandlers: status.runtimeHandlers };
    };
    const features = { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false };
    const wanted: NodeStatus = {
      features: { supplementalGroupsPolicy: true },
      runtimeHandlers: [
        { name: '', features: able },
        { name: 'kata', features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
      ],
    };
    const nothing = { features: undefined, runtimeHandlers: undefined };
    expect(told({ runtimeHandlers: handlers, features })).toEqual(wanted);
    // Not asked yet, and one that knows nothing of such things.
    expect([told(undefined, wanted), told({ runtimeHandlers: [] })]).toEqual([nothing, nothing]);
    expect(told({ runtimeHandlers: [] }, wanted).runtimeHandlers).toEqual([]);
    const written = nodeStatus(facts(), { health: { ...WELL, runtime: { runtimeHandlers: handlers, features } }, now });
    expect(isNews(nodeStatus(facts(), { health: WELL, before: written, now }), written)).toBe(false);
  });
  it('what not every kubelet can do is declared, in order', () => {
    expect(nodeStatus(facts(), { now }).declaredFeatures).toEqual([
      'ExtendWebSocketsToKubelet',
      'InPlacePodLevelResourcesVerticalScaling',
      'InPlacePodVerticalScalingInitContainers',
      'RestartAllContainersOnContainerExits',
    ]);
  });
  it('pressure and problems are told in the words of the original', () => {
    const health = { ...WELL, diskPressure: true, problems: ['container runtime is down', 'PLEG is not healthy: pleg has yet to be successful'] }; // prettier-ignore
    const conditions = nodeConditions(health, [], now);
    expect(conditions.map(({ type, status: is, reason, message }) => `${type}=${is} ${reason}: ${message}`)).toEqual([
      'MemoryPressure=False KubeletHasSufficientMemory: kubelet has sufficient memory available',
      'DiskPressure=True KubeletHasDiskPressure: kubelet has disk pressure',
      'PIDPressure=False KubeletHasSufficientPID: kubelet has sufficient PID available',
      'Ready=False KubeletNotReady: [container runtime is down, PLEG is not healthy: pleg has yet to be successful]',
    ]);
    expect(healthEvents(WELL, conditions)).toEqual(['NodeHasNoDiskPressure', 'NodeReady']);
    expect(healthEvents(WELL, [])).toEqual([
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
    ]);
    const [memory] = nodeConditions({ ...WELL, memoryPressure: true }, conditions, '2026-01-01T01:00:00Z');
    expect(memory).toMatchObject({ status: 'True', lastTransitionTime: '2026-01-01T01:00:00Z' });
  });
});
