import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoints, Event, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import * as resources from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startEndpointSliceMirroring } from './actor.ts';
import golden from './mirrored.golden.json' with { type: 'json' };
import { isMirrored, MAX_PER_SUBSET, reconcile } from './reconcile.ts';

const endpoints = (subsets: Endpoints['subsets'], metadata: object = {}): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'web', namespace: 'd', uid: 'e', ...metadata },
  ...(subsets && { subsets }),
});
const ips = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ ip: `10.9.${(i + from) >> 8}.${(i + from) & 255}` }));
let serial = 0;
function apply(of: Endpoints | undefined, slices: readonly EndpointSlice[]): EndpointSlice[] {
  let next = [...slices];
  for (const x of reconcile({ endpoints: of, slices })) {
    if (x.op === 'create') next.push({ ...(x.object as EndpointSlice), metadata: { ...x.object.metadata, name: `web-${++serial}`, uid: `s${serial}` } }); // prettier-ignore
    if (x.op === 'update') next = next.map((s) => (s.metadata.uid === x.object.metadata.uid ? (x.object as EndpointSlice) : s)); // prettier-ignore
    if (x.op === 'delete') next = next.filter((s) => s.metadata.uid !== x.uid);
  }
  return next;
}
const ops = (of: Endpoints | undefined, slices: readonly EndpointSlice[]): string[] =>
  reconcile({ endpoints: of, slices }).map((x) => x.op);

describe('as kube-controller-manager', () => {
  it.each(Object.entries(golden))('%s', (_name, { endpoints: input, slices }) => {
    const given = { apiVersion: 'v1', kind: 'Endpoints', ...input } as unknown as Endpoints;
    const made = isMirrored(given) ? apply(given, []) : [];
    const sorted = (list: readonly object[]) =>
      list.toSorted((a, b) => (JSON.stringify([(a as EndpointSlice).addressType, (a as EndpointSlice).ports]) < JSON.stringify([(b as EndpointSlice).addressType, (b as EndpointSlice).ports]) ? -1 : 1)); // prettier-ignore
    const shown = made.map(({ metadata, addressType, endpoints: list, ports }) => ({
      labels: metadata.labels,
      ...(Object.keys(metadata.annotations ?? {}).length > 0 && { annotations: metadata.annotations }),
      owner: metadata.ownerReferences!.map(({ uid: _uid, ...rest }) => rest),
      addressType,
      ports: ports!.length > 0 ? ports!.toSorted((a, b) => a.port! - b.port!) : undefined,
      endpoints: list!.toSorted((a, b) => (a.addresses[0]! < b.addresses[0]! ? -1 : 1)),
    }));
    expect(sorted(JSON.parse(JSON.stringify(shown)) as object[])).toEqual(sorted(slices));
  });
});

