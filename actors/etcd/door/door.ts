import type { SecureContextOptions } from 'node:tls';
import { createHash } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import type { World } from '../../../bus/world.ts';
import { OWN_PREFIX } from '../leases.ts';
import type { Store } from '../store.ts';
import { write } from '../verbs/write.ts';
import { beyond, CODES, EtcdError, toEtcdError } from './errors.ts';
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts';
import { compaction, hashKv, memberList, snapshot, status, type Identity } from './maintenance.ts';
import { decodeMessage, encodeMessage, type Message, type MessageName } from './messages.ts';
import { range } from './range.ts';
import { txn } from './txn.ts';
import { Watches } from './watch.ts';
import { deleteRange, put, type Writer } from './write.ts';

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
type Unary = (request: Message, signal: AbortSignal) => Message | Promise<Message>;

/** Source: etcd server/embed DefaultMaxRequestBytes, and what the log takes. */
const MAX_MESSAGE = 16 << 20;

/**
 * etcd's v3 gRPC API over the store of this process: what etcdctl and kube-apiserver ask of an etcd. Requests are
 * answered from this facade's index and log as those on the bus are.
 */
export async function openEtcdDoor(options: EtcdDoorOptions): Promise<EtcdDoor> {
  const { world, store, host, port, tls } = options;
  const writer: Writer = { store, world };
  await begin(writer);
  const identity: Identity = { member: numberOf(options.id), name: options.id, url: '' };
  const cluster = numberOf('kubus');
  const header = (): Message => ({
    cluster_id: cluster,
    member_id: identity.member,
    revision: store.index.revision,
    raft_term: 1n,
  });
  /** Of what wrote: the revision at which it did. */
  const headerOf = (answer: Message): Message => ({ ...header(), ...(answer['header'] as Message | undefined) });
  const calls = new Calls();

  const unary = (path: string, request: MessageName, response: MessageName, serve: Unary) => ({
    definition: { ...methodOf(path, request, response), requestStream: false, responseStream: false },
    handler: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>): void => {
      const gone = calls.begin(call);
      serveSafely(() => serve(call.request, gone.signal))
        .then((answer) => done(null, { ...answer, header: headerOf(answer) }))
        .catch((error: unknown) => done(refusal(world, path, error)))
        .finally(() => calls.end(gone));
    },
  });
  const stream = (
    path: string,
    request: MessageName,
    response: MessageName,
    serve: (call: grpc.ServerDuplexStream<Message, Message>) => void,
  ) => ({
    definition: { ...methodOf(path, request, response), requestStream: true, responseStream: true },
    handler: serve,
  });

  const KV = 'etcdserverpb.KV';
  const LEASE = 'etcdserverpb.Lease';
  const MAINTENANCE = 'etcdserverpb.Maintenance';
  const methods = [
    unary(`${KV}/Range`, 'RangeRequest', 'RangeResponse', (request) => range(store, request)),
    unary(`${KV}/Put`, 'PutRequest', 'PutResponse', (request, signal) => put(writer, request, signal)),
    unary(`${KV}/DeleteRange`, 'DeleteRangeRequest', 'DeleteRangeResponse', (request, signal) => deleteRange(writer, request, signal)),
    unary(`${KV}/Txn`, 'TxnRequest', 'TxnResponse', (request, signal) => txn(writer, request, signal)),
    unary(`${KV}/Compact`, 'CompactionRequest', 'CompactionResponse', (request) => compaction(store, request)),
    unary(`${LEASE}/LeaseGrant`, 'LeaseGrantRequest', 'LeaseGrantResponse', (request, signal) => leaseGrant(writer, request, signal)),
    unary(`${LEASE}/LeaseRevoke`, 'LeaseRevokeRequest', 'LeaseRevokeResponse', (request, signal) => leaseRevoke(writer, request, signal)),
    unary(`${LEASE}/LeaseTimeToLive`, 'LeaseTimeToLiveRequest', 'LeaseTimeToLiveResponse', (request) => leaseTimeToLive(writer, request)),
    unary(`${LEASE}/LeaseLeases`, 'Empty', 'LeaseLeasesResponse', () => leaseLeases(writer)),
    unary('etcdserverpb.Cluster/MemberList', 'Empty', 'MemberListResponse', () => memberList(identity)),
    unary(`${MAINTENANCE}/Status`, 'Empty', 'StatusResponse', () => status(store, identity)),
    unary(`${MAINTENANCE}/Alarm`, 'Empty', 'AlarmResponse', () => ({})),
    unary(`${MAINTENANCE}/Defragment`, 'Empty', 'DefragmentResponse', () => ({})),
    ...REFUSED.flatMap(([service, names, why]) => names.map((name) => unary(`etcdserverpb.${service}/${name}`, 'Empty', 'Empty', () => { throw beyond(why); }))),
    unary(`${MAINTENANCE}/MoveLeader`, 'Empty', 'Empty', () => { throw new EtcdError('failedPrecondition', 'bad leader transferee'); }),
    unary('etcdserverpb.Auth/AuthStatus', 'Empty', 'AuthStatusResponse', () => ({ authRevision: 1 })),
    unary('etcdserverpb.Auth/AuthDisable', 'Empty', 'AuthResponse', () => ({})),
    unary('etcdserverpb.Auth/Authenticate', 'Empty', 'AuthResponse', () => { throw new EtcdError('failedPrecondition', 'authentication is not enabled'); }),
    unary('grpc.health.v1.Health/Check', 'Empty', 'HealthCheckResponse', () => ({ status: 1 })),
    unary(`${MAINTENANCE}/HashKV`, 'HashKVRequest', 'HashKVResponse', (request) => hashKv(store, request)),
    stream(`${LEASE}/LeaseKeepAlive`, 'LeaseKeepAliveRequest', 'LeaseKeepAliveResponse', (call) => {
      const gone = calls.begin(call);
      inTurn(world, `${LEASE}/LeaseKeepAlive`, call, async (request) => {
        const answer = await leaseKeepAlive(writer, request, gone.signal);
        call.write({ ...answer, header: header() });
      }, () => calls.end(gone));
    }),
    stream('etcdserverpb.Watch/Watch', 'WatchRequest', 'WatchResponse', (call) => {
      const watches = new Watches(store, { send: (response) => call.write(response), drained: () => drained(call), fail: (error) => void call.destroy(refusal(world, 'Watch', error)) }, header);
      call.once('close', () => watches.close());
      call.once('cancelled', () => watches.close());
      inTurn(world, 'etcdserverpb.Watch/Watch', call, (request) => watches.request(request), () => watches.close());
    }),
    {
      definition: { ...methodOf(`${MAINTENANCE}/Snapshot`, 'Empty', 'SnapshotResponse'), requestStream: false, responseStream: true },
      handler: (call: grpc.ServerWritableStream<Message, Message>): void => {
        sendAll(call, snapshot(store), header).catch((error: unknown) => call.destroy(refusal(world, 'Snapshot', error)));
      },
    },
  ]; // prettier-ignore

  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE,
    'grpc.max_send_message_length': -1,
  });
  for (const { definition, handler } of methods)
    server.addService({ [definition.path]: definition }, { [definition.path]: handler });
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(tls.ca), [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }], true); // prettier-ignore
  const named = host.includes(':') ? `[${host}]` : host;
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${named}:${port}`, credentials, (error, at) => (error ? reject(error) : resolve(at)));
  });
  Object.assign(identity, { url: `https://${named}:${bound}` });
  return {
    port: bound,
    stop: () =>
      new Promise((resolve) => {
        calls.close();
        server.tryShutdown(() => resolve());
        server.forceShutdown();
      }),
  };
}
const ONE_AUTHORITY =
  'users and roles: this store lets in whoever shows a certificate of its authority, and nobody else';
