/** Connections to aggregated servers: who they must be, who this server is to them. */
import { Agent } from 'node:https';
import type { Bus } from '../../../bus/bus.ts';
import * as subjects from '../../../bus/subjects.ts';
import { createBackend, hostPort, type Backend, type BackendLocation } from '../outbound/backend.ts';
import { overBus } from '../outbound/over-bus.ts';
import { VerifyingAgent, type SourceOf } from '../../runtime/outbound/outbound.ts';
import { clusterAddress, resolveService, type ServiceGround } from '../outbound/services.ts';
import type { World } from '../../../bus/world.ts';
import type { UserInfo } from '../request.ts';
import { identityHeaders } from './identity.ts';
import type { RemoteService } from './registered.ts';

/** PEM of the certificate, and its key, by which aggregated servers know this one. */
export interface FrontProxy {
  readonly cert: string;
  readonly key: string;
}
export interface Transports {
  /** The address that a service is said to have. Throws: Error in the real server's words. */
  locate(service: RemoteService): BackendLocation;
  /** Throws if the bundle of authorities cannot be read. */
  to(service: RemoteService): Backend;
  /** Asks for a document. Rejects with Go's text, or if nothing has come in time. */
  ask(service: RemoteService, request: Ask): Promise<Told>;
  forget(name: string): void;
  close(): void;
}
interface Ask {
  readonly path: string;
  readonly as: UserInfo;
  readonly headers?: readonly string[];
  readonly timeoutMs: number;
}
export interface Told {
  readonly status: number;
  /** Of a header, '' if there is none; names in lower case. */
  readonly header: (name: string) => string;
  readonly body: Buffer;
}
interface Kept {
  readonly of: string;
  readonly agent: Agent;
  readonly backend: Backend;
}
/** Of a document of discovery or OpenAPI. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Source: net/http DefaultTransport IdleConnTimeout. */
const IDLE_MS = 90_000;

/** Source: kube-aggregator pkg/controllers/status/remote BuildTransportConfig. */
export function createTransports(
  {
    world,
    bus,
    sourceOf,
  }: { readonly world: Pick<World, 'clock'>; readonly bus: Bus; readonly sourceOf?: SourceOf | undefined },
  ground: ServiceGround,
  frontProxy: FrontProxy | undefined,
): Transports {
  const kept = new Map<string, Kept>();
  const forget = (name: string): void => {
    kept.get(name)?.agent.destroy();
    kept.delete(name);
  };
  const to = (remote: RemoteService): Backend => {
    if (remote.component !== undefined)
      return overBus(bus, subjects.extension(remote.component), `the component ${remote.component}`);
    const { namespace, name, port } = remote.service;
    const of = JSON.stringify([remote.service, remote.ca, remote.insecure]);
    const before = kept.get(remote.name);
    if (before?.of === of) return before.backend;
    if (remote.ca !== undefined && !remote.ca.includes('-----BEGIN CERTIFICATE-----'))
      throw new Error('unable to load root certificates: unable to parse bytes as PEM block');
    forget(remote.name);
    const servername = `${name}.${namespace}.svc`;
    const agent = remote.insecure ? new Agent({ keepAlive: true, timeout: IDLE_MS }) : new VerifyingAgent(world.clock);
    const backend = createBackend(
      world,
      {
        agent,
        dial: () => resolveService(ground, namespace, name, port),
        options: {
          servername,
          rejectUnauthorized: false,
          ...(!remote.insecure && { verifyAs: servername, ...(remote.ca !== undefined && { ca: remote.ca }) }),
          ...(frontProxy && { cert: frontProxy.cert, key: frontProxy.key }),
        },
      },
      sourceOf,
    );
    kept.set(remote.name, { of, agent, backend });
    return backend;
  };
  const locate = ({ service: { namespace, name, port }, component }: RemoteService): BackendLocation => ({
    scheme: 'https',
    ...(component === undefined ? clusterAddress(ground, namespace, name, port) : { host: component, port }),
  });
  return {
    to,
    locate,
    async ask(remote, { path, as, headers = [], timeoutMs }) {
      const location = locate(remote);
      let end = (): void => {};
      const late = Promise.withResolvers<never>();
      const timer = world.clock.setTimeout(() => {
        late.reject(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'));
        end();
      }, timeoutMs);
      const exchange = async (): Promise<Told> => {
        const all = ['Host', hostPort(location), ...headers, ...identityHeaders(as)];
        const found = await to(remote)({ to: location, method: 'GET', target: path, headers: all });
        end = found.end;
        const chunks: Buffer[] = [];
        let bytes = 0;
        for await (const chunk of found.body as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          if ((bytes += chunk.length) <= MAX_BYTES) continue;
          found.end();
          throw new Error(`the answer is longer than ${MAX_BYTES} bytes`);
        }
        return {
          status: found.status,
          header: (wanted) => headerOf(found.headers, wanted),
          body: Buffer.concat(chunks),
        };
      };
      try {
        return await Promise.race([exchange(), late.promise]);
      } finally {
        world.clock.clearTimeout(timer);
      }
    },
    forget,
    close() {
      for (const name of kept.keys()) forget(name);
    },
  };
}
function headerOf(headers: readonly string[], wanted: string): string {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === wanted) return headers[i + 1]!;
  return '';
}
