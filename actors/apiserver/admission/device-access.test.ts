import { describe, expect, it } from 'vitest';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { setUp } from '../testing/admission-chain.ts';

const GROUP = { group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaims' } as const;
const claim = (extra: object = {}): DynamicObject => ({
  kind: 'ResourceClaim',
  apiVersion: 'resource.k8s.io/v1',
  metadata: { name: 'c', namespace: 'd' },
  ...extra,
});
const asking = {
  spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'k', adminAccess: true } }] } },
};
const allocation = { devices: { results: [{ request: 'r', driver: 'd.example.com', pool: 'p', device: 'x' }] } };
const told = { status: { allocation, devices: [{ driver: 'd.example.com', pool: 'p', device: 'x' }] } };
const admin = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
const anybody = { name: 'u', groups: ['system:authenticated'] };
const BINDING = 'ResourceClaim.resource.k8s.io "c" is invalid: status.allocation: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: User "u" cannot update resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope'; // prettier-ignore

describe('access to devices', () => {
  const ask = (extra: { object: DynamicObject; old?: DynamicObject; user?: typeof admin; label?: string }) => {
    const { c, admit } = setUp();
    if (extra.label !== undefined)
      c.put({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'd', labels: { 'resource.kubernetes.io/admin-access': extra.label } }, status: { phase: 'Active' } }); // prettier-ignore
    const resource = c.registry.lookup(GROUP)!;
    const onStatus = extra.old !== undefined;
    return admit({
      operation: onStatus ? 'UPDATE' : 'CREATE', resource, namespace: 'd', name: 'c', object: extra.object, old: extra.old, options: {}, dryRun: false,
      subresource: onStatus ? resource.subresources.get('status') : undefined, user: extra.user ?? admin, warnings: [],
    }); // prettier-ignore
  };
  it('as their administrator is for namespaces that say so', async () => {
    const refused = await ask({ object: claim(asking) });
    expect(refused).toBe(
      'ResourceClaim.resource.k8s.io "c" is invalid: spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace',
    );
    expect(await ask({ object: claim(asking), label: 'yes' })).toBe(refused);
    expect(await ask({ object: claim(asking), label: 'true' })).toBeUndefined();
    expect(await ask({ object: claim() })).toBeUndefined();
  });
  it('is bound and told of by those who may', async () => {
    expect(await ask({ object: claim({ status: { allocation } }), old: claim() })).toBeUndefined();
    expect(await ask({ object: claim({ status: { allocation } }), old: claim(), user: anybody })).toBe(BINDING);
    const driver = await ask({ object: claim(told), old: claim({ status: { allocation } }), user: anybody });
    expect(driver).toContain('status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[arbitrary-node:update]" permission: resourceclaims.resource.k8s.io "d.example.com" is forbidden: User "u" cannot arbitrary-node:update resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "d"'); // prettier-ignore
    expect(await ask({ object: claim(told), old: claim(told), user: anybody })).toBeUndefined();
  });
});
