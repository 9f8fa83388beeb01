import { expect, it } from 'vitest';
import { toBase64 } from '../../schemas/core/base64.ts';
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../../schemas/generated/core-v1.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import { configMaps, namespaces, secrets, serviceAccounts } from '../runtime/resources.ts';
import { testCluster } from '../runtime/testing/cluster.ts';
import { badDay } from '../runtime/testing/faults.ts';
import { sign, startBootstrapSigner } from './bootstrap-signer/actor.ts';
import { startRootCaCertPublisher } from './root-ca-cert-publisher/actor.ts';
import { startServiceAccountController } from './serviceaccount/actor.ts';
import { startServiceAccountTokens } from './serviceaccount-token/actor.ts';
import { startTokenCleaner } from './token-cleaner/actor.ts';

const [NAME, UID] = ['name', 'uid'].map((n) => `kubernetes.io/service-account.${n}`) as [string, string];
const v1 = (kind: string) => ({ apiVersion: 'v1', kind });

it.each([1, 2, 3, 4, 5, 6, 7, 8])('identities are whole after a bad day, and nobody is asked any more (seed %s)', async (seed) => {
  const c = testCluster(seed);
  const { client, world, api } = c;
  const pick = (n: number): number => Math.floor(world.random() * n);
  const controllers = c.start(
    startServiceAccountController,
    (deps) => startRootCaCertPublisher(deps, 'ca'),
    (deps) => startServiceAccountTokens(deps, 'ca', (claims) => `signed ${JSON.stringify(claims)}`),
    startTokenCleaner,
    startBootstrapSigner,
  );
  const ignore = (): undefined => undefined;
  const account = () => `robot-${pick(3)}`;
  const secretOf = (): string => `s-${pick(4)}`;
  const token = () => `bootstrap-token-aaaaa${pick(4)}`;
  const turns: (() => Promise<unknown>)[] = [
    () => client.create<Namespace>(namespaces, { ...v1('Namespace'), metadata: { name: `n-${pick(3)}` } }),
    () => client.create<ServiceAccount>(serviceAccounts, { ...v1('ServiceAccount'), metadata: { name: account(), namespace: 'd' }, secrets: [{ name: secretOf() }] }),
    () => client.delete(serviceAccounts, account(), 'd'),
    () => client.create<Secret>(secrets, { ...v1('Secret'), metadata: { name: secretOf(), namespace: 'd', annotations: { [NAME]: account() } }, type: 'kubernetes.io/service-account-token' }),
    () => client.patch(secrets, secretOf(), 'd', 'merge', { data: { token: null } }),
    () => client.delete(secrets, secretOf(), 'd'),
    () => {
      const name = token();
      const data = { 'token-id': name.slice(-6), 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...(pick(2) > 0 && { expiration: formatTime(world.clock.now() + pick(200_000)) }) };
      return client.create<Secret>(secrets, { ...v1('Secret'), metadata: { name, namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, toBase64(v)])) });
    },
    () => client.delete(secrets, token(), 'kube-system'),
    () => client.create<ConfigMap>(configMaps, { ...v1('ConfigMap'), metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: 'k', 'jws-kubeconfig-zzzzzz': 'x' } }),
    () => client.patch(configMaps, 'cluster-info', 'kube-public', 'merge', { data: { kubeconfig: String(pick(9)) } }),
    () => client.delete(configMaps, 'kube-root-ca.crt', `n-${pick(3)}`),
    () => client.delete(serviceAccounts, 'default', `n-${pick(3)}`),
  ];
  const all = [...turns.slice(0, 2), ...Array.from({ length: 40 }, () => turns[pick(turns.length)]!)];
  await badDay(c, controllers, all.map((turn) => async () => turn().catch(ignore)));
  await world.advance(120_000);

  const accounts = new Map(c.list<ServiceAccount>(serviceAccounts, 'd').map((a) => [a.metadata.name, a]));
  for (const { metadata: { name, annotations }, data } of c.list<Secret>(secrets, 'd')) {
    const { uid } = accounts.get(annotations?.[NAME])!.metadata;
    expect([name, annotations![UID], Object.keys(data!).sort()]).toEqual([name, uid, ['ca.crt', 'namespace', 'token']]);
  }
  for (const { metadata: { name } } of c.list<Namespace>(namespaces)) {
    expect(api.object<ServiceAccount>(serviceAccounts, `${name}/default`)).toBeDefined();
    expect(api.object<ConfigMap>(configMaps, `${name}/kube-root-ca.crt`)?.data).toEqual({ 'ca.crt': 'ca' });
  }
  const left = c.list<Secret>(secrets, 'kube-system');
  expect(left.filter(({ data }) => data!['expiration'] !== undefined)).toEqual([]);
  const info = api.object<ConfigMap>(configMaps, 'kube-public/cluster-info')?.data;
  if (info !== undefined)
    expect(info).toEqual({ kubeconfig: info['kubeconfig'], ...Object.fromEntries(left.map(({ metadata }) => metadata.name!.slice(-6)).map((id) => [`jws-kubeconfig-${id}`, sign(info['kubeconfig']!, id, '0123456789abcdef')])) });
  const calls = api.calls.length;
  await world.advance(3_600_000);
  expect(api.calls).toHaveLength(calls);
}); // prettier-ignore
