import { beyond, EtcdError } from './errors.ts';
import type { Gone, GrpcStream, StreamMethod, UnaryMethod } from './grpc-server.ts';
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts';
import { compaction, hashKv, memberList, snapshot, status, type Identity } from './maintenance.ts';
import { decodeMessage, frame, type Message, type MessageName } from './messages.ts';
import { range } from './range.ts';
import { txn } from './txn.ts';
import { Watches } from './watch.ts';
import { deleteRange, put, type Writer } from './write.ts';

type Unary = (request: Message, gone: Gone) => Message | Promise<Message>;
type Methods = Map<string, UnaryMethod | StreamMethod>;

const ONE_AUTHORITY =
  'users and roles: this store lets in whoever shows a certificate of its authority, and nobody else';
const NO_RAFT = 'members: each is a process that serves the one log, so none is added or removed: start another';
/** What etcd has and a store without raft and without users does not, and what stands in its place. */
const REFUSED: readonly (readonly [service: string, names: readonly string[], why: string])[] = [
  ['Auth', ['AuthEnable', 'UserAdd', 'UserGet', 'UserDelete', 'UserChangePassword', 'UserGrantRole', 'UserRevokeRole', 'RoleAdd', 'RoleGet', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'], ONE_AUTHORITY],
  ['Cluster', ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'], NO_RAFT],
  ['Maintenance', ['Downgrade'], 'downgrades: the version is that of the API, and the data is not etcd\'s'],
]; // prettier-ignore

/** Everything that the door answers, by path. `cluster`: its name, in 64 bits. */
export function methodsOf(writer: Writer, identity: Identity, cluster: bigint): Methods {
  const { store } = writer;
  const header = (): Message => ({
    cluster_id: cluster,
    member_id: identity.member,
    revision: store.index.revision,
    raft_term: 1n,
  });
  const methods: Methods = new Map();
  const unary = (path: string, request: MessageName, response: MessageName, serve: Unary): void => {
    const answer = (message: Message): Buffer => {
      // Of what wrote: the revision at which it did.
      const own = message['header'] as Message | undefined;
      return frame(response, { ...message, header: own === undefined ? header() : { ...header(), ...own } });
    };
    const kind = 'unary';
    methods.set(`/${path}`, {
      kind,
      serve: (bytes, gone) => {
        const answered = serve(decodeMessage(request, bytes), gone);
        return answered instanceof Promise ? answered.then(answer) : answer(answered);
      },
    });
  };
  const refused = (path: string, error: () => EtcdError): void =>
    unary(path, 'Empty', 'Empty', () => {
      throw error();
    });

  const KV = 'etcdserverpb.KV';
  unary(`${KV}/Range`, 'RangeRequest', 'RangeResponse', (request) => range(store, request));
  unary(`${KV}/Put`, 'PutRequest', 'PutResponse', (request, gone) => put(writer, request, gone));
  unary(`${KV}/DeleteRange`, 'DeleteRangeRequest', 'DeleteRangeResponse', (request, gone) => deleteRange(writer, request, gone)); // prettier-ignore
  unary(`${KV}/Txn`, 'TxnRequest', 'TxnResponse', (request, gone) => txn(writer, request, gone));
  unary(`${KV}/Compact`, 'CompactionRequest', 'CompactionResponse', (request) => compaction(store, request));

  const LEASE = 'etcdserverpb.Lease';
  unary(`${LEASE}/LeaseGrant`, 'LeaseGrantRequest', 'LeaseGrantResponse', (request, gone) => leaseGrant(writer, request, gone)); // prettier-ignore
  unary(`${LEASE}/LeaseRevoke`, 'LeaseRevokeRequest', 'LeaseRevokeResponse', (request, gone) => leaseRevoke(writer, request, gone)); // prettier-ignore
  unary(`${LEASE}/LeaseTimeToLive`, 'LeaseTimeToLiveRequest', 'LeaseTimeToLiveResponse', (request) => leaseTimeToLive(writer, request)); // prettier-ignore
  unary(`${LEASE}/LeaseLeases`, 'Empty', 'LeaseLeasesResponse', () => leaseLeases(writer));
  methods.set(`/${LEASE}/LeaseKeepAlive`, {
    kind: 'stream',
    open: (stream) => ({
      onMessage: async (bytes) => {
        const answer = await leaseKeepAlive(writer, decodeMessage('LeaseKeepAliveRequest', bytes), stream.gone);
        if (!stream.send(frame('LeaseKeepAliveResponse', { ...answer, header: header() }))) await stream.drained();
      },
    }),
  });
  methods.set('/etcdserverpb.Watch/Watch', {
    kind: 'stream',
    open: (stream) => {
      const send = (response: Message): boolean => stream.send(frame('WatchResponse', response));
      const watches = new Watches(store, { send, drained: stream.drained, fail: stream.fail }, header);
      return {
        onMessage: (bytes) => watches.request(decodeMessage('WatchRequest', bytes)),
        onClose: () => watches.close(),
      };
    },
  });

  const MAINTENANCE = 'etcdserverpb.Maintenance';
  unary('etcdserverpb.Cluster/MemberList', 'Empty', 'MemberListResponse', () => memberList(identity));
  unary(`${MAINTENANCE}/Status`, 'Empty', 'StatusResponse', () => status(store, identity));
  unary(`${MAINTENANCE}/Alarm`, 'Empty', 'AlarmResponse', () => ({}));
  unary(`${MAINTENANCE}/Defragment`, 'Empty', 'DefragmentResponse', () => ({}));
  unary(`${MAINTENANCE}/HashKV`, 'HashKVRequest', 'HashKVResponse', (request) => hashKv(store, request));
  refused(`${MAINTENANCE}/MoveLeader`, () => new EtcdError('failedPrecondition', 'bad leader transferee'));
  methods.set(`/${MAINTENANCE}/Snapshot`, {
    kind: 'stream',
    open: (stream) => ({ onMessage: () => sendSnapshot(writer, stream, header) }),
  });

  unary('grpc.health.v1.Health/Check', 'Empty', 'HealthCheckResponse', () => ({ status: SERVING }));
  unary('etcdserverpb.Auth/AuthStatus', 'Empty', 'AuthStatusResponse', () => ({ authRevision: 1 }));
  for (const nothing of ['AuthDisable', 'UserList', 'RoleList'])
    unary(`etcdserverpb.Auth/${nothing}`, 'Empty', 'AuthResponse', () => ({}));
  refused('etcdserverpb.Auth/Authenticate', () => new EtcdError('failedPrecondition', 'authentication is not enabled'));
  for (const [service, names, why] of REFUSED)
    for (const name of names) refused(`etcdserverpb.${service}/${name}`, () => beyond(why));
  return methods;
}
/** Source: grpc health/v1/health.proto. */
const SERVING = 1;
async function sendSnapshot({ store }: Writer, stream: GrpcStream, header: () => Message): Promise<void> {
  for await (const message of snapshot(store)) {
    if (stream.gone.aborted) return;
    if (!stream.send(frame('SnapshotResponse', { ...message, header: header() }))) await stream.drained();
  }
}
