import { describe, expect, it } from 'vitest';
import facts from '../../../schemas/facts/flowcontrol.json' with { type: 'json' };
import type { FlowSchema, PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { Classifier } from './classifier.ts';
import { Level, levelSpec } from './level.ts';
import { compileRule } from './matching.ts';

const info = (more: Partial<RequestInfo> = {}): RequestInfo => ({
  isResource: true, path: '', verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'default', name: 'x', ...more,
}); // prettier-ignore
const path = (at: string, verb = 'get'): RequestInfo =>
  info({ isResource: false, path: at, verb, version: '', resource: '', namespace: '', name: '' });
const AUTHENTICATED = 'system:authenticated';
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, AUTHENTICATED] });
const account = (namespace: string, name: string): UserInfo =>
  user(`system:serviceaccount:${namespace}:${name}`, 'system:serviceaccounts', `system:serviceaccounts:${namespace}`);

const schemas = facts.flowSchemas as unknown as FlowSchema[];
const configurations = facts.priorityLevelConfigurations as unknown as PriorityLevelConfiguration[];
const levels = new Map(configurations.map((c) => [c.metadata.name!, new Level(levelSpec(c)!, 0)]));
const byName = (name: string): FlowSchema => schemas.find((s) => s.metadata.name === name)!;
const imagined = { exempt: byName('exempt'), catchAll: byName('catch-all') };
const classifier = new Classifier(schemas, levels, imagined, new Map());

