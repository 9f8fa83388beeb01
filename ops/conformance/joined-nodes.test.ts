import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import { KEY_LABEL, REVOKED_LABEL } from '../../actors/runtime/node-labels.ts';
import * as resources from '../../actors/runtime/resources.ts';
import type { Bus } from '../../bus/bus.ts';
import * as subjects from '../../bus/subjects.ts';
import type { Node, Pod, Secret } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { eventually, type TestCluster } from '../testing/cluster.ts';
import { clusterToJoin, joiningWorld as world, type Joining } from '../testing/joining.ts';

const LEASES = 'kube-node-lease';
const [VICTIM, VICTIM_POD, VICTIM_SECRET] = ['test-node-1', 'victim', 'treasure'];
let joining: Joining;
let cluster: TestCluster;
let admin: ApiClient;
const connect: Joining['connect'] = (credentials) => joining.connect(credentials);
const machine: Joining['machine'] = (node) => joining.machine(node);
const refusedToConnect: Joining['refusedToConnect'] = (credentials) => joining.refusedToConnect(credentials);
const makeToken: Joining['makeToken'] = (id, change) => joining.makeToken(id, change);
const pod = (name: string, nodeName: string, secretName?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: {
    nodeName,
    containers: [{ name: 'c', image: 'c' }],
    ...(secretName !== undefined && { volumes: [{ name: 's', secret: { secretName } }] }),
  },
});
const secret = (name: string): Secret => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, stringData: { a: 'b' },
}); // prettier-ignore

beforeAll(async () => {
  joining = await clusterToJoin();
  ({ cluster, admin } = joining);
  await makeToken('aaaaaa');
}, 120_000);
afterAll(() => joining?.stop());
const TOKEN = 'aaaaaa.0123456789abcdef';
const isUnauthorized = (error: unknown): boolean => reasonOf(error) === 'Unauthorized';

describe('a machine that joins', () => {
  it('is let in by a token once, then by its own key, and is bound to it', async () => {
    const key = machine('first');
    await (await connect({ ...key, token: TOKEN })).drain();
    const node = await admin.get<Node>(resources.nodes, 'first');
    expect(node.metadata.labels?.[KEY_LABEL]).toMatch(/^U[A-Z2-7]{55}$/);
    await (await connect(key)).drain();
    // Neither another machine with a good token nor the same one as somebody else.
    await refusedToConnect({ ...machine('first'), token: TOKEN });
    await refusedToConnect({ ...key, node: VICTIM, token: TOKEN });
  });
  it('is refused without a good token, and under the name of a node that did not join by one', async () => {
    await makeToken('expire', { expiration: '2020-01-01T00:00:00Z' });
    await makeToken('nouse0', { 'usage-bootstrap-authentication': 'false' });
    for (const token of [
      undefined,
      '',
      'x',
      'expire.0123456789abcdef',
      'nouse0.0123456789abcdef',
      'aaaaaa.aaaaaaaaaaaaaaaa',
    ])
      await refusedToConnect({ ...machine('second'), token });
    await refusedToConnect({ ...machine(VICTIM), token: TOKEN });
    await refusedToConnect({ ...machine('Not A Name'), token: TOKEN });
    await refusedToConnect({ ...machine('../etcd'), token: TOKEN });
    // A key without its secret half proves nothing.
    await refusedToConnect({ ...machine('second'), node: undefined });
    await expect(admin.get(resources.nodes, 'second')).rejects.toSatisfy((e) => reasonOf(e) === 'NotFound');
  });
  it('is refused once its token was deleted, if it had not joined before', async () => {
    const token = await makeToken('gone00');
    await admin.delete(resources.secrets, 'bootstrap-token-gone00', 'kube-system');
    await refusedToConnect({ ...machine('third'), token });
  });
  it('of several that claim one name at once, one gets it', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => connect({ ...machine('contested'), token: TOKEN })),
    );
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(1);
    for (const o of outcomes) if (o.status === 'rejected') expect(o.reason).toSatisfy(isUnauthorized);
  });
});