describe('reconcile', () => {
  it('gets quiet, whatever was there before, and repeats each address once', () => {
    const address = fc.tuple(fc.nat(40), fc.boolean(), fc.boolean());
    const subset = fc.tuple(fc.array(address, { maxLength: 20 }), fc.subarray([80, 81, 82]));
    const state = fc.array(subset, { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 4 }), (states) => {
        let slices: EndpointSlice[] = [];
        for (const subsets of states) {
          const given = endpoints(
            subsets.map(([list, ports]) => ({
              addresses: list.filter(([, , ready]) => ready).map(([n, six]) => ({ ip: six ? `fd00::${n + 1}` : `10.0.0.${n}` })), // prettier-ignore
              notReadyAddresses: list.filter(([, , ready]) => !ready).map(([n, six]) => ({ ip: six ? `fd00::${n + 1}` : `10.0.0.${n}` })), // prettier-ignore
              ...(ports.length > 0 && { ports: ports.map((port) => ({ name: `p${port}`, port, protocol: 'TCP' })) }),
            })),
          );
          slices = apply(given, slices);
          expect(ops(given, slices)).toEqual([]);
          const wanted = new Set(subsets.flatMap(([list, ports]) => list.flatMap(([n, six]) => (ports.length > 0 ? ports : ['']).map((p) => `${six ? `fd00::${(n + 1).toString()}` : `10.0.0.${n}`}:${p}`)))); // prettier-ignore
          const found = slices.flatMap((s) => s.endpoints!.flatMap((e) => (s.ports!.length > 0 ? s.ports! : [{ port: '' }]).map((p) => `${e.addresses[0]}:${p.port}`))); // prettier-ignore
          expect(new Set(found)).toEqual(wanted);
          expect(found).toHaveLength(wanted.size);
          expect(slices.every((s) => s.endpoints!.length > 0)).toBe(true);
        }
        expect(apply(undefined, slices)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
  it('tells of addresses that are too many, the ready ones first', () => {
    const given = endpoints([{ addresses: ips(900), notReadyAddresses: ips(220, 2_000), ports: [{ port: 80 }] }]);
    const [event, create] = reconcile({ endpoints: given, slices: [] });
    expect(event).toMatchObject({ op: 'event', type: 'Warning', reason: 'TooManyAddressesToMirror', message: `A max of ${MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. 120 addresses were skipped` }); // prettier-ignore
    const { endpoints: list = [] } = (create as { object: object }).object as EndpointSlice;
    expect([list.length, list.filter((e) => e.conditions!.ready).length]).toEqual([1_000, 900]);
  });
  it('tells of addresses that are none', () => {
    const given = endpoints([{ addresses: [{ ip: 'x' }, { ip: '10.0.0.1' }], notReadyAddresses: [{ ip: '10.0.0' }], ports: [{ port: 80 }] }]); // prettier-ignore
    expect(reconcile({ endpoints: given, slices: [] })).toMatchObject([
      { op: 'event', reason: 'InvalidIPAddress', message: 'Skipped 2 invalid IP addresses when mirroring to EndpointSlices' }, // prettier-ignore
      { op: 'create', object: { endpoints: [{ addresses: ['10.0.0.1'] }] } },
    ]);
  });
  it('writes a slice anew that is of Endpoints of before, and takes over what would go', () => {
    const given = endpoints([{ addresses: ips(1), ports: [{ port: 80 }] }]);
    const slices = apply(given, []);
    expect(ops({ ...given, metadata: { ...given.metadata, uid: 'reborn' } }, slices)).toEqual(['update']);
    expect(ops(endpoints([{ addresses: ips(1), ports: [{ port: 81 }] }]), slices)).toEqual(['update']);
    expect(ops(endpoints([{ addresses: [{ ip: 'fd00::1' }], ports: [{ port: 80 }] }]), slices)).toEqual([
      'create',
      'delete',
    ]);
  });
  it('makes nothing for Endpoints that go', () => {
    expect(ops(endpoints([{ addresses: ips(1) }], { deletionTimestamp: '2026-01-01T00:00:00Z' }), [])).toEqual([]);
  });
});

describe('controller', () => {
  const service = (name: string, spec: Service['spec'] = {}): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'd' },
    spec,
  });
  it('follows what is written by hand, and clears up when it is not any more', async () => {
    const { world, client, start, quiet, list } = testCluster();
    start(startEndpointSliceMirroring);
    const shown = () => list<EndpointSlice>(resources.endpointSlices).map((s) => `${s.metadata.labels!['kubernetes.io/service-name']} ${s.endpoints!.map((e) => e.addresses[0]).join()}`); // prettier-ignore
    const put = (name: string, n: number, o: object = {}) =>
      client.create(resources.endpoints, endpoints([{ addresses: ips(n), ports: [{ port: 80 }] }], { name, uid: undefined, ...o })); // prettier-ignore
    for (const name of ['a', 'b', 'c', 'late']) await put(name, 1);
    await put('selects', 1);
    await put('skipped', 1, { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } });
    for (const name of ['a', 'b', 'c', 'skipped']) await client.create(resources.services, service(name));
    await client.create(resources.services, service('selects', { selector: { app: 'x' } }));
    await quiet();
    expect(shown()).toEqual(['a 10.9.0.0', 'b 10.9.0.0', 'c 10.9.0.0']);
    await client.create(resources.services, service('late'));
    await client.patch(resources.endpoints, 'a', 'd', 'merge', { subsets: [{ addresses: ips(2), ports: [{ port: 80 }] }] }); // prettier-ignore
    await client.patch(resources.endpoints, 'c', 'd', 'merge', { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } }); // prettier-ignore
    await client.patch(resources.services, 'b', 'd', 'merge', { spec: { selector: { app: 'y' } } });
    await quiet();
    expect(shown()).toEqual(['a 10.9.0.0,10.9.0.1', 'late 10.9.0.0']);
    const [first] = list<EndpointSlice>(resources.endpointSlices);
    await client.delete(resources.endpointSlices, first!.metadata.name!, 'd');
    await client.delete(resources.services, 'late', 'd');
    await quiet();
    expect(shown()).toEqual([]);
    await world.advance(1_000);
    await quiet();
    expect(shown()).toEqual(['a 10.9.0.0,10.9.0.1']);
    await client.delete(resources.endpoints, 'a', 'd');
    await quiet();
    expect(shown()).toEqual([]);
  });
  it('writes no more than it must, and one Event about what does not fit', async () => {
    const { world, api, client, start, quiet, list } = testCluster();
    start(startEndpointSliceMirroring);
    await client.create(resources.services, service('a'));
    await client.create(resources.endpoints, endpoints([{ addresses: ips(1_050), ports: [{ port: 80 }] }], { name: 'a', uid: undefined })); // prettier-ignore
    await quiet();
    const writes = api.objects(resources.endpointSlices).map((s) => s.metadata.resourceVersion);
    await world.advance(60_000);
    expect(api.objects(resources.endpointSlices).map((s) => s.metadata.resourceVersion)).toEqual(writes);
    const events = list<Event>(resources.events);
    expect(events.map((e) => [e.reason, e.involvedObject.name, e.source!.component])).toEqual([['TooManyAddressesToMirror', 'a', 'endpoint-slice-mirroring-controller']]); // prettier-ignore
  });
});
