import { createServer, type RequestListener, type Server } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, createServer as createTcp, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { realWorld } from '../../../bus/real-world.ts';
import type { World } from '../../../bus/world.ts';
import type { PodDialer } from '../../runtime/pod-dialer.ts';
import { listenHttp, listenHttps, type Front } from '../proxy/front.ts';
import { Proxy } from '../proxy/proxy.ts';
import { planRouting } from '../routing/plan.ts';
import type { Upstream } from '../routing/upstreams.ts';
import { ingress, ingressClass } from './objects.ts';

/** A proxy on loopback, and servers behind it whose addresses are only names. */
export interface FrontBench {
  readonly proxy: Proxy;
  readonly http: Front;
  /** Connections opened to backends so far. */
  dialled: number;
  /** Another backend; returns the address that endpoints name it by. */
  backend(listener: RequestListener): Promise<Backend>;
  /** One that speaks in bytes. */
  raw(onSocket: (socket: Socket) => void): Promise<Backend>;
  /** All requests go to these. */
  to(...backends: readonly Backend[]): void;
  use(upstream: Upstream): void;
  https(tls: Parameters<typeof listenHttps>[2]): Promise<Front>;
  http2(front: Front, ca: string, servername: string): ClientHttp2Session;
  /** Sends bytes, and returns all that comes until the connection ends. */
  say(text: string): Promise<string>;
  stop(): Promise<void>;
}
export interface Backend {
  readonly ip: string;
  readonly server: Server | TcpServer;
  readonly requests: () => number;
}
export async function frontBench(
  o: { readonly world?: World; readonly resolve?: Proxy['resolve'] } = {},
): Promise<FrontBench> {
  const ports = new Map<string, number>();
  const backends: { readonly server: Server | TcpServer; readonly sockets: Set<Socket> }[] = [];
  const clients: ClientHttp2Session[] = [];
  const fronts: Front[] = [];
  const dial: PodDialer = ({ ip }, signal) =>
    new Promise((resolve, reject) => {
      bench.dialled++;
      const socket = connect({ host: '127.0.0.1', port: ports.get(ip) ?? 1, noDelay: true });
      signal?.addEventListener('abort', () => socket.destroy(signal.reason as Error), { once: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  const routing = planRouting([ingress('i', { '': ['/ -> web:80'] })], [ingressClass()]);
  const [key = ''] = routing.backends.keys();
  const nobody = { kind: 'none', why: 'nobody' } as const;
  const world = o.world ?? realWorld({ level: 'silent' });
  const resolve = o.resolve ?? (() => Promise.reject(new Error('no names here')));
  const proxy = new Proxy({ world, dial, resolve, table: { routing, upstreams: new Map([[key, nobody]]) } });
  const http = await listenHttp(proxy, { host: '127.0.0.1', port: 0 });
  fronts.push(http);
  const start = async (server: Server | TcpServer, requests: () => number): Promise<Backend> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    backends.push({ server, sockets });
    const ip = `10.0.0.${backends.length}`;
    ports.set(ip, (server.address() as AddressInfo).port);
    return { ip, server, requests };
  };
  const bench: FrontBench = {
    proxy,
    http,
    dialled: 0,
    async backend(listener) {
      let count = 0;
      const server = createServer((request, response) => {
        count++;
        listener(request, response);
      });
      return start(server, () => count);
    },
    raw: (onSocket) => start(createTcp({ allowHalfOpen: true }, onSocket), () => 0),
    to: (...some) => bench.use({ kind: 'endpoints', addresses: some.map(({ ip }) => ({ ip, port: 80 })) }),
    use: (upstream) => proxy.use({ routing, upstreams: new Map([[key, upstream]]) }),
    async https(tls) {
      const front = await listenHttps(proxy, { host: '127.0.0.1', port: 0 }, tls);
      fronts.push(front);
      return front;
    },
    http2(front, ca, servername) {
      const session = connectHttp2(`https://127.0.0.1:${front.port}`, { ca, servername });
      session.on('error', () => undefined);
      clients.push(session);
      return session;
    },
    say: (text) =>
      new Promise((done, reject) => {
        const socket = connect({ host: '127.0.0.1', port: http.port });
        let heard = '';
        socket.setEncoding('latin1');
        socket.on('data', (chunk: string) => (heard += chunk));
        socket.on('close', () => done(heard));
        socket.on('error', reject);
        socket.write(text, 'latin1');
      }),
    async stop() {
      for (const session of clients) session.destroy();
      for (const front of fronts) front.close();
      proxy.close();
      for (const { server, sockets } of backends) {
        for (const socket of sockets) socket.destroy();
        await new Promise((done) => server.close(done));
      }
    },
  };
  return bench;
}