describe('a node that is no longer trusted', () => {
  it.each<[string, (name: string) => Promise<unknown>]>([
    ['was revoked', (name) => cluster.kubus('node', 'revoke', name, '--name', cluster.name)],
    ['was deleted', (name) => admin.delete(resources.nodes, name)],
    [
      'had its key taken off',
      (name) => admin.patch(resources.nodes, name, undefined, 'merge', { metadata: { labels: { [KEY_LABEL]: null } } }),
    ],
  ])('is cut off at once when it %s, and refused from then on', async (how, act) => {
    const name = how.replaceAll(' ', '-');
    const key = machine(name);
    const bus = await connect({ ...key, token: TOKEN });
    const other = await connect({ ...machine(`beside-${name}`), token: TOKEN });
    let lost = false;
    bus.onConnection((connected) => (lost ||= !connected));
    let others = 0;
    other.onConnection((connected) => (others += connected ? 0 : 1));
    await act(name);
    // Within 0.3 s on a machine with half a dozen others' tests; the credential itself is good for an hour.
    await eventually('the connection is cut', () => lost || undefined, 15_000);
    await refusedToConnect(key);
    if (how === 'was revoked') {
      await refusedToConnect({ ...key, token: TOKEN });
      expect((await admin.get<Node>(resources.nodes, name)).metadata.labels?.[REVOKED_LABEL]).toBe('true');
    }
    expect(others).toBe(0);
  });
});

