import { createHash } from 'node:crypto';
import type { Clock } from '../../../bus/world.ts';
import { head, Histogram, labelText } from '../../runtime/metrics/series.ts';
import type { Metrics } from '../metrics/index.ts';
import type { TokenAuthenticator, TokenFound } from './tokens.ts';

export interface CacheTimes {
  /** How long it is remembered that a token is somebody's; 0: not. */
  readonly successMs: number;
  /** And that it is nobody's. That it could not be found out is not remembered. */
  readonly failureMs: number;
}
/** What is told of a cache. */
export interface TokenCacheCounts {
  asked(status: 'hit' | 'miss', seconds: number): void;
  /** Somebody is being asked. */
  fetches(found: Promise<TokenFound>): void;
  /** A request waits for that. */
  waits(found: Promise<TokenFound>, clock: Pick<Clock, 'now'>): void;
}
/** Source: apiserver pkg/authentication/token/cache stats.go. */
export function tokenCacheCounts(metrics: Pick<Metrics, 'collect' | 'section'>): TokenCacheCounts {
  const name = (what: string): string => `authentication_token_cache_${what}`;
  const requests = { hit: 0, miss: 0 };
  const latency = { hit: new Histogram(SECONDS), miss: new Histogram(SECONDS) };
  const fetches = { ok: 0, error: 0 };
  const active = { blocked: 0, in_flight: 0 };
  const tell = (what: string, type: 'counter' | 'gauge', values: Readonly<Record<string, number>>): void =>
    metrics.collect(name(what), type, 'ALPHA', '', () => Object.entries(values).map(([status, value]) => [{ status }, value])); // prettier-ignore
  tell('active_fetch_count', 'gauge', active);
  tell('fetch_total', 'counter', fetches);
  tell('request_total', 'counter', requests);
  metrics.section(() => [
    ...head(name('request_duration_seconds'), 'histogram', 'ALPHA', ''),
    ...Object.entries(latency).flatMap(([status, histogram]) => [
      ...histogram.render(name('request_duration_seconds'), labelText({ status })),
    ]),
  ]);
  const asked = (status: 'hit' | 'miss', seconds: number): void => {
    requests[status]++;
    latency[status].add(seconds);
  };
  return {
    asked,
    fetches(found) {
      active.in_flight++;
      const end = (status: 'ok' | 'error'): void => {
        active.in_flight--;
        fetches[status]++;
      };
      // That it is nobody's token is an answer too.
      found.then((answer) => end(answer.user !== undefined || answer.error === undefined ? 'ok' : 'error'), () => end('error')); // prettier-ignore
    },
    waits(found, clock) {
      const began = clock.now();
      active.blocked++;
      const end = (): void => {
        active.blocked--;
        asked('miss', (clock.now() - began) / 1000);
      };
      found.then(end, end);
    },
  };
}
/** Prometheus' own. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Source: apiserver pkg/authentication/token/cache newStripedCache. */
const KEPT = 32_768;

/**
 * Asks once for those who show the same token at the same time, and not again for a while. Tokens themselves are not kept.
 * Source: apiserver pkg/authentication/token/cache cached_token_authenticator.go.
 */
export function cachedTokens(
  clock: Pick<Clock, 'now'>,
  ask: TokenAuthenticator,
  { successMs, failureMs }: CacheTimes,
  counts?: TokenCacheCounts,
): TokenAuthenticator {
  const known = new Map<string, { readonly found: TokenFound; readonly until: number }>();
  const asking = new Map<string, Promise<TokenFound>>();
  const remember = (key: string, found: TokenFound): void => {
    const forMs = found.user !== undefined ? successMs : found.error === undefined ? failureMs : 0;
    if (forMs <= 0) return;
    known.delete(key);
    if (known.size >= KEPT) known.delete(known.keys().next().value!);
    known.set(key, { found, until: clock.now() + forMs });
  };
  return async (token, audiences) => {
    const hash = createHash('sha256');
    for (const part of [token, ...audiences]) hash.update(`${part.length}:${part}`);
    const key = hash.digest('base64');
    const kept = known.get(key);
    if (kept !== undefined && kept.until > clock.now()) {
      counts?.asked('hit', 0);
      return kept.found;
    }
    if (kept !== undefined) known.delete(key);
    let pending = asking.get(key);
    if (pending === undefined) {
      pending = ask(token, audiences).finally(() => asking.delete(key));
      asking.set(key, pending);
      pending.then(
        (found) => remember(key, found),
        () => undefined,
      );
      counts?.fetches(pending);
    }
    counts?.waits(pending, clock);
    return pending;
  };
}
