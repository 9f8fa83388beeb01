import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { unauthorized, type Identity } from './authority.ts';

const CODE_MS = 10 * 60_000;
const SESSION_MS = 12 * 60 * 60_000;
/** A token's session asks again whether the token still holds. */
const RECHECK_MS = 60_000;
const MAX_SESSIONS = 1_000;

const sign = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const equal = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** A key for codes; whoever has it can log in: kept in a file with mode 0600. */
export const newLoginKey = (): string => randomBytes(32).toString('base64url');
/** A code that logs in once, within ten minutes: `<until>.<nonce>.<signature>`. */
export function newCode(key: string, now: number): string {
  const text = `${(now + CODE_MS).toString(36)}.${randomBytes(12).toString('base64url')}`;
  return `${text}.${sign(Buffer.from(key, 'base64url'), `code ${text}`).toString('base64url')}`;
}
/** What programs and visualizers show at the WebSocket endpoints; good as long as the console runs. */
export const wireToken = (key: string): string => sign(Buffer.from(key, 'base64url'), 'stately').toString('base64url');

interface Session {
  identity: Identity;
  until: number;
  checkedAt: number;
  readonly check: (() => Promise<Identity>) | undefined;
}
/** Codes are redeemed for sessions, sessions are recognized by their cookie. All in memory: a restart logs everyone out. */
export class Logins {
  readonly #key: Buffer;
  readonly #wire: Buffer;
  readonly #now: () => number;
  readonly #redeemed = new Map<string, number>();
  readonly #sessions = new Map<string, Session>();

  constructor(key: string, now: () => number) {
    this.#key = Buffer.from(key, 'base64url');
    this.#wire = Buffer.from(wireToken(key));
    this.#now = now;
  }
  /** Thrown: ApiError Unauthorized for a code that is false, old or used. */
  redeem(code: string): void {
    const at = code.lastIndexOf('.');
    const text = code.slice(0, Math.max(at, 0));
    const until = Number.parseInt(text.split('.')[0] ?? '', 36);
    const isOurs = equal(sign(this.#key, `code ${text}`), Buffer.from(code.slice(at + 1), 'base64url'));
    if (!isOurs || !(until > this.#now()) || this.#redeemed.has(text))
      throw new ApiError('Unauthorized', 'this code is not good (any more): get another with: kubus inspect --url');
    for (const [old, end] of this.#redeemed) if (end <= this.#now()) this.#redeemed.delete(old);
    this.#redeemed.set(text, until);
  }
  isWireToken(token: string): boolean {
    return equal(Buffer.from(token), this.#wire);
  }
  /** The name of a new session. `check`: asked again now and then, and ends the session by refusing. */
  begin(identity: Identity, check?: () => Promise<Identity>): string {
    const now = this.#now();
    for (const [name, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(name);
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
    const name = randomBytes(32).toString('base64url');
    this.#sessions.set(name, { identity, until: now + SESSION_MS, checkedAt: now, check });
    return name;
  }
  /** Rejects with ApiError Unauthorized. */
  async recognize(name: string): Promise<Identity> {
    const session = this.#sessions.get(name);
    const now = this.#now();
    if (session === undefined || session.until <= now) throw unauthorized();
    if (session.check !== undefined && now - session.checkedAt > RECHECK_MS) {
      try {
        session.identity = await session.check();
        session.checkedAt = now;
      } catch (error) {
        // An API server that cannot be asked just now has not said no.
        if (reasonOf(error) !== 'ServiceUnavailable') {
          this.#sessions.delete(name);
          throw error;
        }
      }
    }
    return session.identity;
  }
  end(name: string): void {
    this.#sessions.delete(name);
  }
}
