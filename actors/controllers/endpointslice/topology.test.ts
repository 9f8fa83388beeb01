import { describe, expect, it } from 'vitest';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { isOverloaded, topologyHints, wantsTopology, zoneRatios } from './topology.ts';

const node = (zone: string | undefined, cpu: string | undefined, o: { ready?: boolean; labels?: object } = {}): Node => ({
  apiVersion: 'v1', kind: 'Node',
  metadata: { name: 'n', labels: { ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }), ...o.labels } },
  status: { ...(cpu !== undefined && { allocatable: { cpu } }), conditions: [{ type: 'Ready', status: o.ready === false ? 'False' : 'True' }] },
}); // prettier-ignore
const THREE = [node('za', '2'), node('zb', '4'), node('zc', '2000m')];
let serial = 0;
const endpoints = (zones: Readonly<Record<string, number>>, ready = true): Endpoint[] =>
  Object.entries(zones).flatMap(([zone, n]) =>
    Array.from({ length: n }, () => ({ addresses: [`10.0.0.${++serial}`], conditions: { ready }, ...(zone !== '-' && { zone }) })),
  ); // prettier-ignore
const slice = (list: Endpoint[]): EndpointSlice =>
  ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `s${++serial}` }, addressType: 'IPv4', endpoints: list }); // prettier-ignore
function counts(list: readonly Endpoint[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { zone = '-', hints } of list) {
    const key = `${zone}>${hints?.forZones?.map(({ name }) => name).join('+') ?? 'none'}`;
    found[key] = (found[key] ?? 0) + 1;
  }
  return found;
}

it.each<[Record<string, string> | undefined, boolean]>([
  [undefined, false],
  [{ 'service.kubernetes.io/topology-mode': 'Auto' }, true],
  [{ 'service.kubernetes.io/topology-mode': 'auto' }, true],
  [{ 'service.kubernetes.io/topology-mode': 'AUTO' }, false],
  [{ 'service.kubernetes.io/topology-aware-hints': 'auto' }, true],
  [{ 'service.kubernetes.io/topology-aware-hints': 'x', 'service.kubernetes.io/topology-mode': 'Auto' }, false],
])('is wanted by annotation: %j: %s', (annotations, wanted) => expect(wantsTopology(annotations)).toBe(wanted));

describe('shares of zones', () => {
  it.each<[string, Node[], Record<string, number> | undefined]>([
    ['by CPU', THREE, { za: 0.25, zb: 0.5, zc: 0.25 }],
    ['without the control plane', [...THREE, node(undefined, undefined, { labels: { 'node-role.kubernetes.io/control-plane': '' } })], { za: 0.25, zb: 0.5, zc: 0.25 }],
    ['of the ready alone', [...THREE, node('zd', '8', { ready: false })], { za: 0.25, zb: 0.5, zc: 0.25 }],
    ['none when a zone is not known', [...THREE, node(undefined, '1')], undefined],
    ['none when CPUs are not known', [...THREE, node('za', undefined)], undefined],
    ['none for one zone', [node('za', '2'), node('za', '2')], undefined],
    ['none for no node', [], undefined],
  ])('%s', (_name, nodes, shares) => expect(zoneRatios(nodes)).toEqual(shares && new Map(Object.entries(shares)))); // prettier-ignore
});

/** Recorded from kube-controller-manager: endpoints by zone, with the nodes above; hints as `zone>zone it is for`. */
const TOO_FEW = (n: number): string => `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${n} endpoints, 3 zones)`; // prettier-ignore
it.each<[Record<string, number>, Record<string, number> | string]>([
  [
    { za: 2, zb: 4, zc: 2 },
    { 'za>za': 2, 'zb>zb': 4, 'zc>zc': 2 },
  ],
  [{ za: 8 }, { 'za>za': 2, 'za>zb': 4, 'za>zc': 2 }],
  [
    { za: 5, zc: 2 },
    { 'za>za': 2, 'za>zb': 3, 'zc>zc': 2 },
  ],
  [
    { za: 4, zb: 4, zc: 4 },
    { 'za>za': 3, 'za>zb': 1, 'zb>zb': 4, 'zc>zb': 1, 'zc>zc': 3 },
  ],
  [{ za: 2 }, 'Insufficient number of endpoints (2 endpoints, 3 zones)'],
  [{ za: 1, zb: 1, zc: 1 }, TOO_FEW(3)],
  [{ za: 1, zb: 1, zc: 3 }, TOO_FEW(5)],
  [{ zb: 10 }, TOO_FEW(10)],
  [{ za: 2, zb: 2, zc: 1, '-': 1 }, TOO_FEW(6)],
  [{ za: 2, zb: 4, zc: 1, '-': 1 }, 'One or more endpoints do not have a zone specified'],
])('deals out %j', (zones, wanted) => {
  const found = topologyHints({ changed: [endpoints(zones)], unchanged: [] }, zoneRatios(THREE));
  if (typeof wanted === 'string') expect(found).toBe(wanted);
  else expect(typeof found === 'string' ? found : counts(found.hinted.changed.flat())).toEqual(wanted);
});

it('says what it lacks when zones are not known', () => {
  expect(topologyHints({ changed: [endpoints({ za: 9 })], unchanged: [] }, undefined)).toBe('Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'); // prettier-ignore
});
it('leaves slices alone whose hints still fit, and gives none to what is not ready', () => {
  const ratios = zoneRatios(THREE);
  const first = topologyHints({ changed: [endpoints({ za: 8 })], unchanged: [] }, ratios);
  if (typeof first === 'string') throw new Error(first);
  const kept = slice(first.hinted.changed[0]!);
  const second = topologyHints({ changed: [endpoints({ zb: 3 }, false)], unchanged: [kept] }, ratios);
  if (typeof second === 'string') throw new Error(second);
  expect(second.hinted.also).toEqual([]);
  expect(counts(second.hinted.changed.flat())).toEqual({ 'zb>none': 3 });
  expect(second.counts).toEqual(new Map([['za', 2], ['zb', 4], ['zc', 2]])); // prettier-ignore
  const bare = slice(endpoints({ za: 2, zb: 4, zc: 2 }));
  const third = topologyHints({ changed: [], unchanged: [bare] }, ratios);
  if (typeof third === 'string') throw new Error(third);
  expect(third.hinted.also.map((one) => [one.slice, counts(one.endpoints)])).toEqual([[bare, { 'za>za': 2, 'zb>zb': 4, 'zc>zc': 2 }]]); // prettier-ignore
});
it('knows which Services no longer fit the nodes', () => {
  const even = new Map([['za', 2], ['zb', 4], ['zc', 2]]); // prettier-ignore
  expect(isOverloaded(even, zoneRatios(THREE))).toBe(false);
  expect(isOverloaded(even, zoneRatios([node('za', '16'), ...THREE.slice(1)]))).toBe(true);
  expect(isOverloaded(even, zoneRatios([...THREE, node('zd', '1')]))).toBe(true);
  expect(isOverloaded(even, undefined)).toBe(true);
  expect(isOverloaded(new Map(), undefined)).toBe(false);
});
