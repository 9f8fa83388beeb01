import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createProbe, hostAndPort, type Probe } from './balancer-probe.ts';

export interface BalancerOptions {
  readonly host: string;
  readonly port: number;
  /** `host:port` each; every address of a name is one API server. */
  readonly to: readonly string[];
  /** PEM: what answers must have a certificate of this authority. Undefined: whoever accepts connections is ready. */
  readonly ca?: string | undefined;
  /** How often names are looked up and API servers asked; default 1000. */
  readonly intervalMs?: number | undefined;
  /** Told when an API server comes, goes, becomes ready or ceases to be. */
  readonly onChange?: ((text: string) => void) | undefined;
  /** Addresses of a name; default those that the system knows. */
  readonly lookup?: ((host: string) => Promise<readonly string[]>) | undefined;
}
export interface Balancer {
  readonly port: number;
  /** API servers that are ready. */
  ready(): number;
  /** Takes no new connection; resolves when those there are have ended, the last of them after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
interface Backend {
  readonly address: string;
  readonly probe: Probe;
  readonly sockets: Set<Socket>;
}
/** An address that does not answer a SYN is passed over after this. */
const CONNECT_MS = 500;

/**
 * A TCP balancer for API servers. A connection goes to the ready one with the fewest; one that refuses, or does not answer,
 * is passed over before the client has said a word, so that no client sees the death of an API server that it was not
 * connected to. Connections to one that died without a goodbye are ended: their clients would wait for ever.
 */
export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const backends = new Map<string, Backend>();
  const say = options.onChange ?? (() => undefined);
  const clients = new Set<Socket>();

  const choose = (tried: ReadonlySet<string>): Backend | undefined => {
    const left = [...backends.values()].filter((b) => !tried.has(b.address));
    const ready = left.filter((b) => b.probe.state() === 'ready');
    // When none says that it is ready, perhaps the question was at fault: the client may as well hear it from one of them.
    return (ready.length > 0 ? ready : left).toSorted((a, b) => a.sockets.size - b.sockets.size)[0];
  };
  const serve = async (client: Socket): Promise<void> => {
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    const tried = new Set<string>();
    for (let backend = choose(tried); backend !== undefined && !client.destroyed; backend = choose(tried)) {
      tried.add(backend.address);
      // Counted before it is there: many that come at once must not all choose the same.
      const attempt = dial(backend.address);
      backend.sockets.add(attempt.socket);
      const { sockets } = backend;
      attempt.socket.once('close', () => sockets.delete(attempt.socket));
      if (!(await attempt.connected)) {
        backend.probe.doubt();
        continue;
      }
      return join(client, attempt.socket);
    }
    // Nobody has read what it may have said.
    client.resetAndDestroy();
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    void serve(client);
  });
  const refresh = createRefresh(options, backends, say);
  await refresh.now();
  const port = await listening(server, options);
  return {
    port,
    ready: () => [...backends.values()].filter((b) => b.probe.state() === 'ready').length,
    close: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => clients.forEach((client) => client.destroy()), graceMs);
      await closed;
      clearTimeout(timer);
      refresh.stop();
    },
  };
}

/** Keeps the set of backends that of the addresses that the names stand for now. */
function createRefresh(
  { to, ca, intervalMs = 1000, lookup = systemLookup }: BalancerOptions,
  backends: Map<string, Backend>,
  say: (text: string) => void,
): { now(): Promise<void>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const add = (address: string): void => {
    const sockets = new Set<Socket>();
    const probe = createProbe({
      address,
      ca,
      intervalMs,
      onState: (state) => {
        say(`${address} is ${state}`);
        if (state === 'dead') sockets.forEach((socket) => socket.destroy());
      },
    });
    backends.set(address, { address, probe, sockets });
  };
  const now = async (): Promise<void> => {
    const found = new Set<string>();
    let sure = true;
    for (const target of to) {
      const at = target.lastIndexOf(':');
      try {
        for (const ip of await lookup(target.slice(0, at))) found.add(`${ip}:${target.slice(at + 1)}`);
      } catch (error) {
        // A name of which nothing is known has no API servers; names that cannot be asked for tell nothing.
        if (!['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '')) sure = false;
      }
    }
    if (stopped) return;
    for (const address of found) if (!backends.has(address)) add(address);
    for (const [address, { probe, sockets }] of backends) {
      if (!sure || found.has(address) || (probe.state() !== 'dead' && sockets.size > 0)) continue;
      say(`${address} is gone`);
      probe.stop();
      sockets.forEach((socket) => socket.destroy());
      backends.delete(address);
    }
  };
  const loop = (): void => {
    timer = setTimeout(() => {
      void now().finally(() => {
        if (!stopped) loop();
      });
    }, intervalMs);
  };
  loop();
  return {
    now,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      for (const { probe } of backends.values()) probe.stop();
    },
  };
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises');
  return (await lookup(host.replace(/^\[|\]$/g, ''), { all: true })).map((a) => a.address);
}
function dial(address: string): { readonly socket: Socket; readonly connected: Promise<boolean> } {
  const socket = connect({ ...hostAndPort(address), allowHalfOpen: true, noDelay: true });
  const connected = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
  socket.on('error', () => socket.destroy());
  return { socket, connected };
}
/** Bytes both ways; the end of one is the end of the other, half by half. */
function join(a: Socket, b: Socket): void {
  if (a.destroyed) return void b.destroy();
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    // A reset is passed on as one: what a client must not take for a complete answer must not look like one.
    from.once('close', (hadError) => {
      if (hadError || !from.readableEnded) to.resetAndDestroy();
      else if (from.writableFinished) to.destroySoon();
    });
    from.setKeepAlive(true, 30_000);
  }
}
function listening(server: Server, { host, port }: BalancerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
