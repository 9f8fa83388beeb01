import { expect, it } from 'vitest';
import { createMetrics } from '../metrics/index.ts';
import { cachedTokens, tokenCacheCounts } from './token-cache.ts';
import { UNKNOWN, refusedToken, type TokenFound } from './tokens.ts';
import { authenticated } from './users.ts';

function setUp() {
  let now = 1_000;
  const clock = { now: () => now };
  const metrics = createMetrics();
  const waiting: ((found: TokenFound) => void)[] = [];
  const ask = () => new Promise<TokenFound>((resolve) => waiting.push(resolve));
  const cached = cachedTokens(clock, ask, { successMs: 10_000, failureMs: 0 }, tokenCacheCounts(metrics));
  const show = (token = 't') => cached(token, ['a']);
  const answer = async (found: TokenFound) => {
    waiting.shift()!(found);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const told = async (what: string) => (await metrics.render()).split('\n').filter((line) => line.startsWith(`authentication_token_cache_${what}`)).map((line) => line.slice(27)); // prettier-ignore
  return { show, answer, told, waiting, pass: (ms: number) => void (now += ms) };
}
const JANE: TokenFound = { user: authenticated({ name: 'jane', groups: [] }), audiences: ['a'] };

it('asks once for those who show the same token, and counts who waits and who need not', async () => {
  const { answer, pass, show, told, waiting } = setUp();
  const both = [show(), show()];
  expect(waiting).toHaveLength(1);
  expect(await told('active_fetch_count{')).toEqual(['active_fetch_count{status="blocked"} 2', 'active_fetch_count{status="in_flight"} 1']); // prettier-ignore
  pass(20);
  await answer(JANE);
  expect(await Promise.all(both)).toEqual([JANE, JANE]);
  expect(await show()).toEqual(JANE);
  expect(await told('active_fetch_count{')).toEqual(['active_fetch_count{status="blocked"} 0', 'active_fetch_count{status="in_flight"} 0']); // prettier-ignore
  expect(await told('request_total{')).toEqual(['request_total{status="hit"} 1', 'request_total{status="miss"} 2']);
  expect(await told('request_duration_seconds_bucket{status="miss",le="0.01"}')).toEqual(['request_duration_seconds_bucket{status="miss",le="0.01"} 0']); // prettier-ignore
  expect(await told('request_duration_seconds_bucket{status="miss",le="0.025"}')).toEqual(['request_duration_seconds_bucket{status="miss",le="0.025"} 2']); // prettier-ignore
  pass(10_000);
  void show();
  expect(waiting).toHaveLength(1);
});
it('tells answers from failures, and remembers neither what nobody knows nor what could not be found out', async () => {
  const { answer, show, told, waiting } = setUp();
  for (const found of [UNKNOWN, refusedToken('no'), JANE]) {
    const shown = show();
    expect(waiting).toHaveLength(1);
    await answer(found);
    expect(await shown).toEqual(found);
  }
  expect(await told('fetch_total{')).toEqual(['fetch_total{status="ok"} 2', 'fetch_total{status="error"} 1']);
});
