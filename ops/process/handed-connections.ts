import type { Socket } from 'node:net';
import type { ConnectionSource } from '../../actors/apiserver/doors/https/server.ts';

/** Where the connections that somebody else accepted come out; those that come while nobody takes them wait. */
export class HandedConnections implements ConnectionSource {
  /** Told when somebody takes them. */
  onOpen: () => void = () => undefined;
  #onConnection: ((socket: Socket) => void) | undefined;
  readonly #waiting: Socket[] = [];

  get isOpen(): boolean {
    return this.#onConnection !== undefined;
  }
  take(onConnection: (socket: Socket) => void): () => void {
    this.#onConnection = onConnection;
    for (const socket of this.#waiting.splice(0)) onConnection(socket);
    this.onOpen();
    return () => {
      if (this.#onConnection === onConnection) this.#onConnection = undefined;
    };
  }
  hand(socket: Socket): void {
    if (this.#onConnection === undefined) this.#waiting.push(socket);
    else this.#onConnection(socket);
  }
}
