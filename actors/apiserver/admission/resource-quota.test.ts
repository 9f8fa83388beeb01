import { describe, expect, it } from 'vitest';
import type { ResourceQuota } from '../../../schemas/generated/core-v1.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { createAuthorizer } from '../authorization/authorizer.ts';
import { attributesOf, fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { resourceQuota } from './resource-quota.ts';

const quota = (hard: Record<string, string>, used: Record<string, string> | undefined, more: object = {}) => ({
  kind: 'ResourceQuota',
  apiVersion: 'v1',
  metadata: { name: 'q', namespace: 'd' },
  spec: { hard, ...more },
  status: used === undefined ? {} : { hard, used },
});
const pluginOf = (c: FakeCluster) =>
  resourceQuota({ ...c, authorizer: createAuthorizer(c), fresh: () => Promise.resolve() });
const setUp = (hard: Record<string, string>, used?: Record<string, string>, more: object = {}) => {
  const c = fakeCluster();
  c.put(quota(hard, used, more));
  const plugin = pluginOf(c);
  const charge = async (object: object, options: object = {}) => {
    try {
      await plugin.validate!(attributesOf(c, 'CREATE', object, options));
      return usedOf(c);
    } catch (error) {
      return statusOf(error)?.message ?? String(error);
    }
  };
  return { c, charge };
};
const usedOf = (c: FakeCluster) => c.cache.get<ResourceQuota>(c.resource('', 'resourcequotas'), 'd', 'q')?.status?.used;
const map = (name: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'd' } });
const pod = (resources: object, more: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'd' },
  spec: { containers: [{ name: 'c', image: 'x', resources }], ...more },
});

describe('quotas', () => {
  it('refuse nothing until their status is known', async () => {
    const { charge } = setUp({ 'count/configmaps': '0' });
    expect(await charge(map('a'))).toBeUndefined();
  });
  it('count objects up to their limit; a dry run is refused but not charged', async () => {
    const { charge } = setUp({ 'count/configmaps': '2' }, { 'count/configmaps': '0' });
    expect(await charge(map('a'), { dryRun: true })).toEqual({ 'count/configmaps': '0' });
    expect(await charge(map('a'))).toEqual({ 'count/configmaps': '1' });
    expect(await charge(map('b'))).toEqual({ 'count/configmaps': '2' });
    expect(await charge(map('c'), { dryRun: true })).toBe(
      'configmaps "c" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2',
    );
  });
  it('count a device class asked for like an extended resource', async () => {
    const name = 'requests.deviceclass.resource.kubernetes.io/gpu';
    const { charge } = setUp({ [name]: '1' }, { [name]: '0' });
    const asking = (count: string): object => {
      const amount = { 'deviceclass.resource.kubernetes.io/gpu': count };
      return pod({ requests: amount, limits: amount });
    };
    expect(await charge(asking('2'))).toBe(
      `pods "p" is forbidden: exceeded quota: q, requested: ${name}=2, used: ${name}=0, limited: ${name}=1`,
    );
    expect(await charge(asking('1'))).toEqual({ [name]: '1' });
  });
  const hard = { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi' };
  const none = { pods: '0', 'requests.cpu': '0', 'limits.memory': '0' };
  it.each([
    [{}, 'pods "p" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c'],
    [{ requests: { cpu: '2' }, limits: { memory: '2Gi' } }, 'pods "p" is forbidden: exceeded quota: q, requested: limits.memory=2Gi,requests.cpu=2, used: limits.memory=0,requests.cpu=0, limited: limits.memory=1Gi,requests.cpu=1'],
    [{ requests: { cpu: '500m' }, limits: { memory: '512Mi' } }, { pods: '1', 'requests.cpu': '500m', 'limits.memory': '512Mi' }],
  ])('measure pods: %j', async (resources, expected) => {
    expect(await setUp(hard, none).charge(pod(resources))).toEqual(expected);
  }); // prettier-ignore
  it('count node ports and what claims ask for', async () => {
    const ports = { 'services.nodeports': '0', services: '1' };
    const { charge } = setUp(ports, { 'services.nodeports': '0', services: '0' });
    const service = (type: string) => ({
      kind: 'Service', apiVersion: 'v1', metadata: { name: 's', namespace: 'd' }, spec: { type, ports: [{ port: 80 }] },
    }); // prettier-ignore
    expect(await charge(service('NodePort'))).toBe(
      'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=0, limited: services.nodeports=0',
    );
    expect(await charge(service('ClusterIP'))).toEqual({ 'services.nodeports': '0', services: '1' });
    const fast = 'fast.storageclass.storage.k8s.io/requests.storage';
    const storage = setUp({ [fast]: '10Gi' }, { [fast]: '0' });
    const claim = {
      kind: 'PersistentVolumeClaim', apiVersion: 'v1', metadata: { name: 'v', namespace: 'd' },
      spec: { storageClassName: 'fast', resources: { requests: { storage: '3Gi' } } },
    }; // prettier-ignore
    expect(await storage.charge(claim)).toEqual({ [fast]: '3Gi' });
  });
  it('look only at what their scopes take in', async () => {
    const scoped = {
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    };
    const { charge } = setUp({ pods: '0' }, { pods: '0' }, scoped);
    expect(await charge(pod({}))).toEqual({ pods: '0' });
    expect(await charge(pod({}, { priorityClassName: 'high' }))).toMatch(/exceeded quota/);
  });
  it('are never overdrawn by creates at once, on several servers', async () => {
    const c = fakeCluster();
    c.put(quota({ 'count/configmaps': '5' }, { 'count/configmaps': '0' }));
    const plugins = [pluginOf(c), pluginOf(c)];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, async (_, i) => plugins[i % 2]!.validate!(attributesOf(c, 'CREATE', map(`m${i}`)))),
    );
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(5);
    expect(usedOf(c)).toEqual({ 'count/configmaps': '5' });
  });
});
