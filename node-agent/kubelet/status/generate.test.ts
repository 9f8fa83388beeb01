import { expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { podStatus, rejectedStatus } from './generate.ts';

it('keeps which claims stand for the pod’s: the API lets no node change that, nor leave it out', () => {
  const claims = {
    resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'p-gpu-x' }],
    extendedResourceClaimStatus: { resourceClaimName: 'p-extended-resources-x', requestMappings: [] },
  };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'm', image: 'x' }] },
    status: { phase: 'Pending', ...claims },
  };
  const now = '2026-01-01T00:00:00Z';
  const state = { records: [], runtime: 'r', hostIPs: ['10.0.0.1'], podIPs: [], hasSandbox: false, ending: false, over: false }; // prettier-ignore
  expect(podStatus({ pod, ...state, startTime: now, now })).toMatchObject(claims);
  expect(rejectedStatus(pod, { reason: 'OutOfcpu', message: 'no room' }, now)).toMatchObject(claims);
});
it('has the addresses of its node, of both families, as its own where it is in the node’s network', () => {
  const [now, ips] = ['2026-01-01T00:00:00Z', [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }]];
  const state = { records: [], runtime: 'r', hostIPs: ips.map(({ ip }) => ip), podIPs: ['10.244.0.2'], hasSandbox: true, ending: false, over: false, startTime: now, now }; // prettier-ignore
  const pod = (hostNetwork: boolean): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { hostNetwork, containers: [{ name: 'm', image: 'x' }] } }); // prettier-ignore
  expect(podStatus({ ...state, pod: pod(true) })).toMatchObject({ hostIP: '10.0.0.1', hostIPs: ips, podIP: '10.0.0.1', podIPs: ips }); // prettier-ignore
  expect(podStatus({ ...state, pod: pod(false) })).toMatchObject({ hostIPs: ips, podIPs: [{ ip: '10.244.0.2' }] });
});
