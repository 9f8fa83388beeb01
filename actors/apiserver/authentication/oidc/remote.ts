import { delay, type World } from '../../../../bus/world.ts';
import type { OutboundAnswer, OutboundClient } from '../../../runtime/outbound/outbound.ts';
import { objectIn, readKeySet, type PublishedKey } from '../jws.ts';
import type { JwtConfiguration } from './configuration.ts';

/** Source: apiserver oidc.go New: how often an issuer is asked that has not said yet where its keys are, and how long. */
const POLL_MS = 10_000;
const TIMEOUT_MS = 30_000;
/** Keys count as fresh no longer than this before they expire. Source: coreos/go-oidc jwks.go keysExpiryDelta. */
const EXPIRY_DELTA_MS = 30_000;
/** Tokens that no key fits make us ask for newer keys: at most so often at once, and then so often. */
const BURST = 10;
const REFILL_MS = 1_000;

export interface Ground {
  readonly world: Pick<World, 'clock' | 'log'>;
  readonly outbound: OutboundClient;
  /** A fetch of keys came to an end. `body`: what came of it; undefined: nothing. */
  readonly onKeys: (issuer: string, body: Uint8Array | undefined) => void;
}
/** One issuer elsewhere. It may not be there yet, be slow or lie: it is asked in the background until it makes sense. */
export interface RemoteIssuer {
  /** Why it cannot be used; undefined once it can. */
  problem(): string | undefined;
  /** Whether one of its keys fits. Asks for newer ones if none does. Rejects: they cannot be had. */
  isSigned(keyId: string, fits: (key: PublishedKey) => boolean): Promise<boolean>;
  stop(): void;
}
type Ask = (url: string) => Promise<OutboundAnswer>;

