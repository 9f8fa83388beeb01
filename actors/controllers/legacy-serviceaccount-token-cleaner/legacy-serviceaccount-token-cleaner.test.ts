import { describe, expect, it } from 'vitest';
import type { ConfigMap, Pod, Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { configMaps, pods, secrets, serviceAccounts } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startLegacyTokenCleaner } from './actor.ts';
import { reconcile, UNUSED_MS } from './reconcile.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-15T12:00:00Z');
const [LAST_USED, INVALID_SINCE] = ['last-used', 'invalid-since'].map((n) => `kubernetes.io/legacy-token-${n}`) as [string, string]; // prettier-ignore
const NAME = 'kubernetes.io/service-account.name';
const secret = (labels: Record<string, string> = {}, more: Partial<Secret['metadata']> = {}): Secret => ({
  apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token',
  metadata: { name: 's', namespace: 'd', uid: 's1', resourceVersion: '7', creationTimestamp: '2020-01-01T00:00:00Z', annotations: { [NAME]: 'sa', 'kubernetes.io/service-account.uid': 'u' }, labels, ...more },
}); // prettier-ignore
const account = (secrets = ['s'], uid = 'u'): ServiceAccount => ({
  apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa', namespace: 'd', uid }, secrets: secrets.map((name) => ({ name })),
}); // prettier-ignore
const pod = (spec: Partial<NonNullable<Pod['spec']>>): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd' }, spec: { containers: [], ...spec },
}); // prettier-ignore

interface Case {
  readonly secret?: Secret;
  readonly account?: ServiceAccount | null;
  readonly pods?: Pod[];
  readonly since?: string | undefined;
  readonly now?: number;
}
const look = ({ secret: one = secret(), account: of = account(), pods = [], now = NOW, ...rest }: Case) =>
  reconcile(
    {
      secrets: [one],
      account: () => of ?? undefined,
      podsOf: () => pods,
      trackedSince: 'since' in rest ? rest.since : '2024-01-01',
    },
    now,
  );

describe('a token', () => {
  it.each<[what: string, Case, what: 'patch' | 'delete' | undefined]>([
    ['nobody has used is marked', {}, 'patch'],
    ['used more than a year ago', { secret: secret({ [LAST_USED]: '2025-06-14' }) }, 'patch'],
    ['used a year ago stays', { secret: secret({ [LAST_USED]: '2025-06-15' }) }, undefined],
    ['used on no day of the calendar stays', { secret: secret({ [LAST_USED]: '2025-02-30' }) }, undefined],
    ['used at no time that can be read stays', { secret: secret({ [LAST_USED]: 'x' }) }, undefined],
    ['of this year stays', { secret: secret({}, { creationTimestamp: '2025-06-15T12:00:00Z' }) }, undefined],
    ['a little older does not', { secret: secret({}, { creationTimestamp: '2025-06-15T11:59:59Z' }) }, 'patch'],
    ['that is going stays as it is', { secret: secret({}, { deletionTimestamp: 'x' }) }, undefined],
    ['that somebody has made stays', { account: account(['other']) }, undefined],
    ['of no account stays', { account: null }, undefined],
    ['of an account of another uid stays', { account: account(['s'], 'v') }, undefined],
    ['that says no account stays', { secret: secret({}, { annotations: {} }) }, undefined],
    ['that a pod mounts stays', { pods: [pod({ volumes: [{ name: 'v', secret: { secretName: 's' } }] })] }, undefined],
    ['by which a pod pulls stays', { pods: [pod({ imagePullSecrets: [{ name: 's' }] })] }, undefined],
    ['of another pod does not', { pods: [pod({ imagePullSecrets: [{ name: 'other' }] })] }, 'patch'],
    ['marked this year stays', { secret: secret({ [INVALID_SINCE]: '2025-06-15' }) }, undefined],
    ['marked long ago goes', { secret: secret({ [INVALID_SINCE]: '2025-06-14' }) }, 'delete'],
    ['marked with what is no day is marked anew', { secret: secret({ [INVALID_SINCE]: 'x' }) }, 'patch'],
    ['marked and used since stays', { secret: secret({ [INVALID_SINCE]: '2020-01-01', [LAST_USED]: '2026-01-01' }) }, undefined],
    ['of whose uses nobody knows stays', { since: undefined }, undefined],
    ['tracked since no day stays', { since: '2024-13-01' }, undefined],
    ['not tracked for a year and a day stays', { since: '2025-06-15' }, undefined],
    ['tracked for just that long', { since: '2025-06-14', now: Date.parse('2026-06-15T00:00:00Z') }, 'patch'],
  ])('%s', (_, of, what) => {
    const { intents, requeueAfterMs } = look(of);
    expect(intents.map(({ op }) => op)).toEqual(what ? [what] : []);
    expect(requeueAfterMs).toBe(DAY);
  }); // prettier-ignore
  it('is marked with the day, and taken away only as it was seen', () => {
    expect(look({}).intents).toMatchObject([
      { name: 's', namespace: 'd', patch: { metadata: { uid: 's1', labels: { [INVALID_SINCE]: '2026-06-15' } } } },
    ]);
    expect(look({ secret: secret({ [INVALID_SINCE]: '2025-01-01' }) }).intents).toMatchObject([
      { name: 's', namespace: 'd', resourceVersion: '7' },
    ]);
  });
});

it('is marked after a year, gone after two, at a look a day', async () => {
  const { api, client, start, world } = testCluster();
  const tracking = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }, data: { since: formatTime(world.clock.now()).slice(0, 10) } }; // prettier-ignore
  await client.create<ConfigMap>(configMaps, tracking);
  const { uid } = (await client.create<ServiceAccount>(serviceAccounts, { ...account(), metadata: { name: 'sa', namespace: 'd' } })).metadata; // prettier-ignore
  await client.create(secrets, { ...secret(), metadata: { name: 's', namespace: 'd', annotations: { [NAME]: 'sa', 'kubernetes.io/service-account.uid': uid! } } }); // prettier-ignore
  await client.create(pods, pod({}));
  start(startLegacyTokenCleaner);
  const seen = () => api.object<Secret>(secrets, 'd/s');
  await world.advance(UNUSED_MS + DAY / 2);
  expect(seen()!.metadata.labels).toBeUndefined();
  await world.advance(2 * DAY);
  expect(seen()!.metadata.labels).toEqual({ [INVALID_SINCE]: expect.any(String) });
  await world.advance(UNUSED_MS - DAY);
  expect(seen()).toBeDefined();
  await world.advance(3 * DAY);
  expect(seen()).toBeUndefined();
  const own = api.calls.filter(({ caller }) => caller.endsWith('token-cleaner'));
  expect(own.length).toBeLessThan(2 * 370);
  expect(own.filter(({ verb }) => verb !== 'get')).toHaveLength(2);
});
it('asks nothing where there is no such token', async () => {
  const { api, start, world } = testCluster();
  start(startLegacyTokenCleaner);
  await world.advance(10 * DAY);
  expect(api.calls.filter(({ caller }) => caller.endsWith('token-cleaner'))).toEqual([]);
});
