import { ApiError } from '../../schemas/meta/status.ts';
import type { Headers, Subscription } from '../bus.ts';
import { NO_HEADERS } from '../transport.ts';
import type { RawMessage, RawSubscription, Transport } from '../transport.ts';
import { SubjectTree } from './subject-tree.ts';

/** Same limit as the server's (`natsServerConfig`): what passes here passes there. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Hands messages over later, those from one connection to another in order. */
export type Deliver = (from: string, to: string, fn: () => void) => void;

interface Interest {
  readonly owner: MemoryTransport;
  readonly pattern: string;
  readonly queue: string | undefined;
  readonly onMessage: (message: RawMessage) => void;
  active: boolean;
}

/** The server's part: who is interested in what, and who of a queue gets the next message. */
export class MemorySwitch {
  readonly #interests = new SubjectTree<Interest>();
  readonly #random: () => number;
  readonly deliver: Deliver;
  readonly #loses: ((message: { readonly subject: string; readonly from: string }) => boolean) | undefined;
  constructor(
    deliver: Deliver,
    random: () => number,
    loses?: (message: { readonly subject: string; readonly from: string }) => boolean,
  ) {
    this.deliver = deliver;
    this.#loses = loses;
    this.#random = random;
  }
  add(interest: Interest): void {
    this.#interests.add(interest.pattern, interest);
  }
  remove(interest: Interest): void {
    this.#interests.remove(interest.pattern, interest);
  }
  route(from: MemoryTransport, message: RawMessage): void {
    if (this.#loses?.({ subject: message.subject, from: from.name })) return;
    let queues: Map<string, Interest[]> | undefined;
    let found = false;
    for (const interest of this.#interests.match(message.subject)) {
      if (!interest.owner.connected) continue;
      found = true;
      if (interest.queue === undefined) {
        this.#hand(from, interest, message);
        continue;
      }
      const members = (queues ??= new Map<string, Interest[]>()).get(interest.queue);
      if (members) members.push(interest);
      else queues.set(interest.queue, [interest]);
    }
    if (queues)
      for (const members of queues.values())
        this.#hand(from, members[Math.floor(this.#random() * members.length)]!, message);
    if (!found && message.reply !== '')
      this.route(from, { subject: message.reply, reply: '', headers: NO_HEADERS, bytes: NOTHING, noResponders: true });
  }
  #hand(from: MemoryTransport, interest: Interest, message: RawMessage): void {
    this.deliver(from.name, interest.owner.name, () => {
      if (interest.active && interest.owner.connected) interest.onMessage(message);
    });
  }
}
const NOTHING = new Uint8Array(0);

/** One connection to a MemorySwitch. */
export class MemoryTransport implements Transport {
  readonly name: string;
  readonly maxBytes = MAX_BYTES;
  connected = true;
  #closed = false;
  readonly #switch: MemorySwitch;
  readonly #interests = new Set<Interest>();
  readonly #listeners = new Set<(connected: boolean) => void>();
  constructor(name: string, hub: MemorySwitch) {
    this.name = name;
    this.#switch = hub;
  }

  publish(subject: string, bytes: Uint8Array, reply = '', headers: Headers = NO_HEADERS): void {
    if (bytes.length > MAX_BYTES)
      throw new ApiError('RequestEntityTooLarge', `a message of ${bytes.length} bytes is too large for the bus`);
    if (this.connected) this.#switch.route(this, { subject, reply, headers, bytes, noResponders: false });
  }
  subscribe(pattern: string, queue: string | undefined, onMessage: (message: RawMessage) => void): RawSubscription {
    const interest: Interest = { owner: this, pattern, queue, onMessage, active: true };
    this.#switch.add(interest);
    this.#interests.add(interest);
    const stop = (): void => {
      this.#switch.remove(interest);
      this.#interests.delete(interest);
    };
    return {
      unsubscribe: () => {
        interest.active = false;
        stop();
      },
      drain: async () => {
        stop();
        await this.flush().catch(() => undefined);
        interest.active = false;
      },
    };
  }
  flush(): Promise<void> {
    if (!this.connected) return Promise.reject(new ApiError('ServiceUnavailable', 'there is no connection to the bus'));
    return new Promise((resolve, reject) => {
      // From everyone: what is on its way from any of them is handed over first.
      this.#switch.deliver(EVERYONE, this.name, () => {
        if (this.connected) resolve();
        else reject(new ApiError('ServiceUnavailable', 'the connection to the bus was lost'));
      });
    });
  }
  onConnection(listener: (connected: boolean) => void): Subscription {
    this.#listeners.add(listener);
    return { unsubscribe: () => void this.#listeners.delete(listener) };
  }
  /** This hub refuses nobody. */
  onRefused(): Subscription {
    return { unsubscribe: () => undefined };
  }
  /** What a broken or mended cable does. */
  setConnected(connected: boolean): void {
    if (this.#closed || connected === this.connected) return;
    this.connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
  close(): Promise<void> {
    this.#closed = true;
    this.connected = false;
    for (const interest of this.#interests) {
      interest.active = false;
      this.#switch.remove(interest);
    }
    this.#interests.clear();
    return Promise.resolve();
  }
}

/** As a sender: after everything sent to that receiver by anyone. */
export const EVERYONE = '*';
