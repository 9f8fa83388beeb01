import { describe, expect, it } from 'vitest';
import type { Namespace, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { namespaces, serviceAccounts } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startServiceAccountController } from './actor.ts';
import { reconcile } from './reconcile.ts';

const namespace = (more: Partial<Namespace['metadata']> = {}, phase: 'Active' | 'Terminating' = 'Active'): Namespace => ({
  apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'd', ...more }, status: { phase },
}); // prettier-ignore
const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'd' } }; // prettier-ignore

describe('a namespace', () => {
  it.each<[what: string, Namespace, ServiceAccount | undefined, made: boolean]>([
    ['gets its account', namespace(), undefined, true],
    ['has its account', namespace(), account, false],
    ['that is going gets none', namespace({}, 'Terminating'), undefined, false],
    ['that is about to go gets none', namespace({ deletionTimestamp: 'x' }), undefined, false],
  ])('%s', (_, of, present, made) => {
    const { intents } = reconcile({ namespace: of, account: present });
    expect(intents).toMatchObject(made ? [{ op: 'create', object: account }] : []);
  });
});

describe('on a cluster', () => {
  async function setUp() {
    const c = testCluster();
    c.start(startServiceAccountController);
    const seen = () => c.list<ServiceAccount>(serviceAccounts).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`); // prettier-ignore
    const creates = () => c.api.calls.filter(({ caller, verb }) => caller !== 'test' && verb === 'create');
    return { ...c, seen, creates };
  }
  it('an account that is deleted comes back, and others are left alone', async () => {
    const { client, creates, quiet, seen } = await setUp();
    await client.create(namespaces, namespace());
    await client.create(serviceAccounts, { ...account, metadata: { name: 'robot', namespace: 'd' } });
    await quiet();
    expect(seen()).toEqual(['d/default', 'd/robot']);
    await client.delete(serviceAccounts, 'default', 'd');
    await client.delete(serviceAccounts, 'robot', 'd');
    await quiet();
    expect(seen()).toEqual(['d/default']);
    expect(creates()).toHaveLength(2);
  });
  it('what a quota refuses is tried again, ever more seldom; what is not taken because the namespace goes is not', async () => {
    const { api, client, creates, seen, world } = await setUp();
    let cause: string | undefined;
    let refuses = true;
    api.intercept = ({ caller, verb }) => {
      if (caller === 'test' || verb !== 'create' || !refuses) return;
      throw new ApiError('Forbidden', 'no', { details: { causes: cause ? [{ reason: cause, message: '', field: '' }] : [] } }); // prettier-ignore
    };
    await client.create(namespaces, namespace());
    await world.advance(60_000);
    expect(creates().length).toBeGreaterThan(5);
    expect(creates().length).toBeLessThan(20);
    refuses = false;
    await world.advance(60_000);
    expect(seen()).toEqual(['d/default']);
    refuses = true;
    cause = 'NamespaceTerminating';
    const before = creates().length;
    await client.create(namespaces, namespace({ name: 'e' }));
    await world.advance(60_000);
    expect(creates()).toHaveLength(before + 1);
  });
});
