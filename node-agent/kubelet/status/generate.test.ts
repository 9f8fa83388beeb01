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
  const state = { records: [], runtime: 'r', hostIP: '10.0.0.1', podIPs: [], hasSandbox: false, ending: false, over: false }; // prettier-ignore
  expect(podStatus({ pod, ...state, startTime: now, now })).toMatchObject(claims);
  expect(rejectedStatus(pod, 'OutOfcpu', 'no room', now)).toMatchObject(claims);
});
