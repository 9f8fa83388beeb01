import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../../schemas/core/base64.ts';
import type { ConfigMap, Secret } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { configMaps, secrets } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { sign, startBootstrapSigner } from './actor.ts';
import { reconcile } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const token = (id: string, data: Record<string, string> = {}, name = `bootstrap-token-${id}`): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...data }).map(([key, value]) => [key, toBase64(value)]),
  ),
}); // prettier-ignore
const info = (data?: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'cluster-info', namespace: 'kube-public' },
  data,
});

it.each([
  ['my voice is my passcode', 'Hello from the other side. I must have called a thousand times.', 'VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8'],
  ['my voice is my passcode', '', '7Ui1ALizW4jXphVUB7xUqC9vLYLL9RZeOFfVLoB7Tgk'],
  ['', 'Hello from the other side. I must have called a thousand times.', 'UfkqvDGiIFxrMnFseDj9LYJOLNrvjW8aHhF71mvvAs8'],
])('by %j is signed as go-jose does it, without the content: %j', (secret, content, signature) => {
  expect(sign(content, 'joshua', secret)).toBe(`eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..${signature}`);
}); // prettier-ignore

const plain = (content: string, id: string, secret: string): string => `${content}/${id}/${secret}`;
const signedBy = (ids: string): Record<string, string> =>
  Object.fromEntries([...ids].map((c) => [`jws-kubeconfig-${c.repeat(6)}`, `k/${c.repeat(6)}/0123456789abcdef`]));
const A = token('aaaaaa');
describe('the cluster info', () => {
  it.each<[what: string, data: Record<string, string> | undefined, tokens: Secret[], next: Record<string, string> | undefined]>([
    ['is signed by each token', { kubeconfig: 'k' }, [A, token('bbbbbb')], { kubeconfig: 'k', ...signedBy('ab') }],
    ['that is signed stays', { kubeconfig: 'k', ...signedBy('a') }, [A], undefined],
    ['loses signatures of tokens that are gone', { kubeconfig: 'k', other: 'x', ...signedBy('ab') }, [A], { kubeconfig: 'k', other: 'x', ...signedBy('a') }],
    ['is signed anew when it has changed', { kubeconfig: 'k', 'jws-kubeconfig-aaaaaa': 'old' }, [A], { kubeconfig: 'k', ...signedBy('a') }],
    ['without content is not signed', { other: 'x', ...signedBy('b') }, [A], undefined],
    ['of nothing is not signed', undefined, [A], undefined],
    ['of empty content is', { kubeconfig: '' }, [A], { kubeconfig: '', 'jws-kubeconfig-aaaaaa': '/aaaaaa/0123456789abcdef' }],
    ['is not signed by a token for something else', { kubeconfig: 'k' }, [token('aaaaaa', { 'usage-bootstrap-signing': 'yes' })], undefined],
    ['is not signed by an expired token', { kubeconfig: 'k' }, [token('aaaaaa', { expiration: '2025-01-01T00:00:00Z' })], undefined],
    ['is not signed by one whose time cannot be read', { kubeconfig: 'k' }, [token('aaaaaa', { expiration: 'never' })], undefined],
    ['is not signed by one without a secret', { kubeconfig: 'k' }, [token('aaaaaa', { 'token-secret': '' })], undefined],
    ['is not signed by one of another id', { kubeconfig: 'k' }, [token('aaaaaa', {}, 'bootstrap-token-bbbbbb')], undefined],
    ['is not signed by one of a wrong name', { kubeconfig: 'k' }, [token('aaaaaa', {}, 'mine')], undefined],
    ['is not signed by one without data', { kubeconfig: 'k' }, [{ ...A, data: undefined }], undefined],
  ])('%s', (_, data, tokens, next) => {
    const { intents } = reconcile({ info: info(data), tokens, sign: plain }, NOW);
    expect(intents).toEqual(next === undefined ? [] : [expect.objectContaining({ op: 'update', object: { ...info(), data: next } })]);
  }); // prettier-ignore
  it('that nobody has made is not made', () => {
    expect(reconcile({ info: undefined, tokens: [A], sign: plain }, NOW).intents).toEqual([]);
  });
  it('is right after one write, whatever it was', () => {
    const key = fc.constantFrom('kubeconfig', 'other', 'jws-kubeconfig-aaaaaa', 'jws-kubeconfig-zzzzzz', 'jws-kubeconfig-');
    const data = fc.dictionary(key, fc.constantFrom('', 'k', 'k/aaaaaa/0123456789abcdef'));
    const tokens = fc.subarray([A, token('bbbbbb', { expiration: '2026-01-02T00:00:00Z' }), token('cccccc', { 'usage-bootstrap-signing': '' })]);
    fc.assert(fc.property(data, tokens, (data, tokens) => {
      const [intent] = reconcile({ info: info(data), tokens, sign: plain }, NOW).intents;
      const next = intent?.op === 'update' ? (intent.object as ConfigMap) : info(data);
      expect(reconcile({ info: next, tokens, sign: plain }, NOW).intents).toEqual([]);
      expect(next.data?.['kubeconfig']).toBe(data['kubeconfig']);
    }));
  }); // prettier-ignore
});

it('signatures follow the tokens: new, changed, expired, deleted; other maps are left alone', async () => {
  const { api, client, start, quiet, world } = testCluster();
  start(startBootstrapSigner);
  await client.create(configMaps, {
    ...info({ kubeconfig: 'k' }),
    metadata: { name: 'other', namespace: 'kube-public' },
  });
  await client.create(secrets, token('aaaaaa', { expiration: formatTime(world.clock.now() + 60_000) }));
  await quiet();
  expect(api.calls.filter(({ verb }) => verb === 'update')).toEqual([]);
  await client.create(configMaps, info({ kubeconfig: 'k' }));
  const seen = () => api.object<ConfigMap>(configMaps, 'kube-public/cluster-info')?.data;
  await quiet();
  expect(seen()).toEqual({ kubeconfig: 'k', 'jws-kubeconfig-aaaaaa': sign('k', 'aaaaaa', '0123456789abcdef') });
  await client.create(secrets, token('bbbbbb'));
  await quiet();
  expect(Object.keys(seen()!)).toHaveLength(3);
  await world.advance(60_000);
  expect(Object.keys(seen()!)).toEqual(['kubeconfig', 'jws-kubeconfig-bbbbbb']);
  await client.delete(secrets, 'bootstrap-token-bbbbbb', 'kube-system');
  await quiet();
  expect(seen()).toEqual({ kubeconfig: 'k' });
  const writes = api.calls.length;
  await world.advance(3_600_000);
  expect(api.calls).toHaveLength(writes);
  expect(api.object<ConfigMap>(configMaps, 'kube-public/other')!.data).toEqual({ kubeconfig: 'k' });
});
