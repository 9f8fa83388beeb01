import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { delay, type Clock } from '../../../../bus/world.ts';

const LOOK_MS = 25;
/** A connection on which nothing was asked for so long is taken for unused: closing it meets no request on its way. */
const QUIET_LOOKS = 10;
/** A handshake that takes longer belongs to nobody who asks anything. */
const HANDSHAKE_LOOKS = 40;
/** Longer than a client needs to hear that it should go elsewhere, and its requests of before to arrive here. */
const NOTICE_MS = 50;
/** The largest stream there can be: all that a client begins before it has heard is still answered. */
const ANY_STREAM = 2 ** 31 - 1;

interface Use {
  /** Requests being answered, and requests so far. */
  active: number;
  count: number;
  seen: number;
  quietLooks: number;
}
const unused = (): Use => ({ active: 0, count: 0, seen: 0, quietLooks: 0 });

/**
 * The connections of a door, and how they end without cutting a request off: over HTTP/1.1 the next answer on each says
 * `Connection: close`, over HTTP/2 the next request is met by GOAWAY and answered. What nobody uses is closed when it has
 * been quiet for a while, since a client may ask in the moment in which the server closes.
 */
export class Connections {
  draining = false;
  readonly #clock: Clock;
  readonly #raw = new Map<Socket, { looks: number }>();
  readonly #http1 = new Map<TLSSocket, Use>();
  readonly #http2 = new Map<ServerHttp2Session, Use>();
  readonly #told = new WeakSet<ServerHttp2Session>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** A connection was accepted; TLS has yet to begin. */
  accepted(socket: Socket): void {
    this.#raw.set(socket, { looks: 0 });
    socket.once('close', () => this.#raw.delete(socket));
  }
  http1(socket: TLSSocket): Use {
    const use = unused();
    this.#http1.set(socket, use);
    socket.once('close', () => this.#http1.delete(socket));
    return use;
  }
  http2(session: ServerHttp2Session): void {
    this.#http2.set(session, unused());
    session.once('close', () => this.#http2.delete(session));
  }
  /** Whether anything was ever asked on the connection. */
  isUsed(socket: TLSSocket): boolean {
    return (this.#http1.get(socket)?.count ?? 0) > 0;
  }
  begin(of: TLSSocket | ServerHttp2Session): void {
    const use = this.#use(of);
    if (use === undefined) return;
    use.active++;
    use.count++;
  }
  end(of: TLSSocket | ServerHttp2Session): void {
    const use = this.#use(of);
    if (use !== undefined) use.active--;
  }
  #use(of: TLSSocket | ServerHttp2Session): Use | undefined {
    return this.#http1.get(of as TLSSocket) ?? this.#http2.get(of as ServerHttp2Session);
  }
  /**
   * Tells an HTTP/2 client to go elsewhere, once. Resolves when it has heard: until then a request must be held open, for
   * the session is no longer read when none is.
   */
  async tell(session: ServerHttp2Session): Promise<void> {
    if (this.#told.has(session)) return;
    this.#told.add(session);
    if (session.destroyed) return;
    session.goaway(0, ANY_STREAM);
    await delay(this.#clock, NOTICE_MS);
  }
  /** Resolves when all have gone; those that have not within `graceMs` are cut off. */
  async drain(graceMs: number): Promise<void> {
    this.draining = true;
    const looks = Math.ceil(graceMs / LOOK_MS);
    for (let i = 0; i < looks && this.#raw.size > 0; i++) {
      for (const [socket, use] of this.#http1) if (isQuiet(use)) socket.destroySoon();
      for (const [session, use] of this.#http2) if (isQuiet(use)) session.close();
      for (const [socket, state] of this.#raw) if (++state.looks > HANDSHAKE_LOOKS) this.#endUnsecured(socket);
      await delay(this.#clock, LOOK_MS);
    }
    for (const one of [...this.#http1.keys(), ...this.#http2.keys(), ...this.#raw.keys()]) one.destroy();
  }
  /** The TLS layer wraps what was accepted: only what has no owner yet may be closed beneath it. */
  #endUnsecured(raw: Socket): void {
    if (this.#http1.size + this.#http2.size === 0) raw.destroy();
  }
}
function isQuiet(use: Use): boolean {
  if (use.active > 0 || use.count !== use.seen) {
    use.seen = use.count;
    use.quietLooks = 0;
    return false;
  }
  return ++use.quietLooks === QUIET_LOOKS;
}
