import { createHash } from 'node:crypto';
import type { Clock } from '../../../bus/world.ts';
import type { TokenAuthenticator, TokenFound } from './tokens.ts';

export interface CacheTimes {
  /** How long it is remembered that a token is somebody's; 0: not. */
  readonly successMs: number;
  /** And that it is nobody's. That it could not be found out is not remembered. */
  readonly failureMs: number;
}
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
    if (kept !== undefined && kept.until > clock.now()) return kept.found;
    if (kept !== undefined) known.delete(key);
    let pending = asking.get(key);
    if (pending === undefined) {
      pending = ask(token, audiences).finally(() => asking.delete(key));
      asking.set(key, pending);
      pending.then(
        (found) => remember(key, found),
        () => undefined,
      );
    }
    return pending;
  };
}