/** Source: apiserver plugin/pkg/authenticator/token/oidc New; coreos/go-oidc NewProvider, remoteKeySet. */
export function openIssuer(ground: Ground, { issuer }: Pick<JwtConfiguration, 'issuer'>): RemoteIssuer {
  const { world, outbound } = ground;
  const ended = new AbortController();
  const { url, discoveryURL, certificateAuthority } = issuer;
  const ask: Ask = async (target) => {
    const timer = new AbortController();
    const late = world.clock.setTimeout(() => timer.abort(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')), TIMEOUT_MS); // prettier-ignore
    try {
      const signal = AbortSignal.any([ended.signal, timer.signal]);
      const headers = { accept: 'application/json' };
      return await outbound.call({
        method: 'GET',
        url: target,
        ca: certificateAuthority || undefined,
        headers,
        signal,
      });
    } finally {
      world.clock.clearTimeout(late);
    }
  };
  let keys: KeySet | undefined;
  let problem: string | undefined = `oidc: authenticator for issuer ${JSON.stringify(url)} is not initialized`;
  const open = async (): Promise<void> => {
    for (;;) {
      try {
        const at = discoveryURL || `${url.replace(/\/$/, '')}/.well-known/openid-configuration`;
        keys = new KeySet(ground, url, await discover(ask, at, url), ask);
        problem = undefined;
        return;
      } catch (error) {
        if (ended.signal.aborted) return;
        problem = (error as Error).message;
        world.log.error('oidc authenticator: initializing plugin', { issuer: url, err: problem });
      }
      await delay(world.clock, POLL_MS, ended.signal);
    }
  };
  open().catch(() => undefined);
  return {
    problem: () => problem,
    isSigned: (keyId, fits) => keys!.isSigned(keyId, fits),
    stop: () => ended.abort(new Error('context canceled')),
  };
}
/** Where the keys are. Throws Error. */
async function discover(ask: Ask, at: string, issuer: string): Promise<string> {
  const { status, headers, body } = await ask(at);
  if (status !== 200) throw new Error(`${status}: ${shown(body)}`);
  let found: Readonly<Record<string, unknown>>;
  try {
    found = objectIn(body);
  } catch (error) {
    throw new Error(`oidc: failed to decode provider discovery object: ${notJson(headers, error as Error)}`, { cause: error }); // prettier-ignore
  }
  const said = typeof found['issuer'] === 'string' ? found['issuer'] : '';
  if (said !== issuer)
    throw new Error(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuer)} got ${JSON.stringify(said)}`); // prettier-ignore
  const uri = found['jwks_uri'];
  if (typeof uri !== 'string' || uri === '') throw new Error('provider did not return JWKS URL');
  if (!URL.canParse(uri) || !uri.startsWith('https://'))
    throw new Error(`oidc: jwks_uri ${JSON.stringify(uri)} is not an https:// URL`);
  return uri;
}
const SHOWN_BYTES = 512;
const shown = (body: Uint8Array): string => Buffer.from(body.subarray(0, SHOWN_BYTES)).toString();
function notJson(headers: OutboundAnswer['headers'], { message }: Error): string {
  const type = headers['content-type'] ?? '';
  return /^application\/json(?:;|$)/.test(type)
    ? `got Content-Type = application/json, but could not unmarshal as JSON: ${message}`
    : `expected Content-Type = application/json, got ${JSON.stringify(type)}: ${message}`;
}

class KeySet {
  readonly #ground: Ground;
  readonly #issuer: string;
  readonly #url: string;
  readonly #ask: Ask;
  #keys: readonly PublishedKey[] = [];
  #expires = 0;
  #fetching: Promise<readonly PublishedKey[]> | undefined;
  #allowed = BURST;
  #refilled: number;
  constructor(ground: Ground, issuer: string, url: string, ask: Ask) {
    this.#ground = ground;
    this.#issuer = issuer;
    this.#url = url;
    this.#ask = ask;
    this.#refilled = ground.world.clock.now();
  }
  async isSigned(keyId: string, fits: (key: PublishedKey) => boolean): Promise<boolean> {
    const any = (keys: readonly PublishedKey[]): boolean =>
      keys.some((key) => (keyId === '' || key.keyId === keyId) && fits(key));
    // Whether they have expired is not asked yet: the issuer may be away.
    if (any(this.#keys)) return true;
    if (this.#ground.world.clock.now() + EXPIRY_DELTA_MS <= this.#expires) return false;
    if (this.#fetching === undefined && !this.#mayAsk()) return false;
    return any(await this.#fetch());
  }
  /** Anybody can send tokens with keys that nobody knows; the issuer is not to suffer for it. */
  #mayAsk(): boolean {
    const now = this.#ground.world.clock.now();
    const more = Math.floor((now - this.#refilled) / REFILL_MS);
    if (more > 0) {
      this.#allowed = Math.min(BURST, this.#allowed + more);
      this.#refilled = now;
    }
    if (this.#allowed === 0) return false;
    this.#allowed--;
    return true;
  }
  #fetch(): Promise<readonly PublishedKey[]> {
    this.#fetching ??= this.#update().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }
  async #update(): Promise<readonly PublishedKey[]> {
    const { onKeys, world } = this.#ground;
    const fail = (why: string): never => {
      onKeys(this.#issuer, undefined);
      throw new Error(`fetching keys ${why}`);
    };
    let answer: OutboundAnswer;
    try {
      answer = await this.#ask(this.#url);
    } catch (error) {
      return fail(`oidc: get keys failed ${(error as Error).message}`);
    }
    const { status, headers, body } = answer;
    if (status !== 200) return fail(`oidc: get keys failed: ${status} ${shown(body)}`);
    try {
      this.#keys = readKeySet(body);
    } catch (error) {
      return fail(`oidc: failed to decode keys: ${notJson(headers, error as Error)} ${shown(body)}`);
    }
    this.#expires = world.clock.now() + freshMs(headers['cache-control'] ?? '');
    onKeys(this.#issuer, body);
    return this.#keys;
  }
}
/** How long a shared cache may keep an answer. Source: pquerna/cachecontrol CachableResponse. */
function freshMs(control: string): number {
  if (/\b(?:no-store|no-cache|private)\b/i.test(control)) return 0;
  const seconds = /\bs-maxage=(\d{1,9})\b/i.exec(control) ?? /\bmax-age=(\d{1,9})\b/i.exec(control);
  return Number(seconds?.[1] ?? 0) * 1000;
}
