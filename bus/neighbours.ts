import type { Subscription } from './bus.ts';

/** A connection of this process. */
export interface Neighbour {
  readonly connected: boolean;
  /** Called with false when it has lost the bus or is gone. */
  onConnection(listener: (connected: boolean) => void): Subscription;
}
/**
 * The connections of this process by address, of all its threads. When the process dies so do they all, and when one of
 * them is lost the others hear of it at once: their sessions with each other need no heartbeats.
 */
export interface Neighbours {
  get(address: string): Neighbour | undefined;
  set(address: string, own: Neighbour): void;
  delete(address: string): void;
  /** Called with each address of another thread when it gets known: that of a peer may be known after its first session. */
  onJoin(listener: (address: string) => void): Subscription;
}
