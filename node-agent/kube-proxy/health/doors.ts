import { createServer, type Server } from 'node:http';
import { delay, type World } from '../../../bus/world.ts';
import type { Registry } from '../../../actors/runtime/metrics/registry.ts';
import { buildInfo, processFamilies } from '../../../actors/runtime/metrics/process.ts';
import type { ProxyMode } from '../backend.ts';
import type { KubeProxyMetrics } from '../metrics.ts';
import type { Liveness } from './liveness.ts';

/** Where a proxy tells of itself; undefined: nowhere. Ports of upstream are 10256 and 10249. */
export interface DoorAddresses {
  readonly healthz?: { readonly host: string; readonly port: number } | undefined;
  readonly metrics?: { readonly host: string; readonly port: number } | undefined;
}
interface Page {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}
const text = (body: string, code = 200): Page => ({ code, type: 'text/plain; charset=utf-8', body });
/** Source: cmd/kube-proxy/app serveHealthz, serveMetrics. */
const AGAIN_MS = 5_000;

/** Opens `/healthz` and `/livez`, `/metrics` and `/proxyMode`; a port that another has is tried again. Resolves once both were tried. */
export async function openDoors(o: {
  readonly world: World;
  readonly addresses: DoorAddresses;
  readonly mode: () => ProxyMode;
  readonly liveness: Liveness;
  readonly isEligible: () => boolean;
  readonly metrics: KubeProxyMetrics;
  readonly registry: Registry;
}): Promise<{ close(): Promise<void> }> {
  const { world, addresses, liveness, metrics } = o;
  const end = new AbortController();
  const servers: Server[] = [];
  const pages: Readonly<Record<string, Readonly<Record<string, () => Page | Promise<Page>>>>> = {
    healthz: {
      '/healthz': () => {
        const { code, body } = liveness.report(o.isEligible());
        metrics.healthz(code);
        return { code, type: 'application/json', body };
      },
      '/livez': () => {
        const { code, body } = liveness.report();
        metrics.livez(code);
        return { code, type: 'application/json', body };
      },
    },
    metrics: {
      '/healthz': () => text('ok'),
      '/proxyMode': () => text(o.mode()),
      '/metrics': async () => {
        const families = [...o.registry.families(), buildInfo, ...(await processFamilies())];
        return text(families.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap(({ lines }) => lines).join('\n').concat('\n')); // prettier-ignore
      },
    },
  };
  const open = (which: 'healthz' | 'metrics'): Promise<void> =>
    new Promise((resolve) => {
      const address = addresses[which];
      if (address === undefined) return resolve();
      const server = createServer((request, response) => {
        const page = pages[which]?.[(request.url ?? '').split('?')[0] ?? ''] ?? (() => text('404 page not found\n', 404));
        void Promise.resolve(page()).then(({ code, type, body }) =>
          response.writeHead(code, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' }).end(body),
        );
      });
      server.once('error', (error) => {
        world.log.warn('a port of the proxy is taken', { which, ...address, err: error });
        resolve();
        void delay(world.clock, AGAIN_MS, end.signal).then(() => open(which), () => undefined);
      });
      server.listen(address.port, address.host, () => {
        servers.push(server);
        if (end.signal.aborted) server.close();
        resolve();
      });
    }); // prettier-ignore
  await Promise.all([open('healthz'), open('metrics')]);
  return {
    async close() {
      end.abort();
      await Promise.all(
        servers.map((server) => {
          server.closeAllConnections();
          return new Promise<void>((resolve) => server.close(() => resolve()));
        }),
      );
    },
  };
}
