import { expect, test } from 'vitest';
import { addonsOf, readAddons } from './addons.ts';
import { rolesOf } from './spec.ts';

const config = { format: 1, name: 'c', nodes: 1, runtime: 'simulated', port: 1, natsPort: 2, disableAdmission: [], ephemeral: false } as const; // prettier-ignore

test.each([
  [{}, ['metrics']],
  [{ addons: [] }, []],
  [{ runtime: 'cri' as const }, ['dns', 'local-volumes', 'metrics']],
  [{ addons: ['ingress', 'dns'] }, ['dns', 'ingress']],
  // Who asks for a subset gets that.
  [{ only: ['etcd', 'apiserver'] }, []],
  [{ only: ['etcd', 'apiserver'], addons: ['metrics'] }, ['metrics']],
  [{ only: ['etcd', 'cloud-controller-manager'] }, ['cloud']],
])('add-ons of %j', (asked, expected) => expect(addonsOf(asked)).toEqual(expected));

test('real nodes have volumes of their own for claims', () => {
  expect(addonsOf({ runtime: 'cri' })).toContain('local-volumes');
});
test('what is read is in the order of the table, and none is none', () => {
  expect(readAddons(['metrics', 'dns', 'metrics'])).toEqual(['dns', 'metrics']);
  expect(readAddons(['none'])).toEqual([]);
  expect(readAddons([])).toEqual([]);
});

test('an add-on is a component beside the others', () => {
  expect(rolesOf({ ...config, addons: ['cloud'] })).toEqual(['etcd', 'apiserver', 'controller-manager', 'scheduler', 'node-authenticator', 'nodes', 'cloud-controller-manager']); // prettier-ignore
});
