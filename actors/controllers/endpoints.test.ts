import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoints, Event, Node, Pod, Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import * as resources from '../runtime/resources.ts';
import { testCluster, type TestCluster } from '../runtime/testing/cluster.ts';
import { badDay } from '../runtime/testing/faults.ts';
import { startEndpointController } from './endpoint/actor.ts';
import { startEndpointSliceController } from './endpointslice/actor.ts';
import { startEndpointSliceMirroring } from './endpointslicemirroring/actor.ts';

const STARTERS = [startEndpointController, startEndpointSliceController, startEndpointSliceMirroring];
const KINDS = { services: resources.services, pods: resources.pods, endpoints: resources.endpoints };
const service = (name: string, o: { app?: string; annotations?: Record<string, string> } = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'd', ...(o.annotations && { annotations: o.annotations }) },
  spec: { clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP' }], ...(o.app && { selector: { app: o.app } }) },
}); // prettier-ignore
const node = (name: string, zone: string): Node => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
  status: { allocatable: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] },
}); // prettier-ignore
const pod = (name: string, app: string, n: number, ready = true, nodeName = 'n1'): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd', labels: { app } },
  spec: { nodeName, containers: [] },
  status: { phase: 'Running', podIP: `10.0.0.${n}`, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
}); // prettier-ignore
const endpoints = (name: string, n: number): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name, namespace: 'd' },
  subsets: [{ addresses: [{ ip: `10.9.0.${n}` }], ports: [{ port: 80 }] }],
});
const messages = (c: TestCluster): string[] =>
  c.list<Event>(resources.events).map((e) => `${e.source!.component} ${e.reason} ${e.message}`);

/** Address and readiness of all that is behind the Service, as its slices say. */
const inSlices = (c: TestCluster, name: string): string[] =>
  c.list<EndpointSlice>(resources.endpointSlices)
    .filter((s) => s.metadata.labels!['kubernetes.io/service-name'] === name)
    .flatMap((s) => s.endpoints!.map((e) => `${e.addresses[0]} ${e.conditions!.ready}`))
    .sort(); // prettier-ignore
const inEndpoints = (c: TestCluster, name: string): string[] =>
  (c.api.object<Endpoints>(resources.endpoints, `d/${name}`)?.subsets ?? [])
    .flatMap((s) => [...(s.addresses ?? []).map((a) => `${a.ip} true`), ...(s.notReadyAddresses ?? []).map((a) => `${a.ip} false`)])
    .sort(); // prettier-ignore
/** That all that is said of Services is what pods and people say. */
function isRight(c: TestCluster): void {
  for (const { metadata, spec } of c.list<Service>(resources.services)) {
    const name = metadata.name!;
    if (!spec!.selector) {
      expect([name, inSlices(c, name)]).toEqual([name, inEndpoints(c, name)]);
      continue;
    }
    const behind = c.list<Pod>(resources.pods).filter((p) => p.metadata.labels!['app'] === spec!.selector!['app']);
    const wanted = behind.map((p) => `${p.status!.podIP} ${p.status!.conditions![0]!.status === 'True'}`).sort();
    expect([name, inSlices(c, name), inEndpoints(c, name)]).toEqual([name, wanted, wanted]);
  }
}

it('comes to what is true after any bad day, and rests there', async () => {
  const turn = fc.oneof(
    fc.record({ do: fc.constant('service' as const), name: fc.constantFrom('a', 'b', 'hand'), app: fc.constantFrom('x', 'y', undefined) }),
    fc.record({ do: fc.constant('pod' as const), n: fc.nat(5), app: fc.constantFrom('x', 'y'), ready: fc.boolean() }),
    fc.record({ do: fc.constant('endpoints' as const), n: fc.nat(9) }),
    fc.record({ do: fc.constant('slice' as const), n: fc.nat(3), name: fc.constantFrom('a', 'b', 'hand') }),
    fc.record({ do: fc.constant('gone' as const), kind: fc.constantFrom('services' as const, 'pods' as const, 'endpoints' as const), name: fc.constantFrom('a', 'b', 'hand', 'p1', 'p2') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 4, maxLength: 16 }), fc.nat(1_000), async (turns, seed) => {
      const c = testCluster(seed);
      const controllers = c.start(...STARTERS);
      await c.client.create(resources.nodes, node('n1', 'z1'));
      const swallow = (): undefined => undefined;
      const play = (t: (typeof turns)[number]) => async (): Promise<unknown> => {
        if (t.do === 'service') {
          await c.client.delete(resources.services, t.name, 'd').catch(swallow);
          // The API server, and the collector of what has no owner any more.
          await c.client.delete(resources.endpoints, t.name, 'd').catch(swallow);
          for (const s of c.list<EndpointSlice>(resources.endpointSlices))
            if (s.metadata.ownerReferences?.[0]?.name === t.name) await c.client.delete(resources.endpointSlices, s.metadata.name!, 'd').catch(swallow);
          return c.client.create(resources.services, service(t.name, t.app === undefined ? {} : { app: t.app }));
        }
        if (t.do === 'pod') {
          await c.client.delete(resources.pods, `p${t.n}`, 'd', { gracePeriodSeconds: 0 }).catch(swallow);
          return c.client.create(resources.pods, pod(`p${t.n}`, t.app, t.n + 1, t.ready));
        }
        if (t.do === 'endpoints') {
          if (c.api.object<Service>(resources.services, 'd/hand')?.spec?.selector) return undefined;
          await c.client.delete(resources.endpoints, 'hand', 'd').catch(swallow);
          return c.client.create(resources.endpoints, endpoints('hand', t.n));
        }
        if (t.do === 'slice') {
          const found = c.list<EndpointSlice>(resources.endpointSlices).filter((s) => s.metadata.labels!['kubernetes.io/service-name'] === t.name);
          const one = found[t.n % Math.max(1, found.length)];
          return one && c.client.delete(resources.endpointSlices, one.metadata.name!, 'd');
        }
        return c.client.delete(KINDS[t.kind], t.name, 'd', { gracePeriodSeconds: 0 }).catch(swallow);
      };
      await badDay(c, controllers, turns.map(play));
      isRight(c);
      const shown = [...c.list(resources.endpointSlices), ...c.list(resources.endpoints)].map((o) => o.metadata.resourceVersion);
      await c.world.advance(120_000);
      expect([...c.list(resources.endpointSlices), ...c.list(resources.endpoints)].map((o) => o.metadata.resourceVersion)).toEqual(shown);
    }),
    { numRuns: 12 },
  );
}); // prettier-ignore

