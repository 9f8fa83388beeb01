import { afterEach, expect, it } from 'vitest';
import type { ResourceClaim } from '../../schemas/generated/resource-v1.ts';
import { resourceClaims } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const phase = (name: string): string | undefined => b.pod(name)?.status?.phase;

it('a pod starts once its claims of devices are reserved for it, and says why it does not', async () => {
  b = await bench();
  const client = b.api.client();
  await b.run('p', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] });
  await b.world.until(() => b.told('p').length > 0);
  expect(b.told('p')[0]).toMatch(/^FailedPrepareDynamicResources: Failed to prepare dynamic resources: prepare dynamic resources: fetch ResourceClaim c: .*"c" not found$/); // prettier-ignore
  const claim = await client.create<ResourceClaim>(resourceClaims, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: 'c', namespace: 'default' },
    spec: {},
  });
  const { uid = '' } = b.pod('p')!.metadata;
  const refusal = `pod p (${uid}) is not allowed to use ResourceClaim c (${claim.metadata.uid})`;
  await b.world.until(() => b.told('p').some((text) => text.includes(refusal)), 10_000);
  expect(phase('p')).toBe('Pending');
  const status = { allocation: {}, reservedFor: [{ resource: 'pods', name: 'p', uid }] };
  await client.update(resourceClaims, { ...claim, status }, { subresource: 'status' });
  await b.world.until(() => phase('p') === 'Running', 15_000);
});
