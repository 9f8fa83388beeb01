import { describe, expect, it } from 'vitest';
import type { Node, NodeAddress } from '../../../schemas/generated/core-v1.ts';
import { nodes } from '../../runtime/resources.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { cloudCluster, instance, told } from '../testing/fake-cloud.ts';
import { startCloudNode } from './actor.ts';
import { addressesFor, PROVIDED_IP, wishedFirst } from './addresses.ts';
import { additionalLabels, followingLabels } from './labels.ts';
import { initialize, isInitialized, UNINITIALIZED } from './reconcile.ts';

const taint = { key: UNINITIALIZED, value: 'true', effect: 'NoSchedule' as const };
const internal = (address: string): NodeAddress => ({ type: 'InternalIP', address });
const external = (address: string): NodeAddress => ({ type: 'ExternalIP', address });
const host = (address: string): NodeAddress => ({ type: 'Hostname', address });
const node = (o: { name?: string; annotations?: Record<string, string>; labels?: Record<string, string>; addresses?: NodeAddress[]; taints?: Node['spec'] } = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: o.name ?? 'n1', ...(o.annotations && { annotations: o.annotations }), ...(o.labels && { labels: o.labels }) },
  spec: { taints: [taint], ...o.taints },
  status: { addresses: o.addresses ?? [host('n1')] },
}); // prettier-ignore
const wishing = (ip: string): Node => node({ annotations: { [PROVIDED_IP]: ip } });

