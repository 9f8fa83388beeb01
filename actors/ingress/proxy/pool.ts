import type { PodAddress, PodDialer } from '../../runtime/pod-dialer.ts';
import { BackendConnection, type ConnectionOwner } from './connection.ts';

/** Kept for later requests, of each address. */
const MOST_IDLE = 64;
/** Shorter than common servers keep theirs (5 s), so that few are found closed. In ticks of two seconds. */
const IDLE_TICKS = 2;

export const addressOf = ({ ip, port }: PodAddress): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** Connections to backends that wait for another request, by address; the newest first, so that the others can go. */
export class ConnectionPool {
  readonly #dial: PodDialer;
  readonly #idle = new Map<string, BackendConnection[]>();
  readonly #all = new Set<BackendConnection>();
  readonly #owner: ConnectionOwner;
  #ticks = 0;

  constructor(dial: PodDialer) {
    this.#dial = dial;
    this.#owner = {
      free: (connection) => {
        const list = this.#idle.get(connection.address);
        connection.freeSince = this.#ticks;
        if (list === undefined) this.#idle.set(connection.address, [connection]);
        else if (list.length >= MOST_IDLE) connection.destroy();
        else list.push(connection);
      },
      gone: (connection) => {
        this.#all.delete(connection);
        const list = this.#idle.get(connection.address);
        const at = list?.indexOf(connection) ?? -1;
        if (at >= 0) list!.splice(at, 1);
        if (list?.length === 0) this.#idle.delete(connection.address);
      },
    };
  }
  /** One that is there already. */
  idle(address: string): BackendConnection | undefined {
    return this.#idle.get(address)?.pop();
  }
  /** Rejects as the dialer does. */
  async open(to: PodAddress, address: string, signal?: AbortSignal): Promise<BackendConnection> {
    const connection = new BackendConnection(await this.#dial(to, signal), address, this.#owner);
    this.#all.add(connection);
    return connection;
  }
  /** Every two seconds; returns whether there is anything left to look after. */
  tick(): boolean {
    this.#ticks++;
    for (const list of this.#idle.values())
      for (const connection of list.toReversed())
        if (this.#ticks - connection.freeSince > IDLE_TICKS) connection.destroy();
    return this.#all.size > 0;
  }
  /** Ends those that wait for addresses that nobody is sent to any more. */
  keep(addresses: ReadonlySet<string>): void {
    for (const [address, list] of this.#idle)
      if (!addresses.has(address)) for (const connection of list.toReversed()) connection.destroy();
  }
  get size(): number {
    return this.#all.size;
  }
  close(): void {
    for (const connection of this.#all) connection.destroy();
  }
}
