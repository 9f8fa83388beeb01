import { createServer, type Server } from 'node:http';
import type { Logger } from '../../../bus/world.ts';
import type { Change } from '../plan/plan.ts';

interface Checked {
  readonly uid: string;
  readonly port: number;
  localReady: number;
  server: Server | undefined;
}
/** Where load balancers ask whether to send to this node: a door for each Service that wants to know. */
export interface HealthChecks {
  /** Opens and closes doors, and counts endpoints. Resolves when all that can be are open. */
  apply(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}
const quoted = JSON.stringify;

/** `failed`: a door could not be opened, which is told in a sentence. Source: pkg/proxy/healthcheck service_health.go. */
export function createHealthChecks(o: {
  readonly log: Logger;
  readonly nodeName: string;
  /** Addresses of the node that answer; undefined: all. */
  readonly host?: string | undefined;
  readonly isHealthy: () => boolean;
  readonly failed: (service: string, uid: string, message: string) => void;
}): HealthChecks {
  const checks = new Map<string, Checked>();
  const answer = (key: string, { localReady }: Checked): { readonly code: 200 | 503; readonly body: string } => {
    const [namespace, name] = key.split('/');
    const isHealthy = o.isHealthy();
    // Source: the template in hcHandler.ServeHTTP, tabs and all.
    const body = `{\n\t"service": {\n\t\t"namespace": ${quoted(namespace)},\n\t\t"name": ${quoted(name)}\n\t},\n\t"localEndpoints": ${localReady},\n\t"serviceProxyHealthy": ${isHealthy}\n}`;
    return { code: localReady > 0 && isHealthy ? 200 : 503, body };
  };
  const open = (key: string, check: Checked): Promise<void> =>
    new Promise((resolve) => {
      const server = createServer((_, response) => {
        const { code, body } = answer(key, check);
        response.writeHead(code, {
          'Content-Type': 'application/json',
          'X-Content-Type-Options': 'nosniff',
          'X-Load-Balancing-Endpoint-Weight': String(check.localReady),
        });
        response.end(body);
      });
      server.once('error', (error) => {
        const message = `node ${o.nodeName} failed to start healthcheck ${quoted(key)} on port ${check.port}: ${error.message}`;
        o.log.warn('health check of a service cannot be answered', { service: key, port: check.port, err: error });
        o.failed(key, check.uid, message);
        resolve();
      });
      server.listen(check.port, o.host, () => {
        check.server = server;
        if (checks.get(key) !== check) server.close();
        resolve();
      });
    });
  const shut = (check: Checked | undefined): Promise<void> => {
    const server = check?.server;
    if (server === undefined) return Promise.resolve();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return {
    async apply(changes) {
      for (const { key, after } of changes) {
        const known = checks.get(key);
        const port = after?.healthCheckNodePort ?? 0;
        if (after === undefined || port === 0 || known?.port !== port) {
          checks.delete(key);
          await shut(known);
        }
        if (after === undefined || port === 0) continue;
        const check = checks.get(key) ?? { uid: after.uid, port, localReady: 0, server: undefined };
        check.localReady = after.localReady;
        checks.set(key, check);
      }
      // Those of before too, whose port somebody else had.
      for (const [key, check] of checks) if (check.server === undefined) await open(key, check);
    },
    async close() {
      const open = [...checks.values()];
      checks.clear();
      await Promise.all(open.map(shut));
    },
  };
}
