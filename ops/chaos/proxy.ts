import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What a proxy does with the bytes of every connection, also those that are made meanwhile.
 * `pass`: hands them on. `hold`: nothing moves and nobody is told, as in a partition; what TCP held arrives afterwards.
 * `cut`: connections are reset and new ones refused. A number: each byte arrives that many ms later.
 */
export type ProxyMode = 'pass' | 'hold' | 'cut' | number;

export interface Proxy {
  /** On 127.0.0.1. */
  readonly port: number;
  mode: ProxyMode;
  close(): Promise<void>;
}

/** Beyond it a slowed connection stops taking bytes. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  #queue: { readonly due: number; readonly chunk: Buffer }[] = [];
  #queued = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #mode: ProxyMode;

  constructor(from: Socket, to: Socket, mode: ProxyMode) {
    this.#from = from;
    this.#to = to;
    this.#mode = mode;
    from.on('data', (chunk: Buffer) => this.#onData(chunk));
    from.on('end', () => {
      this.#ended = true;
      this.#move();
    });
    to.on('drain', () => this.#steer());
  }
  set mode(mode: ProxyMode) {
    this.#mode = mode;
    this.#steer();
    this.#move();
  }
  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #onData(chunk: Buffer): void {
    const wait = typeof this.#mode === 'number' ? this.#mode : 0;
    this.#queue.push({ due: performance.now() + wait, chunk });
    this.#queued += chunk.length;
    this.#steer();
    this.#move();
  }
  #steer(): void {
    if (this.#mode === 'hold' || this.#queued > MAX_QUEUED_BYTES || this.#to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
  }
  #move(): void {
    clearTimeout(this.#timer);
    if (this.#mode === 'hold') return;
    const now = performance.now();
    let next = this.#queue[0];
    for (; next !== undefined && next.due <= now; next = this.#queue[0]) {
      this.#queue.shift();
      this.#queued -= next.chunk.length;
      this.#to.write(next.chunk);
    }
    this.#steer();
    if (next !== undefined) this.#timer = setTimeout(() => this.#move(), Math.max(1, next.due - now));
    else if (this.#ended) this.#to.end();
  }
}

/** A TCP proxy on 127.0.0.1 in front of `targetPort` there, so that a link can be harmed without touching a firewall. */
export async function startProxy(targetPort: number, mode: ProxyMode = 'pass'): Promise<Proxy> {
  const links = new Map<Socket, { readonly pipes: readonly Pipe[]; readonly destroy: () => void }>();
  let current = mode;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    if (current === 'cut') return void near.resetAndDestroy();
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pipes = [new Pipe(near, far, current), new Pipe(far, near, current)];
    const destroy = (): void => {
      if (!links.delete(near)) return;
      for (const pipe of pipes) pipe.close();
      // As the end of the other side would be told: by a reset, not by a goodbye.
      if (!near.destroyed) near.resetAndDestroy();
      if (!far.destroyed) far.resetAndDestroy();
    };
    links.set(near, { pipes, destroy });
    for (const socket of [near, far]) {
      socket.on('error', destroy);
      socket.on('close', () => {
        // In a partition the news of an end does not arrive either.
        if (current !== 'hold') destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get mode() {
      return current;
    },
    set mode(next) {
      current = next;
      for (const [near, { pipes, destroy }] of links) {
        if (next === 'cut' || (next !== 'hold' && near.destroyed)) destroy();
        else for (const pipe of pipes) pipe.mode = next;
      }
    },
    close: () =>
      new Promise((resolve) => {
        for (const { destroy } of links.values()) destroy();
        server.close(() => resolve());
      }),
  };
}
