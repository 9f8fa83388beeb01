import { BroadcastChannel, threadId } from 'node:worker_threads';
import type { Subscription } from '../bus.ts';
import type { Neighbour, Neighbours } from '../neighbours.ts';

const CHANNEL = 'kubus/neighbours';

/** What threads tell each other of their connections; `hello`: tell me of yours. */
type News =
  | { readonly type: 'hello' }
  | { readonly type: 'here' | 'lost' | 'gone'; readonly thread: number; readonly address: string }
  | { readonly type: 'ended'; readonly thread: number };

interface Own {
  readonly neighbour: Neighbour;
  readonly watch: Subscription;
}
class Other implements Neighbour {
  readonly thread: number;
  connected = true;
  readonly #listeners = new Set<(connected: boolean) => void>();
  constructor(thread: number) {
    this.thread = thread;
  }
  tell(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
  onConnection(listener: (connected: boolean) => void): Subscription {
    this.#listeners.add(listener);
    return { unsubscribe: () => void this.#listeners.delete(listener) };
  }
}

/** The neighbours that this process has in all its threads; a channel between them only once there is a connection. */
export function createThreadNeighbours(channelName = CHANNEL, thread = threadId): Neighbours & ThreadEnds {
  const own = new Map<string, Own>();
  const others = new Map<string, Other>();
  const joined = new Set<(address: string) => void>();
  /** Threads are numbered once. What the ended have said may still be under way. */
  const endedThreads = new Set<number>();
  let channel: BroadcastChannel | undefined;

  const say = (news: News): void => channel?.postMessage(news);
  const end = (of: number): void => {
    endedThreads.add(of);
    for (const [address, other] of others) {
      if (other.thread !== of) continue;
      others.delete(address);
      other.tell(false);
    }
  };
  const hear = (news: News): void => {
    if (news.type === 'hello') {
      for (const [address, { neighbour }] of own) if (neighbour.connected) say({ type: 'here', thread, address });
      return;
    }
    if (news.type === 'ended') return end(news.thread);
    if (endedThreads.has(news.thread)) return;
    if (news.type === 'here') {
      const known = others.get(news.address);
      if (known) return known.tell(true);
      others.set(news.address, new Other(news.thread));
      for (const listener of joined) listener(news.address);
      return;
    }
    const other = others.get(news.address);
    if (news.type === 'gone') others.delete(news.address);
    other?.tell(false);
  };
  const join = (): void => {
    if (channel) return;
    channel = new BroadcastChannel(channelName);
    channel.addEventListener('message', (event) => hear((event as MessageEvent).data as News));
    channel.unref();
    say({ type: 'hello' });
  };

  return {
    get: (address) => own.get(address)?.neighbour ?? others.get(address),
    set(address, neighbour) {
      join();
      const watch = neighbour.onConnection((connected) => {
        say({ type: connected ? 'here' : 'lost', thread, address });
      });
      own.set(address, { neighbour, watch });
      say({ type: 'here', thread, address });
    },
    delete(address) {
      own.get(address)?.watch.unsubscribe();
      if (!own.delete(address)) return;
      say({ type: 'gone', thread, address });
      if (own.size > 0) return;
      channel?.close();
      channel = undefined;
      others.clear();
    },
    onJoin(listener) {
      joined.add(listener);
      return { unsubscribe: () => void joined.delete(listener) };
    },
    ended(of) {
      // Also where there is no connection: the others may have some.
      join();
      end(of);
      say({ type: 'ended', thread: of });
    },
  };
}
export interface ThreadEnds {
  /** A thread ended without a word, as its owner saw: what was connected there is gone. */
  ended(thread: number): void;
}

/** Those of this process. */
export const neighbours = createThreadNeighbours();
