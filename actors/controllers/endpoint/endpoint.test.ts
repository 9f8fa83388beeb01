import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { endpoints as endpointsResource, pods, services } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startEndpointController } from './actor.ts';
import { reconcile } from './reconcile.ts';
import { pack } from '../../runtime/endpoint-subsets.ts';
import golden from '../../runtime/testing/service-endpoints.golden.json' with { type: 'json' };
import { MAX_ADDRESSES, truncate } from './capacity.ts';

const labels = { app: 'web' };
const service = (spec: object = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'd', uid: 'svc', labels: { team: 'a' } },
  spec: { selector: labels, clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'admin', port: 90, targetPort: 'adm' }], ...spec },
}); // prettier-ignore
const pod = (i: number, o: { ready?: boolean; admin?: boolean } = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, namespace: 'd', uid: `p${i}`, labels },
  spec: { nodeName: 'n1', containers: [{ name: 'c', ports: o.admin ? [{ name: 'adm', containerPort: 9000 }] : [] }] },
  status: { phase: 'Running', podIP: `10.0.${i >> 8}.${i & 255}`, conditions: [{ type: 'Ready', status: o.ready === false ? 'False' : 'True' }] },
}); // prettier-ignore

describe('reconcile', () => {
  it('converges', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.nat(300), fc.boolean(), fc.boolean()), { selector: ([i]) => i }),
        (list) => {
          const all = list.map(([i, ready, admin]) => pod(i, { ready, admin }));
          const observed = { key: 'd/web', service: service(), pods: all, endpoints: undefined };
          const [create] = reconcile(observed).intents;
          const made = (create as { object: Endpoints }).object;
          expect(reconcile({ ...observed, pods: all.toReversed(), endpoints: made }).intents).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('keeps the ready apart from the others, and ports with the same pods together', () => {
    const all = [pod(1, { admin: true }), pod(2, { admin: true, ready: false }), pod(3)];
    const [create] = reconcile({ key: 'd/web', service: service(), pods: all, endpoints: undefined }).intents;
    const ips = (list?: { ip: string }[]) => list?.map((a) => a.ip);
    const subsets = (create as { object: Endpoints }).object.subsets!;
    expect(subsets.map((s) => [ips(s.addresses), ips(s.notReadyAddresses), s.ports?.map((p) => p.port)])).toEqual([
      [['10.0.0.1'], ['10.0.0.2'], [9000]],
      [['10.0.0.1', '10.0.0.3'], ['10.0.0.2'], [8080]],
    ]);
  });
  it('cuts at a thousand addresses, the not ready first, and says so', () => {
    const place = (i: number, ready: boolean) => ({ address: { ip: `10.1.${i >> 8}.${i & 255}` }, port: { port: 80 }, ready }); // prettier-ignore
    const over = pack(Array.from({ length: 1_200 }, (_, i) => place(i, i < 900)));
    const cut = truncate(over)!;
    expect(cut[0]!.addresses).toHaveLength(900);
    expect(cut[0]!.notReadyAddresses).toHaveLength(100);
    const ready = truncate(pack(Array.from({ length: 1_200 }, (_, i) => place(i, true))))!;
    expect(ready[0]!.addresses).toHaveLength(MAX_ADDRESSES);
    const all = Array.from({ length: 1_200 }, (_, i) => pod(i));
    const [create] = reconcile({ key: 'd/web', service: service(), pods: all, endpoints: undefined }).intents;
    expect(create).toMatchObject({ object: { metadata: { annotations: { 'endpoints.kubernetes.io/over-capacity': 'truncated' } } } }); // prettier-ignore
  });
});

/** Subsets and ports, which it has in an order of hashes, are sorted; annotations depend on when it looked. */
it.each(Object.entries(golden))('as kube-controller-manager: %s', (_name, { input, endpoints }) => {
  const observed = { key: 'NS/web', service: input.service as unknown as Service, pods: input.pods as unknown as Pod[], endpoints: undefined, triggered: 'T' };
  const [create] = reconcile(observed).intents;
  const { metadata, subsets } = (create as { object: Endpoints }).object;
  const sorted = (list: readonly object[] | undefined) =>
    list?.map((x) => JSON.parse(JSON.stringify({ ...x, ports: (x as { ports?: { name: string }[] }).ports?.toSorted((a, b) => (a.name < b.name ? -1 : 1)) })) as object)
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  expect([{ name: metadata.name, labels: metadata.labels, subsets: sorted(subsets) }]).toEqual(
    endpoints.map((e) => ({ name: e.name, labels: e.labels, subsets: sorted('subsets' in e ? (e.subsets as object[]) : undefined) })),
  );
}); // prettier-ignore

it('follows its Service, and leaves alone what others made', async () => {
  const { client, api, start, runPods, quiet, list } = testCluster();
  start(startEndpointController);
  runPods();
  await client.create(endpointsResource, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'mine', namespace: 'd' },
  });
  await client.create(services, { ...service(), metadata: { name: 'web', namespace: 'd' } });
  await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'd', labels }, spec: { containers: [] } }); // prettier-ignore
  await quiet();
  expect(api.object<Endpoints>(endpointsResource, 'd/web')?.subsets).toMatchObject([{ addresses: [{ targetRef: { name: 'a' } }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }]); // prettier-ignore
  await client.delete(services, 'web', 'd');
  await quiet();
  expect(list(endpointsResource).map((e) => e.metadata.name)).toEqual(['mine']);
});
