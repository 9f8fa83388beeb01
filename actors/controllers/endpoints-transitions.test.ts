import { expect, it } from 'vitest';
import type { Endpoints, Event, Pod, Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import type { GroupVersionResource } from '../../schemas/meta/object.ts';
import * as resources from '../runtime/resources.ts';
import { testCluster } from '../runtime/testing/cluster.ts';
import { startEndpointController } from './endpoint/actor.ts';
import { startEndpointSliceController } from './endpointslice/actor.ts';
import { startEndpointSliceMirroring } from './endpointslicemirroring/actor.ts';
import golden from './endpoints-transitions.golden.json' with { type: 'json' };

const SERVICES = ['nosel', 'ext', 'publish', 'ports', 'labels', 'headless', 'tamper', 'foreign', 'eps', 'epsdel', 'gone', 'traffic', 'sel', 'rename', 'slicedel', 'addslice']; // prettier-ignore
/**
 * Where kube-controller-manager does not come back to these: it waits for good for a slice that is no longer its own to
 * turn up in its cache. Ours makes another.
 */
const FORSAKEN = /^(?:foreign|rename) by endpointslice-controller/;
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const SERVICE_NAME = 'kubernetes.io/service-name';

it('changes of Services, pods, slices and Endpoints end as with kube-controller-manager', async () => {
  const c = testCluster();
  c.start(startEndpointController, startEndpointSliceController, startEndpointSliceMirroring);
  const { client } = c;
  const patch = (gvr: GroupVersionResource, name: string, body: object, subresource?: string) =>
    client.patch(gvr, name, gvr === resources.nodes ? undefined : 'd', 'merge', body, { subresource });
  const status = (name: string, i: number, ready: boolean, phase = 'Running') =>
    patch(resources.pods, name, { status: { phase, podIP: `10.7.0.${i}`, podIPs: [{ ip: `10.7.0.${i}` }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }, 'status'); // prettier-ignore
  const pod = async (name: string, i: number, nodeName = 'n1', finalizers?: string[]) => {
    const metadata = { name, namespace: 'd', labels: { app: 'web' }, ...(finalizers && { finalizers }) };
    const spec = {
      nodeName,
      containers: [{ name: 'c', image: 'i', ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' as const }] }],
    };
    await client.create<Pod>(resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: {} });
    await status(name, i, true);
  };
  const slicesOf = (name: string): EndpointSlice[] =>
    c.list<EndpointSlice>(resources.endpointSlices).filter(({ metadata }) => metadata.labels![SERVICE_NAME] === name);
  const sliceOf = (name: string): string => slicesOf(name)[0]!.metadata.name!;
  const check = async (label: keyof typeof golden): Promise<void> => {
    await c.world.advance(3_500);
    const { slices, endpoints, events } = golden[label];
    const shown = c.list<EndpointSlice>(resources.endpointSlices).map(shownSlice).sort();
    expect([label, shown.filter((text) => label === 'first' || !FORSAKEN.test(text))]).toEqual([label, slices]);
    expect([label, c.list<Endpoints>(resources.endpoints).map(shownEndpoints).sort()]).toEqual([label, endpoints]);
    expect(c.list<Event>(resources.events).map((e) => e.message)).toEqual(events);
  };

  await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } } }); // prettier-ignore
  await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' } });
  await pod('a', 1);
  await pod('b', 2);
  await pod('d', 4);
  await pod('e', 5, 'n2', ['x.io/hold']);
  for (const name of SERVICES)
    await client.create<Service>(resources.services, {
      apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'd', labels: { x: name } },
      spec: { type: 'ClusterIP', clusterIP: name === 'headless' ? 'None' : '10.96.0.1', ipFamilies: ['IPv4'], selector: { app: 'web' }, ports: [{ name: 'p', port: 80, targetPort: 'web', protocol: 'TCP' }] },
    }); // prettier-ignore
  await check('first');

  await patch(resources.services, 'nosel', { spec: { selector: null } });
  await patch(resources.services, 'ext', { spec: { type: 'ExternalName', externalName: 'a.b', clusterIP: null } });
  await patch(resources.services, 'publish', { spec: { publishNotReadyAddresses: true } });
  await patch(resources.services, 'ports', { spec: { ports: [{ name: 'p', port: 80, targetPort: 'web', protocol: 'TCP' }, { name: 'q', port: 81, targetPort: 9090, protocol: 'TCP' }] } }); // prettier-ignore
  await patch(resources.services, 'labels', { metadata: { labels: { x: null, y: 'z', 'service.kubernetes.io/headless': 'no' } } }); // prettier-ignore
  await patch(resources.services, 'traffic', { spec: { trafficDistribution: 'PreferSameNode' } });
  await patch(resources.services, 'sel', { spec: { selector: { app: 'other' } } });
  await patch(resources.endpointSlices, sliceOf('tamper'), { metadata: { labels: { x: 'bad', extra: 'y' }, annotations: { keep: 'me' } }, endpoints: [{ addresses: ['1.2.3.4'], conditions: { ready: true } }] }); // prettier-ignore
  await patch(resources.endpointSlices, sliceOf('foreign'), { metadata: { labels: { [MANAGED_BY]: 'me' } } });
  await patch(resources.endpointSlices, sliceOf('rename'), { metadata: { labels: { [SERVICE_NAME]: 'renamed' } } });
  await client.delete(resources.endpointSlices, sliceOf('slicedel'), 'd');
  for (const [name, n, labels] of [['hand', 5, { [MANAGED_BY]: 'endpointslice-controller.k8s.io' }], ['handfree', 6, {}]] as const)
    await client.create<EndpointSlice>(resources.endpointSlices, {
      apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'd', labels: { [SERVICE_NAME]: 'addslice', ...labels } },
      addressType: 'IPv4', endpoints: [{ addresses: [`1.2.3.${n}`], conditions: {} }], ports: [],
    }); // prettier-ignore
  await patch(resources.endpoints, 'eps', { subsets: [{ addresses: [{ ip: '1.2.3.4' }], ports: [{ port: 1 }] }], metadata: { labels: { bad: 'x' } } }); // prettier-ignore
  await client.delete(resources.endpoints, 'epsdel', 'd');
  await client.delete(resources.services, 'gone', 'd');
  // As the garbage collector does.
  for (const { metadata } of slicesOf('gone')) await client.delete(resources.endpointSlices, metadata.name!, 'd');
  await status('b', 2, false);
  await client.delete(resources.pods, 'e', 'd');
  await check('second');

  await patch(resources.pods, 'd', { metadata: { labels: { app: 'other' } } });
  await status('a', 1, false, 'Succeeded');
  await patch(resources.nodes, 'n1', { metadata: { labels: { 'topology.kubernetes.io/zone': 'z9' } } });
  await check('third');

  await status('b', 2, true);
  await patch(resources.pods, 'e', { metadata: { finalizers: null } });
  await client.delete(resources.pods, 'e', 'd', { gracePeriodSeconds: 0 }).catch(() => undefined);
  await check('fourth');
});