describe('a request belongs to the first FlowSchema that matches', () => {
  it.each<[UserInfo, RequestInfo, string, string]>([
    [user('admin', 'system:masters'), info(), 'exempt', 'exempt'],
    [user('alice'), info(), 'global-default', 'global-default'],
    [user('alice'), path('/healthz'), 'probes', 'exempt'],
    [user('alice'), path('/readyz/etcd'), 'probes', 'exempt'],
    [user('alice'), path('/healthzz'), 'global-default', 'global-default'],
    [{ name: 'system:anonymous', groups: ['system:unauthenticated'] }, path('/livez'), 'probes', 'exempt'],
    [user('system:node:n1', 'system:nodes'), info({ verb: 'list' }), 'system-nodes', 'system'],
    [user('system:node:n1', 'system:nodes'), info({ verb: 'update', resource: 'nodes', subresource: 'status', namespace: '' }), 'system-node-high', 'node-high'],
    [user('system:node:n1', 'system:nodes'), info({ verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease' }), 'system-node-high', 'node-high'],
    [user('system:kube-scheduler'), info({ verb: 'list' }), 'kube-scheduler', 'workload-high'],
    [user('system:kube-scheduler'), info({ verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system' }), 'system-leader-election', 'leader-election'],
    [user('system:kube-scheduler'), info({ verb: 'update', resource: 'configmaps', namespace: 'default' }), 'kube-scheduler', 'workload-high'],
    [account('kube-system', 'replicaset-controller'), info(), 'kube-system-service-accounts', 'workload-high'],
    [account('default', 'app'), info(), 'service-accounts', 'workload-low'],
    [{ name: 'nobody', groups: [] }, info(), 'catch-all', 'catch-all'],
  ])('$0.name, $1.verb $1.path$1.resource: $2', (who, what, schema, level) => {
    const found = classifier.classify(who, what);
    expect([found.name, found.level.spec.name]).toEqual([schema, level]);
  }); // prettier-ignore

  it('those of a level that is not there do not count; the mandatory ones are imagined', () => {
    const few = new Map([...levels].filter(([name]) => name === 'exempt' || name === 'catch-all'));
    const bare = new Classifier([byName('global-default')], few, imagined, new Map());
    expect(bare.classify(user('alice'), info()).name).toBe('catch-all');
    expect(bare.classify(user('root', 'system:masters'), info()).name).toBe('exempt');
  });

  it('by precedence, then by name', () => {
    const like = (name: string, matchingPrecedence: number): FlowSchema => {
      const base = byName('global-default');
      return { ...base, metadata: { name }, spec: { ...base.spec!, matchingPrecedence } };
    };
    const order = (...list: FlowSchema[]): string =>
      new Classifier(list, levels, imagined, new Map()).classify(user('alice'), info()).name;
    expect([order(like('b', 5), like('a', 5)), order(like('a', 6), like('b', 5))]).toEqual(['a', 'b']);
  });
});

/** Hands as upstream's dealer deals them. */
it.each<[string, UserInfo, number[]]>([
  ['global-default', user('alice'), [55, 62, 126, 125, 105, 1]],
  ['global-default', user('bob'), [57, 101, 58, 46, 116, 53]],
  ['service-accounts', account('default', 'x'), [48, 52, 46, 15, 25, 35]],
  ['system-nodes', user('system:node:n1', 'system:nodes'), [36, 37, 40, 20, 55, 27]],
])('the queues of %s, $1.name', (schema, who, hand) => {
  const found = classifier.classify(who, info());
  expect([found.name, found.flowOf(who, info()).hand]).toEqual([schema, hand]);
});
it('flows are told apart by what the FlowSchema says', () => {
  const of = (who: UserInfo, namespace: string): string => {
    const what = info({ namespace });
    return classifier.classify(who, what).flowOf(who, what).distinguisher;
  };
  expect([of(user('alice'), 'a'), of(account('kube-system', 'x'), 'a'), of(user('admin', 'system:masters'), 'a')]).toEqual(['alice', 'a', '']); // prettier-ignore
});

describe('rules', () => {
  const resourceRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
  const subject = (s: object): ((who: UserInfo) => boolean) => {
    const rule = compileRule({ subjects: [s as never], resourceRules: [resourceRule] });
    return (who) => rule.subjects(who);
  };
  it.each<[object, UserInfo, boolean]>([
    [{ kind: 'User', user: { name: '*' } }, user('x'), true],
    [{ kind: 'User', user: { name: 'x' } }, user('x'), true],
    [{ kind: 'User', user: { name: 'x' } }, user('xy'), false],
    [{ kind: 'Group', group: { name: '*' } }, { name: 'x', groups: [] }, true],
    [{ kind: 'Group', group: { name: 'g' } }, user('x', 'g'), true],
    [{ kind: 'Group', group: { name: 'g' } }, user('g'), false],
    [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }, account('a', 'x'), true],
    [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }, account('ab', 'x'), false],
    [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: 'x' } }, account('a', 'x'), true],
    [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: 'x' } }, account('a', 'xy'), false],
    [{ kind: 'Robot' }, user('x'), false],
  ])('subject %j, $1.name: %j', (s, who, expected) => {
    expect(subject(s)(who)).toBe(expected);
  });
  it.each<[object, RequestInfo, boolean]>([
    [{}, info(), true],
    [{}, info({ namespace: '' }), false],
    [{ clusterScope: true, namespaces: [] }, info({ namespace: '' }), true],
    [{ clusterScope: true, namespaces: [] }, info(), false],
    [{ namespaces: ['a', 'b'] }, info({ namespace: 'b' }), true],
    [{ resources: ['pods'] }, info({ subresource: 'status' }), false],
    [{ resources: ['pods/status'] }, info({ subresource: 'status' }), true],
    [{ resources: ['*/status'] }, info({ subresource: 'status' }), false],
    [{ verbs: ['list', 'watch'] }, info(), false],
    [{ apiGroups: [''] }, info({ group: 'apps' }), false],
    [{}, path('/healthz'), false],
  ])('resource rule %j, $1.verb $1.namespace/$1.resource: %j', (rule, what, expected) => {
    const compiled = compileRule({ subjects: [], resourceRules: [{ ...resourceRule, ...rule }] });
    expect(compiled.request(what)).toBe(expected);
  });
  it.each<[string, string, boolean]>([
    ['*', '/anything', true],
    ['/healthz', '/healthz', true],
    ['/healthz', '/healthz/etcd', true],
    ['/healthz', '/healthzz', false],
    ['/healthz/*', '/healthz/etcd', true],
    ['/healthz/*', '/healthz', false],
    ['/openapi/', '/openapi/v2', true],
  ])('path rule %s, %s: %j', (url, at, expected) => {
    const compiled = compileRule({ subjects: [], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: [url] }] });
    expect([compiled.request(path(at)), compiled.request(path(at, 'post'))]).toEqual([expected, false]);
  });
});
