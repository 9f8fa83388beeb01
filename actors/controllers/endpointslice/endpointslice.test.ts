import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { endpointSlices, nodes, pods, services } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startEndpointSliceController } from './actor.ts';
import golden from '../../runtime/testing/service-endpoints.golden.json' with { type: 'json' };
import type { Intent } from '../../runtime/intent.ts';
import { MAX_ENDPOINTS, NO_TOPOLOGY, reconcile, type Observed } from './reconcile.ts';

const labels = { app: 'web' };
const service = (spec: object = {}): Service => ({
  apiVersion: 'v1', kind: 'Service',
  metadata: { name: 'web', namespace: 'd', uid: 'svc', labels: { team: 'a' } },
  spec: { selector: labels, clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }], ...spec },
}); // prettier-ignore
const pod = (i: number, o: { ready?: boolean; ip?: string; port?: number; deleted?: boolean; node?: string } = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name: `p${i}`, namespace: 'd', uid: `p${i}`, labels, ...(o.deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  spec: { nodeName: o.node ?? 'n1', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: o.port ?? 8080, protocol: 'TCP' }] }] },
  status: { phase: 'Running', podIP: o.ip ?? `10.0.${i >> 8}.${i & 255}`, podIPs: [{ ip: o.ip ?? `10.0.${i >> 8}.${i & 255}` }], conditions: [{ type: 'Ready', status: o.ready === false ? 'False' : 'True' }] },
}); // prettier-ignore
const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } },
};
/** What a create or update writes. */
const written = (intent: Intent | undefined): EndpointSlice =>
  (intent as { object: KubeObject }).object as EndpointSlice;
const observe = (o: Partial<Observed> & { pods: Pod[] }): Observed => ({
  service: service(),
  slices: [],
  node: () => node,
  ratios: () => undefined,
  topology: NO_TOPOLOGY,
  ...o,
});
let serial = 0;
function apply(slices: readonly EndpointSlice[], observed: Observed): { slices: EndpointSlice[]; writes: number } {
  const intents = reconcile({ ...observed, slices }).parts.flatMap((part) => part.intents);
  let next = [...slices];
  for (const x of intents) {
    if (x.op === 'create') next.push({ ...(x.object as EndpointSlice), metadata: { ...x.object.metadata, name: `web-${++serial}`, uid: `s${serial}` } }); // prettier-ignore
    if (x.op === 'update') next = next.map((s) => (s.metadata.uid === x.object.metadata.uid ? (x.object as EndpointSlice) : s)); // prettier-ignore
    if (x.op === 'delete') next = next.filter((s) => s.metadata.uid !== x.uid);
  }
  return { slices: next, writes: intents.length };
}