describe('addresses', () => {
  const cloud = [internal('10.0.0.1'), internal('10.0.0.2'), external('1.2.3.4'), internal('fd00::1'), host('h')];
  it.each([
    ['10.0.0.2', [internal('10.0.0.2'), external('1.2.3.4'), host('h')]],
    ['1.2.3.4', [external('1.2.3.4'), internal('10.0.0.1'), internal('10.0.0.2'), internal('fd00::1'), host('h')]],
    ['10.0.0.1,fd00::1', [internal('10.0.0.1'), internal('fd00::1'), external('1.2.3.4'), host('h')]],
    ['fd00:0::1', [internal('fd00::1'), external('1.2.3.4'), host('h')]],
  ])('that a node wishes come first: %s', (wish, addresses) => {
    expect(wishedFirst(wishing(wish), cloud)).toEqual(addresses);
  });
  it.each([
    ['10.0.0.9', 'failed to get node address from cloud provider that matches ip: 10.0.0.9'],
    ['mars', 'failed to parse node IP "mars": could not parse "mars"'],
    ['10.0.0.1,10.0.0.2', 'must contain either a single IP or a dual-stack pair of IPs'],
    ['10.0.0.1,fd00::1,10.0.0.2', 'must contain either a single IP or a dual-stack pair of IPs'],
  ])('that cannot be: %s', (wish, message) => {
    expect(() => wishedFirst(wishing(wish), cloud)).toThrow(message);
  });
  it.each([
    ['nothing is known', [], [host('n1')], undefined],
    ['they are new', [internal('10.0.0.1')], [host('n1')], [internal('10.0.0.1'), host('n1')]],
    ['they are there', [internal('10.0.0.1')], [internal('10.0.0.1'), host('n1')], undefined],
    ['one is another', [internal('10.0.0.2')], [internal('10.0.0.1'), host('n1')], [internal('10.0.0.2'), host('n1')]],
    ['the cloud names the host', [internal('10.0.0.1'), host('x')], [internal('10.0.0.1'), host('n1')], [internal('10.0.0.1'), host('x')]],
  ] as [string, NodeAddress[], NodeAddress[], NodeAddress[] | undefined][])('when %s', (_, cloud, present, wanted) => {
    expect(addressesFor(node({ addresses: present }), cloud)).toEqual(wanted);
  }); // prettier-ignore
});
describe('labels', () => {
  const beta = 'failure-domain.beta.kubernetes.io/zone';
  const zone = 'topology.kubernetes.io/zone';
  it.each([
    [{}, {}],
    [{ [zone]: 'a' }, {}],
    [{ [beta]: 'a' }, { [zone]: 'a' }],
    [{ [beta]: 'a', [zone]: 'b' }, { [zone]: 'a' }],
    [{ [beta]: 'a', [zone]: 'a' }, {}],
    [{ 'beta.kubernetes.io/instance-type': 't', 'failure-domain.beta.kubernetes.io/region': 'r' }, { 'node.kubernetes.io/instance-type': 't', 'topology.kubernetes.io/region': 'r' }],
  ])('follow the older ones: %j', (labels, wanted) => {
    expect(followingLabels(node({ labels }))).toEqual(wanted);
  }); // prettier-ignore
  it('of a cloud are neither Kubernetes’ nor instead of present ones', () => {
    const wanted = { 'my/own': '1', 'x.kubernetes.io/y': '2', 'kubernetes.io/z': '3', 'k8s.io/z': '4', notkubernetes: '5', here: '6' }; // prettier-ignore
    expect(additionalLabels(wanted, { here: 'mine' })).toEqual({ 'my/own': '1', notkubernetes: '5' });
  });
});
describe('a fresh node', () => {
  it('becomes the cloud’s', () => {
    const other = { key: 'mine', effect: 'NoExecute' as const };
    const fresh = node({ labels: { a: 'b' }, taints: { taints: [other, taint] } });
    const [update, patch, event] = initialize(fresh, instance('n1', { zone: 'z', region: 'r', instanceType: 't' }));
    expect(update).toMatchObject({
      op: 'update',
      object: {
        metadata: {
          labels: {
            a: 'b',
            'beta.kubernetes.io/instance-type': 't',
            'node.kubernetes.io/instance-type': 't',
            'failure-domain.beta.kubernetes.io/zone': 'z',
            'topology.kubernetes.io/zone': 'z',
            'failure-domain.beta.kubernetes.io/region': 'r',
            'topology.kubernetes.io/region': 'r',
          },
        },
        spec: { providerID: 'fake://n1', taints: [other] },
      },
    });
    expect(patch).toMatchObject({ op: 'patch', subresource: 'status', patch: { status: { addresses: [{ $patch: 'replace' }, internal('10.0.0.1'), host('n1')] } } }); // prettier-ignore
    expect(event).toMatchObject({ reason: 'Synced', message: 'Node synced successfully' });
  });
  it('keeps the provider ID that its kubelet gave', () => {
    const [update] = initialize(node({ taints: { providerID: 'fake://own' } }), instance('n1', { providerID: '' }));
    expect(update).toMatchObject({ object: { spec: { providerID: 'fake://own' } } });
  });
  it('waits where the cloud has no ID for it, or not the address that it wants', () => {
    expect(() => initialize(node(), instance('n1', { providerID: '' }))).toThrow('cloud provider does not set node provider ID for node n1'); // prettier-ignore
    expect(() => initialize(wishing('10.9.9.9'), instance('n1'))).toThrow('provided node ip for node "n1" is not valid: failed to get node address from cloud provider that matches ip: 10.9.9.9'); // prettier-ignore
  });
});

