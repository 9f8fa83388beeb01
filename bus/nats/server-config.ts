import { permissionsFor } from '../credentials.ts';
import type { NatsUser } from '../credentials.ts';

export interface NatsServerOptions {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Folder of the store; undefined: no JetStream. */
  readonly storeDir?: string | undefined;
  /** Acknowledged writes may be lost with the machine: no fsync. Default false. */
  readonly disposable?: boolean | undefined;
  /** Undefined or empty: whoever reaches the port may do everything. Only for tests. */
  readonly users?: readonly NatsUser[] | undefined;
  /** PEM files. Required wherever the port is reachable from other machines. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string } | undefined;
  /** Name of this server; required with `cluster` and JetStream. */
  readonly serverName?: string | undefined;
  readonly cluster?: { readonly name: string; readonly listen: string; readonly routes: readonly string[] } | undefined;
  /** Largest message; default 4 MiB: an object of 1.5 MB, an API request of 3 MiB, with room. */
  readonly maxPayloadBytes?: number | undefined;
}

/** Configuration of nats-server (its format is a superset of JSON): who may say and hear what, where the store is. */
export function natsServerConfig(options: NatsServerOptions): string {
  const users = options.users ?? [];
  return `${JSON.stringify(
    {
      ...(options.serverName !== undefined && { server_name: options.serverName }),
      listen: `${options.host ?? '127.0.0.1'}:${options.port}`,
      max_payload: options.maxPayloadBytes ?? 4 * 1024 * 1024,
      // A subscriber that stalls for longer, or is further behind, is cut off: it must list again anyway.
      write_deadline: '5s',
      max_pending: 64 * 1024 * 1024,
      ...(options.storeDir !== undefined && {
        jetstream: { store_dir: options.storeDir, ...(!options.disposable && { sync_interval: 'always' }) },
      }),
      ...(users.length > 0 && { authorization: { users: users.map(userConfig) } }),
      ...(options.tls && {
        tls: {
          cert_file: options.tls.certFile,
          key_file: options.tls.keyFile,
          ...(options.tls.caFile !== undefined && { ca_file: options.tls.caFile }),
        },
      }),
      ...(options.cluster && {
        cluster: { name: options.cluster.name, listen: options.cluster.listen, routes: options.cluster.routes },
      }),
    },
    null,
    2,
  )}\n`;
}

function userConfig(user: NatsUser): unknown {
  const { publish, subscribe, allowResponses } = permissionsFor(user.spec);
  return {
    nkey: user.publicKey,
    permissions: {
      publish: { allow: publish },
      subscribe: { allow: subscribe },
      ...(allowResponses && {
        allow_responses: { max: allowResponses.max, expires: `${allowResponses.expiresSeconds}s` },
      }),
    },
  };
}
