import { isIP } from 'node:net';
import { ApiError } from '../../schemas/meta/status.ts';
import type { NatsUser } from '../credentials.ts';
import { permissionsFor } from '../permissions.ts';
import type { Permissions } from '../permissions.ts';

/** PEM files of one server. */
export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
}
export interface NatsServerOptions {
  readonly port: number;
  /** Default 127.0.0.1. Any address that other machines reach needs `tls` and `users`. */
  readonly host?: string | undefined;
  /** Folder of the store; undefined: no JetStream. */
  readonly storeDir?: string | undefined;
  /** Acknowledged writes may be lost with the machine: no fsync. Default false. */
  readonly disposable?: boolean | undefined;
  /** Undefined or empty: whoever reaches the port may do everything. Only for tests. */
  readonly users?: readonly NatsUser[] | undefined;
  /** Who decides about users that are not listed: nodes that join by a token. Undefined: they are refused. */
  readonly callout?: CalloutKeys | undefined;
  /** Public key of the user who may ask servers about their connections and end them, and nothing else. */
  readonly systemUser?: string | undefined;
  readonly tls?: ServerTls | undefined;
  /** Name of this server; required with `cluster` and JetStream. */
  readonly serverName?: string | undefined;
  readonly cluster?: ClusterOptions | undefined;
  /** `http://127.0.0.1:<port>/healthz`, for health checks on the same machine. Default: none. */
  readonly monitorPort?: number | undefined;
  /** Largest message; default 4 MiB: an object of 1.5 MB, an API request of 3 MiB, with room. */
  readonly maxPayloadBytes?: number | undefined;
}
export interface ClusterOptions {
  readonly name: string;
  /** `<address>:<port>` for the other servers. */
  readonly listen: string;
  /** `nats://<host>:<port>` of all servers; this one may be among them. */
  readonly routes: readonly string[];
  /**
   * Both ends of a route show a certificate of this authority (`caFile`, required), which therefore must sign nothing but
   * servers: whoever has one may say and hear everything.
   */
  readonly tls?: (ServerTls & { readonly caFile: string }) | undefined;
}
/** Public keys of the authority that signs node credentials, and of the box that requests to it are sealed in. */
export interface CalloutKeys {
  /** `A...` */
  readonly issuer: string;
  /** `X...` */
  readonly box: string;
}

/** How long the authority for nodes has to decide: it asks the API server. */
const DECISION_SECONDS = 5;

/**
 * Configuration of nats-server (its format is a superset of JSON): who may say and hear what, where the store is.
 * Thrown: ApiError Invalid for a server that others could reach in clear text, or without credentials.
 */
export function natsServerConfig(options: NatsServerOptions): string {
  const users = options.users ?? [];
  const { tls, cluster, callout } = options;
  refuseInTheOpen(options);
  return `${JSON.stringify(
    {
      ...(options.serverName !== undefined && { server_name: options.serverName }),
      listen: listenOn(options.host ?? '127.0.0.1', options.port),
      ...(options.monitorPort !== undefined && { http: `127.0.0.1:${options.monitorPort}` }),
      max_payload: options.maxPayloadBytes ?? 4 * 1024 * 1024,
      // A subscriber that stalls for longer, or is further behind, is cut off: it must list again anyway.
      write_deadline: '5s',
      max_pending: 64 * 1024 * 1024,
      // Told to leave (SIGUSR2) it hands over its leaderships, then sends its clients away one a second: nothing stands still.
      lame_duck_grace_period: '1s',
      lame_duck_duration: '30s',
      ...(options.storeDir !== undefined && {
        jetstream: { store_dir: options.storeDir, ...(!options.disposable && { sync_interval: 'always' }) },
      }),
      ...(users.length > 0 && {
        authorization: {
          users: users.map(userConfig),
          ...(callout && {
            timeout: DECISION_SECONDS,
            // Those who are listed are known without asking: the cluster starts before there is anyone to ask.
            auth_callout: {
              issuer: callout.issuer,
              xkey: callout.box,
              auth_users: [...users.map((user) => user.publicKey), ...[options.systemUser ?? []].flat()],
            },
          }),
        },
      }),
      ...(options.systemUser !== undefined && {
        accounts: { $SYS: { users: [{ nkey: options.systemUser, permissions: SYSTEM_PERMISSIONS }] } },
      }),
      ...(tls && { tls: tlsConfig(tls) }),
      // Others can serve in place of one that is stopped or cut off, once the server knows: within 3 s.
      ...(cluster && { ping_interval: '1s', ping_max: 2 }),
      ...(cluster && {
        cluster: {
          name: cluster.name,
          listen: cluster.listen,
          routes: cluster.routes,
          ...(cluster.tls && { tls: { ...tlsConfig(cluster.tls), verify: true, timeout: 5 } }),
        },
      }),
    },
    null,
    2,
  )}\n`;
}

/** First token of the addresses of the user who looks after the servers' connections. */
export const SYSTEM_ID = 'system';
const SYSTEM_PERMISSIONS = {
  publish: { allow: ['$SYS.REQ.SERVER.PING.CONNZ', '$SYS.REQ.SERVER.*.KICK'] },
  subscribe: { allow: [`_INBOX.${SYSTEM_ID}.>`] },
};

const tlsConfig = (tls: ServerTls): Record<string, string> => ({
  cert_file: tls.certFile,
  key_file: tls.keyFile,
  ...(tls.caFile !== undefined && { ca_file: tls.caFile }),
});
const listenOn = (host: string, port: number): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.[\d.]+$/.test(host);

function refuseInTheOpen({ host = '127.0.0.1', tls, users = [], cluster }: NatsServerOptions): void {
  const refuse = (message: string): never => {
    throw new ApiError('Invalid', message);
  };
  if (!isLoopback(host)) {
    if (tls === undefined) refuse(`a bus on ${host} can be reached by other machines: it needs TLS`);
    if (users.length === 0) refuse(`a bus on ${host} can be reached by other machines: it needs credentials`);
  }
  const routeHost = cluster?.listen.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (routeHost !== undefined && !isLoopback(routeHost) && cluster?.tls === undefined)
    refuse(`routes on ${routeHost} can be reached by other machines: they need TLS`);
}

function userConfig(user: NatsUser): unknown {
  return { nkey: user.publicKey, permissions: permissionsConfig(permissionsFor(user.spec)) };
}
const permissionsConfig = ({ publish, neverPublish, subscribe }: Permissions): unknown => ({
  publish: { allow: publish, ...(neverPublish.length > 0 && { deny: neverPublish }) },
  subscribe: { allow: subscribe },
});