describe('reconcile', () => {
  it('converges, loses none, and fills no slice beyond its limit', () => {
    const step = fc.array(fc.tuple(fc.nat(450), fc.boolean(), fc.constantFrom(8080, 9090)), { maxLength: 450 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
        let slices: EndpointSlice[] = [];
        for (const step of steps) {
          const all = new Map(step.map(([i, ready, port]) => [i, pod(i, { ready, port })]));
          const observed = observe({ pods: [...all.values()] });
          ({ slices } = apply(slices, observed));
          expect(apply(slices, observed).writes).toBe(0);
          const found = slices.flatMap((s) => s.endpoints ?? []);
          expect(new Set(found.map((e) => e.targetRef?.name)).size).toBe(all.size);
          expect(found).toHaveLength(all.size);
          for (const s of slices) expect(s.endpoints!.length).toBeLessThanOrEqual(MAX_ENDPOINTS);
        }
      }),
      { numRuns: 40 },
    );
  });
  it('writes no slice that need not be written', () => {
    const step = fc.array(fc.tuple(fc.nat(450), fc.boolean(), fc.constantFrom(8080, 9090)), { maxLength: 450 });
    fc.assert(
      fc.property(step, step, (before, after) => {
        const podsOf = (list: typeof before) => [
          ...new Map(list.map(([i, ready, port]) => [i, pod(i, { ready, port })])).values(),
        ];
        const { slices } = apply([], observe({ pods: podsOf(before) }));
        const wanted = observe({ pods: podsOf(after), slices });
        const { intents } = reconcile(wanted).parts[0]!;
        const should = new Map(
          reconcile({ ...wanted, slices: [] })
            .parts[0]!.intents.flatMap((x) => written(x))
            .flatMap((s) => s.endpoints!.map((e) => [`${e.targetRef!.name}:${s.ports![0]!.port}`, e] as const)),
        );
        const isStale = (s: EndpointSlice) =>
          s.endpoints!.length === 0 ||
          s.endpoints!.some(
            (e) => should.get(`${e.targetRef!.name}:${s.ports![0]!.port}`)?.conditions!.ready !== e.conditions!.ready,
          );
        const touched = (s: EndpointSlice) =>
          intents.some((x) =>
            x.op === 'delete'
              ? x.name === s.metadata.name
              : x.op === 'update' && x.object.metadata.name === s.metadata.name,
          );
        // One more for each group of ports, to take what is new.
        expect(slices.filter((s) => touched(s) && !isStale(s)).length).toBeLessThanOrEqual(2);
        const present = new Set(
          slices.flatMap((s) => s.endpoints!.map((e) => `${e.targetRef!.name}:${s.ports![0]!.port}`)),
        );
        const added = [...should.keys()].filter((key) => !present.has(key)).length;
        expect(intents.filter((x) => x.op === 'create').length).toBeLessThanOrEqual(
          Math.max(1, Math.ceil(added / MAX_ENDPOINTS) + 1),
        );
      }),
      { numRuns: 40 },
    );
  });
  it('puts a rest into the slice that it fills best, and makes new ones only for what fills them', () => {
    const all = Array.from({ length: 130 }, (_, i) => pod(i));
    const { slices } = apply([], observe({ pods: all }));
    const more = [...all, ...Array.from({ length: 150 }, (_, i) => pod(300 + i))];
    const { intents } = reconcile(observe({ pods: more, slices })).parts[0]!;
    expect(intents.map((x) => [x.op, written(x).endpoints!.length])).toEqual([
      ['create', 100],
      ['update', 80],
    ]);
  });
  it('takes over what would go, but nothing of a Service of before', () => {
    const { slices } = apply([], observe({ pods: [pod(1)] }));
    const ports = observe({ pods: [pod(1, { port: 9090 })] });
    expect(reconcile({ ...ports, slices }).parts[0]!.intents).toMatchObject([
      { op: 'update', object: { metadata: { uid: slices[0]!.metadata.uid }, ports: [{ port: 9090 }] } },
    ]);
    const reborn = { ...service(), metadata: { ...service().metadata, uid: 'other' } };
    expect(reconcile({ ...ports, service: reborn, slices }).parts[0]!.intents.map((x) => x.op)).toEqual([
      'create',
      'delete',
    ]);
  });
  it('says when what led to a write happened, and nothing of a write that only follows labels', () => {
    const { slices } = apply([], observe({ pods: [pod(1)], triggered: '2026-01-01T00:00:00Z' }));
    expect(slices[0]!.metadata.annotations).toEqual({
      'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z',
    });
    const labelled = { ...service(), metadata: { ...service().metadata, labels: { team: 'b' } } };
    const next = apply(slices, observe({ service: labelled, pods: [pod(1)] }));
    expect([next.slices[0]!.metadata.labels!['team'], next.slices[0]!.metadata.annotations]).toEqual(['b', {}]);
    expect(apply(next.slices, observe({ service: labelled, pods: [pod(1)], triggered: 'later' })).writes).toBe(0);
  });
  it('creates nothing for a Service that goes', () => {
    const going = { ...service(), metadata: { ...service().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(reconcile(observe({ service: going, pods: [pod(1)] })).parts[0]!.intents).toEqual([]);
  });
  it('writes one slice when one pod of many changes', () => {
    const all = Array.from({ length: 250 }, (_, i) => pod(i));
    const { slices } = apply([], observe({ pods: all }));
    expect(slices.map((s) => s.endpoints!.length).sort()).toEqual([100, 100, 50]);
    all[7] = pod(7, { ready: false });
    expect(apply(slices, observe({ pods: all })).writes).toBe(1);
    all.push(pod(900));
    expect(apply(slices, observe({ pods: all })).writes).toBeLessThanOrEqual(2);
  });
  const conditionCases: [string, object, Parameters<typeof pod>[1], object][] = [
    ['ready', {}, {}, { ready: true, serving: true, terminating: false }],
    ['not ready', {}, { ready: false }, { ready: false, serving: false, terminating: false }],
    ['terminating', {}, { deleted: true }, { ready: false, serving: true, terminating: true }],
    ['published though not ready', { publishNotReadyAddresses: true }, { ready: false }, { ready: true, serving: false, terminating: false }],
  ]; // prettier-ignore
  it.each(conditionCases)('conditions: %s', (_name, spec, of, conditions) => {
    const { slices } = apply([], observe({ service: service(spec), pods: [pod(1, of)] }));
    expect(slices[0]?.endpoints?.[0]).toEqual({ addresses: ['10.0.0.1'], conditions, targetRef: { kind: 'Pod', namespace: 'd', name: 'p1', uid: 'p1' }, nodeName: 'n1', zone: 'z1' }); // prettier-ignore
  });
  it('says with an empty slice that there is no endpoint, and reuses it', () => {
    const none = apply([], observe({ pods: [] }));
    expect(none.slices).toMatchObject([{ endpoints: [], ports: [], addressType: 'IPv4' }]);
    const some = apply(none.slices, observe({ pods: [pod(1)] }));
    expect(some.slices).toHaveLength(1);
    expect(some.slices[0]).toMatchObject({ metadata: { uid: none.slices[0]!.metadata.uid }, ports: [{ name: 'http', port: 8080 }] }); // prettier-ignore
  });
  it('keeps families apart', () => {
    const dual = pod(1);
    dual.status!.podIPs = [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }];
    const { slices } = apply([], observe({ service: service({ ipFamilies: ['IPv4', 'IPv6'] }), pods: [dual] }));
    expect(slices.map((s) => [s.addressType, s.endpoints![0]!.addresses])).toEqual([['IPv4', ['10.0.0.1']], ['IPv6', ['fd00::1']]]); // prettier-ignore
    const only4 = apply(slices, observe({ pods: [dual] }));
    expect(only4.slices.map((s) => s.addressType)).toEqual(['IPv4']);
  });
  it('labels slices with the Service, and as headless if it is', () => {
    const { slices } = apply([], observe({ service: service({ clusterIP: 'None' }), pods: [] }));
    expect(slices[0]!.metadata.labels).toEqual({ team: 'a', 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io', 'service.kubernetes.io/headless': '' }); // prettier-ignore
  });
  it('leaves pods out whose node is unknown, and says so', () => {
    const { parts } = reconcile(observe({ pods: [pod(1)], node: () => undefined }));
    expect(parts).toMatchObject([{ intents: [{ op: 'create', object: { endpoints: [] } }], problems: ['skipping Pod p1 for Service d/web: Node n1 Not Found'] }]); // prettier-ignore
    const all = observe({
      service: service({ publishNotReadyAddresses: true }),
      pods: [pod(1)],
      node: () => undefined,
    });
    expect(reconcile(all).parts).toMatchObject([{ intents: [{ object: { endpoints: [{ nodeName: 'n1' }] } }], problems: [] }]); // prettier-ignore
  });
  it('hints where traffic should stay', () => {
    const { slices } = apply([], observe({ service: service({ trafficDistribution: 'PreferSameNode' }), pods: [pod(1), pod(2, { ready: false })] })); // prettier-ignore
    expect(slices[0]!.endpoints!.map((e) => e.hints)).toEqual([{ forZones: [{ name: 'z1' }], forNodes: [{ name: 'n1' }] }, undefined]); // prettier-ignore
  });
});

/** Pods and Services with what kube-controller-manager made of them; ports, in its slices in an order of hashes, are sorted. */
describe('as kube-controller-manager', () => {
  it.each(Object.entries(golden))('%s', (_name, { input, slices, events }) => {
    const nodesByName = new Map(input.nodes.map(({ name, ...rest }) => {
      const zone = 'zone' in rest ? rest.zone : undefined;
      return [name, { ...node, metadata: { name, labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone } } }];
    }));
    const { parts } = reconcile(
      observe({
        service: { apiVersion: 'v1', kind: 'Service', ...input.service } as unknown as Service,
        pods: input.pods as unknown as Pod[],
        node: (name) => nodesByName.get(name),
        triggered: 'T',
      }),
    );
    const made = parts.flatMap((part) => part.intents).map((x) => written(x));
    const sorted = <T>(list: readonly T[] | undefined, by: (item: T) => string) => list?.length ? list.toSorted((a, b) => (by(a) < by(b) ? -1 : 1)) : undefined;
    const shown = made.map(({ metadata, addressType, endpoints, ports }) => ({
      labels: metadata.labels,
      generateName: metadata.generateName,
      annotations: Object.keys(metadata.annotations ?? {}),
      owner: metadata.ownerReferences!.map(({ uid: _uid, ...rest }) => rest),
      addressType,
      endpoints: sorted(endpoints, (e) => e.addresses[0]!),
      ports: sorted(ports, (p) => p.name! + p.port),
    }));
    const plain = (value: unknown): unknown[] => JSON.parse(JSON.stringify(value)) as unknown[];
    expect(sorted(plain(shown), (x) => JSON.stringify((x as EndpointSlice).ports))).toEqual(sorted(plain(slices), (x) => JSON.stringify((x as EndpointSlice).ports)));
    const texts = parts.flatMap((part) => part.problems).map((text) => ['Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service NS/web: ${text}`]);
    expect(texts).toEqual(events);
  });
}); // prettier-ignore

describe('controller', () => {
  it('follows pods as they come, become ready and go', async () => {
    const { world, api, client, start, runPods, quiet, list } = testCluster();
    start(startEndpointSliceController);
    runPods({ nodes: ['n1'] });
    await client.create(nodes, node);
    await client.create(services, { ...service(), metadata: { name: 'web', namespace: 'd' } });
    await quiet();
    expect(list<EndpointSlice>(endpointSlices)).toMatchObject([{ endpoints: [] }]);
    for (const name of ['a', 'b']) await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd', labels }, spec: { containers: pod(1).spec!.containers } }); // prettier-ignore
    await quiet();
    const [slice] = list<EndpointSlice>(endpointSlices);
    expect(slice!.endpoints!.map((e) => [e.targetRef!.name, e.conditions!.ready])).toEqual([['a', true], ['b', true]]); // prettier-ignore
    await client.delete(endpointSlices, slice!.metadata.name!, 'd');
    await world.advance(1_000);
    await quiet();
    expect(list<EndpointSlice>(endpointSlices)[0]!.endpoints).toHaveLength(2);
    await client.delete(pods, 'a', 'd', { gracePeriodSeconds: 0 });
    await quiet();
    expect(list<EndpointSlice>(endpointSlices)[0]!.endpoints).toHaveLength(1);
    expect(api.objects(endpointSlices)).toHaveLength(1);
  });
});