describe('the controller', () => {
  const get = (c: ReturnType<typeof cloudCluster>, name = 'n1'): Node => c.api.object<Node>(nodes, name)!;
  it('makes nodes the cloud’s as they come, and counts how long they waited', async () => {
    const c = cloudCluster();
    const metrics = createRegistry();
    c.cloud.machines.set('n1', { metadata: instance('n1', { zone: 'z' }) });
    c.start(() => startCloudNode({ ...c.cloudDeps, metrics }, c.cloud.instances));
    await c.client.create(nodes, node());
    await c.quiet();
    expect(isInitialized(get(c))).toBe(true);
    expect(get(c).status?.addresses).toEqual([internal('10.0.0.1'), host('n1')]);
    expect(get(c).metadata.labels).toMatchObject({ 'topology.kubernetes.io/zone': 'z' });
    expect(told(c)).toEqual(['Synced: Node synced successfully']);
    expect(metrics.families().map(({ name }) => name)).toContain('node_controller_initial_node_sync_delay_seconds');
  });
  it('leaves a node alone of which nothing is known yet', async () => {
    const c = cloudCluster();
    c.start(() => startCloudNode(c.cloudDeps, c.cloud.instances));
    await c.client.create(nodes, node());
    await c.quiet();
    expect([isInitialized(get(c)), c.cloud.calls]).toEqual([false, ['metadata n1']]);
  });
  it('asks again until the cloud answers, and is not held up by a call that hangs', async () => {
    const c = cloudCluster();
    for (const name of ['n1', 'n2', 'n3']) c.cloud.machines.set(name, { metadata: instance(name) });
    let asked = 0;
    c.cloud.intercept = (_, name) => {
      if (name === 'n1' && asked++ === 0) return new Promise(() => undefined);
      if (name === 'n2' && asked++ < 5) throw new Error('the cloud is in flames');
      return undefined;
    };
    c.start(() => startCloudNode(c.cloudDeps, c.cloud.instances));
    for (const name of ['n1', 'n2', 'n3']) await c.client.create(nodes, node({ name }));
    await c.world.advance(1_000);
    expect(['n1', 'n2', 'n3'].map((name) => isInitialized(get(c, name)))).toEqual([false, true, true]);
    await c.world.advance(61_000);
    expect(isInitialized(get(c))).toBe(true);
    expect(c.world.complaints).toContainEqual({ message: 'sync failed', keys: expect.objectContaining({ key: 'n1', err: expect.objectContaining({ message: 'failed to get instance metadata for node n1: the cloud did not answer within 60s: metadata of node n1' }) }) }); // prettier-ignore
  });
  it('looks after five minutes whether nodes have other addresses, and is stopped by none of them', async () => {
    const c = cloudCluster();
    for (const name of ['n1', 'n2']) c.cloud.machines.set(name, { metadata: instance(name) });
    c.start(() => startCloudNode(c.cloudDeps, c.cloud.instances));
    for (const name of ['n1', 'n2']) await c.client.create(nodes, node({ name }));
    await c.quiet();
    c.cloud.machines.set('n2', { metadata: instance('n2', { addresses: [internal('10.0.0.7'), internal('fd00::7')] }) }); // prettier-ignore
    c.cloud.intercept = (_, name) => {
      if (name === 'n1') throw new Error('no');
    };
    await c.world.advance(4 * 60_000);
    expect(get(c, 'n2').status?.addresses).toEqual([internal('10.0.0.1'), host('n1')]);
    await c.world.advance(2 * 60_000);
    expect(get(c, 'n2').status?.addresses).toEqual([internal('10.0.0.7'), internal('fd00::7'), host('n1')]);
  });
  it('has the newer labels follow', async () => {
    const c = cloudCluster();
    c.start(() => startCloudNode(c.cloudDeps, c.cloud.instances));
    await c.client.create(nodes, node({ taints: { taints: [] }, labels: { 'failure-domain.beta.kubernetes.io/zone': 'q' } })); // prettier-ignore
    await c.quiet();
    expect(get(c).metadata.labels).toMatchObject({ 'topology.kubernetes.io/zone': 'q' });
  });
  it.each([1, 2, 3])('ends with all nodes as they should be after a bad day (seed %s)', async (seed) => {
    const c = cloudCluster(seed);
    const names = ['n1', 'n2', 'n3', 'n4'];
    for (const name of names) c.cloud.machines.set(name, { metadata: instance(name, { zone: `zone-${name}` }) });
    c.cloud.intercept = (): void => {
      if (c.world.random() < 0.2) throw new Error('a bad day');
    };
    const controllers = c.start(() => startCloudNode(c.cloudDeps, c.cloud.instances));
    await badDay(c, controllers, names.map((name) => () => c.client.create(nodes, node({ name })))); // prettier-ignore
    for (const name of names) {
      expect(get(c, name)).toMatchObject({ spec: { providerID: `fake://${name}` }, metadata: { labels: { 'topology.kubernetes.io/zone': `zone-${name}` } } }); // prettier-ignore
      expect([name, isInitialized(get(c, name))]).toEqual([name, true]);
    }
  });
});