describe('a node in the hands of an enemy', () => {
  const NAME = 'evil';
  let bus: Bus;
  let evil: ApiClient;
  beforeAll(async () => {
    for (const name of [VICTIM_SECRET, 'own', 'unrelated']) await admin.create(resources.secrets, secret(name));
    bus = await connect({ ...machine(NAME), token: TOKEN });
    evil = createApiClient(bus, world, `node:${NAME}`);
    await admin.create(resources.pods, pod(VICTIM_POD, VICTIM, VICTIM_SECRET));
    await admin.create(resources.pods, pod('mine', NAME, 'own'));
    // The graph behind the Node authorizer has heard of both.
    await eventually('its own secret', () => evil.get(resources.secrets, 'own', 'default'));
  });
  const lease = (name: string): KubeObject =>
    ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: LEASES }, spec: { holderIdentity: name } }) as KubeObject; // prettier-ignore
  const label = (name: string, labels: Record<string, string | null>): Promise<unknown> =>
    evil.patch(resources.nodes, name, undefined, 'merge', { metadata: { labels } });
  const impersonating = (user: string, groups: string[] = []): Promise<unknown> =>
    bus.request(
      subjects.api({ caller: `node:${NAME}`, verb: 'list', group: '', version: 'v1', resource: 'secrets', namespace: '', name: '' }),
      { impersonate: { user, groups } },
    ); // prettier-ignore
  const as = (caller: string): ApiClient => createApiClient(bus, world, caller);

  it('does a node’s work', async () => {
    await evil.get(resources.nodes, NAME);
    await evil.patch(
      resources.nodes,
      NAME,
      undefined,
      'strategic',
      { status: { phase: 'Running' } },
      { subresource: 'status' },
    );
    await evil.create(resources.leases, lease(NAME));
    await evil.get(resources.pods, 'mine', 'default');
    await evil.list(resources.pods, { fieldSelector: `spec.nodeName=${NAME}` });
  });
  const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
    "read a secret of another node's pod": () => evil.get(resources.secrets, VICTIM_SECRET, 'default'),
    'read a secret of no pod': () => evil.get(resources.secrets, 'unrelated', 'default'),
    'list secrets': () => evil.list(resources.secrets, {}),
    'list secrets of a namespace': () => evil.list(resources.secrets, { namespace: 'kube-system' }),
    'list config maps': () => evil.list(resources.configMaps, {}),
    'write its own secret': () => evil.patch(resources.secrets, 'own', 'default', 'merge', { stringData: { a: 'c' } }),
    'list all pods': () => evil.list(resources.pods, {}),
    'list the pods of another node': () => evil.list(resources.pods, { fieldSelector: `spec.nodeName=${VICTIM}` }),
    "read another node's pod": () => evil.get(resources.pods, VICTIM_POD, 'default'),
    "delete another node's pod": () => evil.delete(resources.pods, VICTIM_POD, 'default'),
    "evict another node's pod": () =>
      evil.create(resources.pods, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: VICTIM_POD, namespace: 'default' } }, { subresource: 'eviction', name: VICTIM_POD, namespace: 'default' }),
    "write the status of another node's pod": () =>
      evil.patch(resources.pods, VICTIM_POD, 'default', 'strategic', { status: { phase: 'Failed' } }, { subresource: 'status' }),
    'create a pod for another node': () => evil.create(resources.pods, pod('planted', VICTIM)),
    'create a pod for itself that is no mirror': () => evil.create(resources.pods, pod('planted', NAME)),
    'bind a pod': () =>
      evil.create(resources.pods, { apiVersion: 'v1', kind: 'Binding', metadata: { name: VICTIM_POD, namespace: 'default' }, target: { kind: 'Node', name: NAME } } as KubeObject, { subresource: 'binding', name: VICTIM_POD, namespace: 'default' }),
    'label another Node': () => label(VICTIM, { a: 'b' }),
    'change its own key': () => label(NAME, { [KEY_LABEL]: 'UAAA' }),
    'take its own key off': () => label(NAME, { [KEY_LABEL]: null }),
    'mark another as revoked': () => label(VICTIM, { [REVOKED_LABEL]: 'true' }),
    'make itself a control plane': () => label(NAME, { 'node-role.kubernetes.io/control-plane': '' }),
    'take its taints off': () => evil.patch(resources.nodes, NAME, undefined, 'merge', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
    "write another Node's status": () =>
      evil.patch(resources.nodes, VICTIM, undefined, 'strategic', { status: { phase: 'x' } }, { subresource: 'status' }),
    'read another Node': () => evil.get(resources.nodes, VICTIM),
    'list Nodes': () => evil.list(resources.nodes, {}),
    'delete another Node': () => evil.delete(resources.nodes, VICTIM),
    'delete its own Node': () => evil.delete(resources.nodes, NAME),
    'create another Node': () => evil.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'ghost' } }),
    "write another node's lease": () => evil.patch(resources.leases, VICTIM, LEASES, 'merge', { spec: { holderIdentity: NAME } }),
    "create another node's lease": () => evil.create(resources.leases, lease('ghost')),
    'take the lease of the scheduler': () => evil.patch(resources.leases, 'kube-scheduler', 'kube-system', 'merge', { spec: { holderIdentity: NAME } }),
    "have a token of another pod's account": () =>
      evil.create(resources.serviceAccounts, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name: 'default', namespace: 'kube-system' }, spec: { audiences: [] } } as unknown as KubeObject, { subresource: 'token', name: 'default', namespace: 'kube-system' }),
    'make itself an admin': () =>
      evil.create(
        { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' },
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'evil' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: `system:node:${NAME}` }] } as unknown as KubeObject,
      ),
    'make a bootstrap token': () => makeTokenAs(evil),
    'speak through another user': () => impersonating('kubernetes-admin', ['system:masters']),
    'speak through another node': () => impersonating(`system:node:${VICTIM}`, ['system:nodes']),
    'speak as the admin': () => as('admin').list(resources.secrets, {}),
    'speak as another node': () => as(`node:${VICTIM}`).get(resources.pods, VICTIM_POD, 'default'),
    'speak as the scheduler': () => as('scheduler').list(resources.pods, {}),
    'ask the store': () => bus.request(subjects.etcd('range'), { prefix: '/' }),
    "ask another node's agent": () => bus.request(subjects.node(VICTIM, 'logs'), {}),
  }; // prettier-ignore
  const makeTokenAs = (client: ApiClient): Promise<unknown> =>
    client.create(resources.secrets, {
      ...secret('bootstrap-token-evil00'),
      type: 'bootstrap.kubernetes.io/token',
    });

  it.each(Object.keys(attempts))('cannot %s', async (what) => {
    await expect(attempts[what]!()).rejects.toSatisfy((error) => reasonOf(error) === 'Forbidden');
  });
  it('hears nothing of the cluster but what it asked for', async () => {
    const heard: string[] = [];
    for (const subject of [
      subjects.eventAll,
      subjects.apiOf('*'),
      subjects.presenceOf('*'),
      subjects.inspectAll,
      '_INBOX.>',
      '>',
    ])
      bus.subscribe(subject, (message) => heard.push(message.subject));
    await bus.flush();
    await admin.patch(resources.pods, VICTIM_POD, 'default', 'merge', { metadata: { labels: { a: 'b' } } });
    await bus.flush();
    expect(heard).toEqual([]);
  });
});

describe('kubus token create --to', () => {
  it('keeps a token in a file for machines that join, and makes another only when that one is not good any more', async () => {
    const to = join(cluster.dir, 'secrets/token');
    const create = async (ttl: string): Promise<string> => {
      const done = await cluster.kubus('token', 'create', '--data', cluster.data, '--to', to, '--ttl', ttl);
      expect([done.status, done.stderr]).toEqual([0, '']);
      const token = readFileSync(to, 'utf8').trim();
      // Whoever reads the output of a service must not be able to join.
      expect(done.stdout).not.toContain(token);
      return token;
    };
    const first = await create('24h');
    expect(statSync(to).mode & 0o777).toBe(0o600);
    await (await connect({ ...machine('by-file'), token: first })).drain();
    expect(await create('24h')).toBe(first);
    // It lasts for less than half of what is wanted now.
    const second = await create('7d');
    expect(second).not.toBe(first);
    await cluster.kubus('token', 'delete', second.slice(0, 6), '--name', cluster.name);
    expect(await create('7d')).not.toBe(second);
  }, 90_000);
});