const pairs = (map: Readonly<Record<string, string>> | undefined, without: readonly string[] = []): string =>
  Object.entries(map ?? {}).filter(([key]) => !without.some((part) => key.includes(part))).sort().join(';'); // prettier-ignore
function shownSlice({ metadata, ports, endpoints }: EndpointSlice): string {
  const { labels = {}, annotations, ownerReferences, generateName } = metadata;
  const shown = endpoints?.map(({ targetRef, zone, nodeName, conditions = {}, hints }) => {
    const marks = `${conditions.ready ? 'R' : ''}${conditions.serving ? 'S' : ''}${conditions.terminating ? 'T' : ''}`;
    return `${targetRef?.name}@${zone ?? '-'}/${nodeName}:${marks}${hints ? JSON.stringify(hints) : ''}`;
  });
  const notes = Object.entries(annotations ?? {}).filter(([key]) => !key.includes('trigger')).join(); // prettier-ignore
  const numbers = ports?.length ? ports.map((p) => `${p.name}:${p.port}`).sort() : undefined;
  return `${labels[SERVICE_NAME]} by ${labels[MANAGED_BY]} own ${ownerReferences?.map((o) => o.kind)} labels ${pairs(labels, ['endpointslice', 'service-name'])} gen ${generateName} ann ${notes} ports ${numbers} eps ${shown?.length ? shown.sort() : undefined}`; // prettier-ignore
}
function shownEndpoints({ metadata, subsets }: Endpoints): string {
  const shown = subsets?.map(({ addresses, notReadyAddresses, ports }) => `${addresses?.map((a) => a.ip)}|${notReadyAddresses?.map((a) => a.ip)}|${ports?.map((p) => p.port)}`); // prettier-ignore
  return `${metadata.name} ${pairs(metadata.labels)} ${shown?.length ? shown.sort() : undefined}`;
}
