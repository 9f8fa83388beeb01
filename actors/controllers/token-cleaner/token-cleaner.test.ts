import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../../schemas/core/base64.ts';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { secrets } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startTokenCleaner } from './actor.ts';
import { reconcile } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const token = (expiration: string | undefined, more: Partial<Secret> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system', uid: 'u' },
  type: 'bootstrap.kubernetes.io/token',
  data: expiration === undefined ? {} : { expiration: toBase64(expiration) },
  ...more,
});

describe('a token', () => {
  it.each<[what: string, Secret, left: number | 'goes' | undefined]>([
    ['that says nothing', token(undefined), undefined],
    ['that says nothing with nothing', token(''), undefined],
    ['without data', { ...token(undefined), data: undefined }, undefined],
    ['of an hour', token('2026-01-01T01:00:00Z'), 3_600_000],
    ['of another zone', token('2026-01-01T01:00:00+02:00'), 'goes'],
    ['of a fraction of a second', token('2026-01-01T00:00:00.25Z'), 250],
    ['that ends now', token('2026-01-01T00:00:00Z'), 'goes'],
    ['that has ended', token('2025-12-31T00:00:00Z'), 'goes'],
    ['that cannot be read', token('tomorrow'), 'goes'],
    ['that is going', token('2025-12-31T00:00:00Z', { metadata: { name: 'a', deletionTimestamp: 'x' } }), undefined],
  ])('%s', (_, secret, left) => {
    const { intents, requeueAfterMs } = reconcile(secret, NOW);
    expect(intents.length > 0 ? 'goes' : requeueAfterMs).toBe(left);
    if (left === 'goes') expect(intents).toMatchObject([{ op: 'delete', name: 'bootstrap-token-abcdef', uid: 'u' }]);
  });
});

async function setUp() {
  const c = testCluster();
  const inMs = (ms: number): string => formatTime(c.world.clock.now() + ms);
  const make = async (id: string, expiration: string, more: Partial<Secret> = {}): Promise<void> => {
    const metadata = { name: `bootstrap-token-${id}`, namespace: 'kube-system', ...more.metadata };
    await c.client.create(secrets, token(expiration, { ...more, metadata }));
  };
  c.start(startTokenCleaner);
  const names = () => c.list<Secret>(secrets).map(({ metadata }) => metadata.name!.slice(-6));
  return { ...c, inMs, make, names };
}
it('each goes at its time, and nobody else does', async () => {
  const { client, inMs, list, make, names, world } = await setUp();
  await make('aaaaaa', inMs(60_000));
  await make('bbbbbb', inMs(3_600_000));
  await make('cccccc', inMs(60_000), { type: 'Opaque' });
  await make('dddddd', inMs(60_000), { metadata: { namespace: 'other' } });
  await world.advance(59_000);
  expect(names()).toEqual(['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd']);
  await world.advance(2_000);
  expect(names()).toEqual(['bbbbbb', 'cccccc', 'dddddd']);
  // One that is given more time stays.
  const kept = list<Secret>(secrets).find(({ metadata }) => metadata.name!.endsWith('bbbbbb'))!;
  await client.update(secrets, { ...kept, data: { expiration: toBase64(inMs(86_400_000)) } });
  await world.advance(3_600_000);
  expect(names()).toContain('bbbbbb');
  await world.advance(86_400_000);
  expect(names()).toEqual(['cccccc', 'dddddd']);
});
it('goes though the server fails at first, and is asked for no more often than needed', async () => {
  const { api, inMs, make, names, world } = await setUp();
  let failures = 3;
  api.intercept = ({ verb }) => {
    if (verb === 'delete' && failures-- > 0) throw new ApiError('ServiceUnavailable', 'later');
  };
  await make('aaaaaa', inMs(1_000));
  await world.advance(10_000);
  expect(names()).toEqual([]);
  expect(api.calls.filter(({ verb }) => verb === 'delete')).toHaveLength(4);
});
