import type { SecureContextOptions } from 'node:tls';
import { createHash } from 'node:crypto';
import { delay, type World } from '../../../bus/world.ts';
import { OWN_PREFIX } from '../leases.ts';
import type { Store } from '../store.ts';
import { write } from '../verbs/write.ts';
import { CODES, toEtcdError } from './errors.ts';
import type { Refusal } from './grpc-reader.ts';
import { startGrpcServer } from './grpc-server.ts';
import type { Identity } from './maintenance.ts';
import { methodsOf } from './methods.ts';
import type { Writer } from './write.ts';

export interface EtcdDoorOptions {
  readonly world: World;
  readonly store: Store;
  readonly id: string;
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** PEM. Clients show a certificate of this authority; nobody else is let in. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } & SecureContextOptions;
}
export interface EtcdDoor {
  readonly port: number;
  stop(): Promise<void>;
}
/** Source: etcd server/embed DefaultMaxRequestBytes, and what the log takes. */
const MAX_MESSAGE = 16 << 20;
/** For calls under way when the door closes. */
const PATIENCE_MS = 2_000;

/**
 * etcd's v3 gRPC API over the store of this process: what etcdctl and kube-apiserver ask of an etcd. Requests are
 * answered from this facade's index and log as those on the bus are.
 */
export async function openEtcdDoor(options: EtcdDoorOptions): Promise<EtcdDoor> {
  const { world, store, host, port, tls } = options;
  const writer: Writer = { store, world };
  await begin(writer);
  const identity: Identity = { member: numberOf(options.id), name: options.id, url: '' };
  const refuse = (error: unknown, path: string): Refusal => {
    const refusal = toEtcdError(error);
    if (refusal.code === CODES.internal) world.log.error('a request of an etcd client failed', { err: error, path });
    return refusal;
  };
  const methods = methodsOf(writer, identity, numberOf('kubus'));
  const server = await startGrpcServer({ host, port, tls, methods, refuse, maxMessage: MAX_MESSAGE });
  Object.assign(identity, { url: `https://${host.includes(':') ? `[${host}]` : host}:${server.port}` });
  return {
    port: server.port,
    stop: async () => {
      const patience = new AbortController();
      await server.stop(delay(world.clock, PATIENCE_MS, patience.signal).catch(() => undefined));
      patience.abort();
    },
  };
}
/** A store is never at revision 0 for etcd's clients: they take it for no answer at all. */
async function begin({ store, world }: Writer): Promise<void> {
  await store.fresh();
  if (store.index.revision > 0) return;
  const request = { key: `${OWN_PREFIX}begun`, value: new Uint8Array(0), expect: 0, id: world.ids.token() };
  await write(store, request, { aborted: false });
}
/** Names of members and clusters are 64 bits in etcd. */
const numberOf = (name: string): bigint => createHash('sha256').update(name).digest().readBigUInt64BE();
