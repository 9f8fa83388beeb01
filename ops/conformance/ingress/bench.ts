/**
 * How much the ingress proxy carries: small answers over connections that are kept, backends and clients in processes of
 * their own, the table replaced all the while.
 *
 *     node ops/conformance/ingress/bench.ts [--connections 32] [--seconds 5] [--reload-ms 20] [--rules 200] [--direct]
 *
 * `--direct` asks the backend without a proxy between: what this machine can do at all.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { listenHttp } from '../../../actors/ingress/proxy/front.ts';
import { Proxy, type Table } from '../../../actors/ingress/proxy/proxy.ts';
import { CONTROLLER } from '../../../actors/ingress/routing/classes.ts';
import { planRouting } from '../../../actors/ingress/routing/plan.ts';
import { realWorld } from '../../../bus/real-world.ts';
import type { Ingress } from '../../../schemas/generated/networking-v1.ts';

const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'proxy' },
    port: { type: 'string', default: '0' },
    connections: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '5' },
    'reload-ms': { type: 'string', default: '20' },
    rules: { type: 'string', default: '200' },
    direct: { type: 'boolean', default: false },
  },
});
const BODY = 'hello from a backend\n';
interface Result {
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly latencies: { readonly p50: number; readonly p99: number };
}

if (values.role === 'backend') {
  const server = createServer((_, response) => {
    response.writeHead(200, ['Content-Type', 'text/plain', 'Content-Length', String(BODY.length)]);
    response.end(BODY);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
  process.on('disconnect', () => process.exit());
} else if (values.role === 'client') {
  process.send!(await load(Number(values.port), Number(values.connections), Number(values.seconds) * 1_000));
  process.disconnect();
} else await proxied();

/** Each connection asks, waits for the answer and asks again. */
async function load(port: number, connections: number, ms: number): Promise<Result> {
  const request = `GET /some/path?query=1 HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`;
  const latencies: number[] = [];
  let failed = 0;
  const end = performance.now() + ms;
  const one = (): Promise<void> =>
    new Promise((done) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      let heard = '';
      let since = 0;
      const ask = (): void => {
        if (performance.now() >= end) return void socket.end();
        heard = '';
        since = performance.now();
        socket.write(request);
      };
      socket.setEncoding('latin1');
      socket.on('connect', ask);
      socket.on('data', (chunk: string) => {
        heard += chunk;
        if (!heard.endsWith(BODY)) return;
        if (heard.startsWith('HTTP/1.1 200 ')) latencies.push(performance.now() - since);
        else failed++;
        ask();
      });
      socket.on('error', () => failed++);
      socket.on('close', () => {
        // One that is closed in between is a request that was lost, or would have been.
        if (performance.now() < end) failed++;
        done();
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { answered: latencies.length, failed, latencies: { p50: at(0.5), p99: at(0.99) } };
}
function start(role: string, ...more: string[]): { readonly child: ChildProcess; readonly said: Promise<unknown> } {
  const child = fork(import.meta.filename, ['--role', role, ...more], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  return { child, said: new Promise((resolve) => child.once('message', resolve)) };
}
async function proxied(): Promise<void> {
  const backends = [start('backend'), start('backend')];
  const ports = (await Promise.all(backends.map(({ said }) => said))) as number[];
  const count = Number(values.rules);
  const rules: Ingress[] = Array.from({ length: count }, (_, i) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: `i${i}`, namespace: 'default' },
    spec: {
      ingressClassName: 'kubus',
      rules: [
        {
          host: i === 0 ? 'bench.test' : `h${i}.test`,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: `s${i}`, port: { number: 80 } } } }],
          },
        },
      ],
    },
  }));
  const classes = [{ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'kubus' }, spec: { controller: CONTROLLER } }]; // prettier-ignore
  /** One of the two, or both: so that connections go out of use and come into it again. */
  const tableOf = (round: number): Table => {
    const routing = planRouting(rules, classes);
    const addresses = ports.map((_, i) => ({ ip: `10.0.0.${i}`, port: 80 })).filter((_, i) => round % 3 !== i);
    const upstream = { kind: 'endpoints', addresses } as const;
    return { routing, upstreams: new Map([...routing.backends.keys()].map((key) => [key, upstream])) };
  };
  const proxy = new Proxy({
    world: realWorld({ level: 'silent' }),
    dial: ({ ip }) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: ports[Number(ip.at(-1))]!, noDelay: true });
        socket.once('error', reject);
        socket.once('connect', () => resolve(socket));
      }),
    resolve: () => Promise.reject(new Error('no names')),
    table: tableOf(2),
  });
  const front = await listenHttp(proxy, { host: '127.0.0.1', port: 0 });
  let reloads = 0;
  const every = Number(values['reload-ms']);
  const timer = every > 0 ? setInterval(() => proxy.use(tableOf(++reloads)), every) : undefined;
  const cpu = process.cpuUsage();
  const client = start('client', '--port', String(values.direct ? ports[0] : front.port), '--connections', values.connections, '--seconds', values.seconds); // prettier-ignore
  const { answered, failed, latencies } = (await client.said) as Result;
  const used = process.cpuUsage(cpu);
  clearInterval(timer);
  const seconds = Number(values.seconds);
  const share = (used.user + used.system) / 10_000 / seconds;
  console.log(
    `${Math.round(answered / seconds)} requests/s, ${failed} lost, ${reloads} reloads, p50 ${latencies.p50.toFixed(2)} ms, p99 ${latencies.p99.toFixed(2)} ms; this process ${share.toFixed(0)} % CPU, ${((used.user + used.system) / Math.max(answered, 1)).toFixed(0)} us a request`,
  );
  front.close();
  proxy.close();
  for (const { child } of backends) child.disconnect();
}