const NO_RAFT = 'members: each is a process that serves the one log, so none is added or removed: start another';
/** What etcd has and a store without raft and without users does not, and what stands in its place. */
const REFUSED: readonly (readonly [service: string, names: readonly string[], why: string])[] = [
  ['Auth', ['AuthEnable', 'UserAdd', 'UserGet', 'UserList', 'UserDelete', 'UserChangePassword', 'UserGrantRole', 'UserRevokeRole', 'RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'], ONE_AUTHORITY],
  ['Cluster', ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'], NO_RAFT],
  ['Maintenance', ['Downgrade'], 'downgrades: the version is that of the API, and the data is not etcd\'s'],
]; // prettier-ignore

/** A store is never at revision 0 for etcd's clients: they take it for no answer at all. */
async function begin({ store, world }: Writer): Promise<void> {
  await store.fresh();
  if (store.index.revision > 0) return;
  const request = { key: `${OWN_PREFIX}begun`, value: new Uint8Array(0), expect: 0, id: world.ids.token() };
  await write(store, request, new AbortController().signal);
}
/** Names of members and clusters are 64 bits in etcd. */
const numberOf = (name: string): bigint => createHash('sha256').update(name).digest().readBigUInt64BE();

const methodOf = (path: string, request: MessageName, response: MessageName) => ({
  path: `/${path}`,
  requestSerialize: (message: Message) => encodeMessage(request, message),
  requestDeserialize: (bytes: Buffer) => decodeMessage(request, bytes),
  responseSerialize: (message: Message) => encodeMessage(response, message),
  responseDeserialize: (bytes: Buffer) => decodeMessage(response, bytes),
});
/** What throws at once and what rejects are one. */
const serveSafely = async (serve: () => Message | Promise<Message>): Promise<Message> => await serve();

/** Made once: an error of its own for each call that is over would cost more than the rest of its ending. */
const GONE = new Error('the caller is gone, or the door closes');
type Cancelled = { once(event: 'cancelled', listener: () => void): unknown };
/** The signals of calls that are under way; joining each with a long-lived one is dear, and leaves a trace with that. */
class Calls {
  readonly #open = new Set<AbortController>();
  #closed = false;
  /** Aborted when the caller goes or the door closes; `end` when it was answered. */
  begin(call: Cancelled): AbortController {
    const gone = new AbortController();
    this.#open.add(gone);
    call.once('cancelled', () => {
      if (this.end(gone)) gone.abort(GONE);
    });
    if (this.#closed) gone.abort(GONE);
    return gone;
  }
  end(gone: AbortController): boolean {
    return this.#open.delete(gone);
  }
  close(): void {
    this.#closed = true;
    for (const gone of this.#open) gone.abort(GONE);
    this.#open.clear();
  }
}
function refusal(
  world: World,
  path: string,
  error: unknown,
): Error & Pick<grpc.ServiceError, 'code' | 'details' | 'metadata'> {
  const { code, details } = toEtcdError(error);
  if (code === CODES.internal) world.log.error('a request of an etcd client failed', { err: error, path });
  return Object.assign(new Error(details), { code, details, metadata: new grpc.Metadata() });
}
/** The messages of a stream one after the other. */
function inTurn(
  world: World,
  path: string,
  call: grpc.ServerDuplexStream<Message, Message>,
  serve: (request: Message) => Promise<void>,
  onEnd: () => void = () => undefined,
): void {
  let last = Promise.resolve();
  call.on('data', (request: Message) => {
    // No more is read than is served: what a client sends faster waits with it.
    call.pause();
    last = last
      .then(() => serve(request))
      .catch((error: unknown) => void call.destroy(refusal(world, path, error)))
      .finally(() => call.resume());
  });
  call.on('error', onEnd);
  call.on('end', () => {
    void last.then(() => {
      onEnd();
      call.end();
    });
  });
}
const drained = (call: grpc.ServerDuplexStream<Message, Message>): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'cancelled']) call.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'cancelled']) call.once(event, done);
  });
async function sendAll(
  call: grpc.ServerWritableStream<Message, Message>,
  messages: AsyncIterable<Message>,
  header: () => Message,
): Promise<void> {
  for await (const message of messages) if (!call.write({ ...message, header: header() })) await drained(call as never);
  call.end();
}