describe('what fails', () => {
  it('is told by an Event of the Service, and tried again ever later', async () => {
    const c = testCluster();
    c.start(startEndpointSliceController);
    let tries = 0;
    c.api.intercept = ({ verb, resource }) => {
      if (verb !== 'create' || resource !== 'endpointslices') return;
      tries++;
      throw new ApiError('Forbidden', 'no slices today');
    };
    await c.client.create(resources.services, service('a', { app: 'x' }));
    await c.world.advance(10_000);
    expect(tries).toBe(4);
    expect(messages(c)).toEqual(['endpoint-slice-controller FailedToUpdateEndpointSlices Error updating Endpoint Slices for Service d/a: failed to create EndpointSlice for Service d/a: no slices today']); // prettier-ignore
  });
  it('is told of Endpoints too', async () => {
    const c = testCluster();
    c.start(startEndpointController);
    let verb = 'create';
    c.api.intercept = (call) => {
      if (call.verb === verb && call.resource === 'endpoints') throw new ApiError('InternalError', 'no more disk');
    };
    await c.client.create(resources.services, service('a', { app: 'x' }));
    await c.quiet();
    verb = 'update';
    await c.world.advance(1_000);
    await c.client.create(resources.pods, pod('p', 'x', 1));
    await c.quiet();
    expect(messages(c).toSorted()).toEqual([
      'endpoint-controller FailedToCreateEndpoint Failed to create endpoint for service d/a: no more disk',
      'endpoint-controller FailedToUpdateEndpoint Failed to update endpoint d/a: no more disk',
    ]);
  });
  it('is no news in a namespace that ends', async () => {
    const c = testCluster();
    c.start(startEndpointController, startEndpointSliceController);
    let tries = 0;
    c.api.intercept = ({ verb, resource }) => {
      if (verb !== 'create' || !resource.startsWith('endpoint')) return;
      tries++;
      throw new ApiError('Forbidden', 'it ends', { details: { causes: [{ reason: 'NamespaceTerminating' }] } });
    };
    await c.client.create(resources.services, service('a', { app: 'x' }));
    await c.world.advance(60_000);
    expect([tries, messages(c)]).toEqual([2, []]);
  });
});

it('adds and takes hints as nodes and annotations say, and tells of it', async () => {
  const c = testCluster();
  c.start(startEndpointSliceController);
  const mode = 'service.kubernetes.io/topology-mode';
  for (const [i, name] of ['n1', 'n2'].entries()) await c.client.create(resources.nodes, node(name, `z${i}`));
  for (let i = 0; i < 4; i++) await c.client.create(resources.pods, pod(`p${i}`, 'x', i, true, i < 2 ? 'n1' : 'n2'));
  await c.client.create(resources.services, service('a', { app: 'x', annotations: { [mode]: 'Auto' } }));
  await c.quiet();
  const hints = () => c.list<EndpointSlice>(resources.endpointSlices).flatMap((s) => s.endpoints!.map((e) => e.hints?.forZones?.[0]?.name ?? '-')).sort().join(); // prettier-ignore
  expect(hints()).toBe('z0,z0,z1,z1');
  // Three zones want at least one endpoint each, and there is no telling which of four is too many.
  await c.client.create(resources.nodes, node('n3', 'z2'));
  await c.quiet();
  expect(hints()).toBe('-,-,-,-');
  await c.client.delete(resources.nodes, 'n3');
  await c.client.patch(resources.pods, 'p0', 'd', 'merge', { metadata: { labels: { app: 'none' } } });
  await c.client.patch(resources.pods, 'p0', 'd', 'merge', { metadata: { labels: { app: 'x' } } });
  await c.quiet();
  expect(hints()).toBe('z0,z0,z1,z1');
  await c.client.patch(resources.services, 'a', 'd', 'merge', { metadata: { annotations: null } });
  await c.quiet();
  expect(hints()).toBe('-,-,-,-');
  expect(
    messages(c)
      .map((text) => text.replace(/^\S+ /, ''))
      .toSorted(),
  ).toMatchObject([
    'TopologyAwareHintsDisabled Topology Aware Hints has been disabled, addressType: IPv4',
    expect.stringMatching(/^TopologyAwareHintsDisabled Unable to allocate minimum.* .3 endpoints, 2 zones/),
    expect.stringMatching(/^TopologyAwareHintsDisabled Unable to allocate minimum.* .4 endpoints, 3 zones/),
    'TopologyAwareHintsEnabled Topology Aware Hints has been enabled, addressType: IPv4',
  ]);
});
