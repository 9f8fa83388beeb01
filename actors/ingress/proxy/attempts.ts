import type { PodAddress } from '../../runtime/pod-dialer.ts';
import type { BackendKey } from '../routing/plan.ts';
import type { Upstream } from '../routing/upstreams.ts';
import type { BackendConnection } from './connection.ts';
import { addressOf } from './pool.ts';
import type { Proxy } from './proxy.ts';

const MOST_ATTEMPTS = 3;

export interface Reached {
  readonly connection: BackendConnection;
  readonly address: string;
}
/** Finds a backend's address that can be reached, each once: nothing was sent to one that could not. */
export class Attempts {
  readonly #proxy: Proxy;
  readonly #key: BackendKey;
  readonly #upstream: Upstream;
  readonly #tried = new Set<string>();
  #canceller: AbortController | undefined;
  #left = MOST_ATTEMPTS;
  #isCancelled = false;

  constructor(proxy: Proxy, key: BackendKey, upstream: Upstream) {
    this.#proxy = proxy;
    this.#key = key;
    this.#upstream = upstream;
  }
  cancel(): void {
    this.#isCancelled = true;
    this.#canceller?.abort(new Error('the client has gone'));
  }
  /** Calls one of both, at once where a connection is kept. `otherwise`: 502, or 504 where nobody answered in time. */
  next(mayReuse: boolean, found: (reached: Reached) => void, otherwise: (status: 502 | 504) => void): void {
    if (this.#upstream.kind === 'endpoints') return this.#among(this.#upstream.addresses, mayReuse, found, otherwise);
    if (this.#upstream.kind === 'none') return otherwise(502);
    const { host, port } = this.#upstream;
    void this.#proxy.resolve(host).then(
      (ips) => this.#among(ips.map((ip) => ({ ip, port })), mayReuse, found, otherwise),
      () => otherwise(502),
    ); // prettier-ignore
  }
  #among(
    addresses: readonly PodAddress[],
    mayReuse: boolean,
    found: (reached: Reached) => void,
    otherwise: (status: 502 | 504) => void,
    lastError?: unknown,
  ): void {
    const { pool, balancer } = this.#proxy;
    if (this.#isCancelled) return;
    const to = this.#left > 0 ? balancer.next(this.#key, addresses, this.#tried) : undefined;
    if (to === undefined)
      return otherwise((lastError as { code?: string } | undefined)?.code === 'ETIMEDOUT' ? 504 : 502);
    const address = addressOf(to);
    const kept = mayReuse ? pool.idle(address) : undefined;
    if (kept !== undefined) return found({ connection: kept, address });
    this.#left--;
    this.#tried.add(address);
    this.#canceller ??= new AbortController();
    pool.open(to, address, this.#canceller.signal).then(
      (connection) => {
        if (this.#isCancelled) connection.destroy();
        else found({ connection, address });
      },
      (error: unknown) => {
        if (this.#isCancelled) return;
        balancer.unreachable(address);
        this.#among(addresses, mayReuse, found, otherwise, error);
      },
    );
  }
}
