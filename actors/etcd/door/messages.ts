import { WireReader, WireWriter } from '../../../schemas/codec/wire.ts';

/**
 * The messages of etcd's v3 API, as far as the door speaks it. Field numbers and types are facts of etcd's published
 * protocol. Source: etcd api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto.
 */
export interface Message {
  readonly [field: string]: unknown;
}
/** `int`: int64 that fits a number (revisions, counts); `id`: 64 bits as a bigint (leases, members). */
type Scalar = 'int' | 'id' | 'bool' | 'bytes' | 'text';
type Field = readonly [name: string, number: number, type: Scalar | MessageName, repeated?: 'repeated'];
export type MessageName = keyof typeof MESSAGES;

const HEADER = ['header', 1, 'ResponseHeader'] as const;
const OPERATION = (kind: 'request' | 'response', suffix: 'Request' | 'Response') =>
  [
    [`${kind}_range`, 1, `Range${suffix}`],
    [`${kind}_put`, 2, `Put${suffix}`],
    [`${kind}_delete_range`, 3, `DeleteRange${suffix}`],
    [`${kind}_txn`, 4, `Txn${suffix}`],
  ] as const;
const MESSAGES = {
  ResponseHeader: [['cluster_id', 1, 'id'], ['member_id', 2, 'id'], ['revision', 3, 'int'], ['raft_term', 4, 'id']],
  KeyValue: [['key', 1, 'bytes'], ['create_revision', 2, 'int'], ['mod_revision', 3, 'int'], ['version', 4, 'int'], ['value', 5, 'bytes'], ['lease', 6, 'id']],
  Event: [['type', 1, 'int'], ['kv', 2, 'KeyValue'], ['prev_kv', 3, 'KeyValue']],
  RangeRequest: [
    ['key', 1, 'bytes'], ['range_end', 2, 'bytes'], ['limit', 3, 'int'], ['revision', 4, 'int'], ['sort_order', 5, 'int'], ['sort_target', 6, 'int'],
    ['serializable', 7, 'bool'], ['keys_only', 8, 'bool'], ['count_only', 9, 'bool'], ['min_mod_revision', 10, 'int'], ['max_mod_revision', 11, 'int'],
    ['min_create_revision', 12, 'int'], ['max_create_revision', 13, 'int'],
  ],
  RangeResponse: [HEADER, ['kvs', 2, 'KeyValue', 'repeated'], ['more', 3, 'bool'], ['count', 4, 'int']],
  PutRequest: [['key', 1, 'bytes'], ['value', 2, 'bytes'], ['lease', 3, 'id'], ['prev_kv', 4, 'bool'], ['ignore_value', 5, 'bool'], ['ignore_lease', 6, 'bool']],
  PutResponse: [HEADER, ['prev_kv', 2, 'KeyValue']],
  DeleteRangeRequest: [['key', 1, 'bytes'], ['range_end', 2, 'bytes'], ['prev_kv', 3, 'bool']],
  DeleteRangeResponse: [HEADER, ['deleted', 2, 'int'], ['prev_kvs', 3, 'KeyValue', 'repeated']],
  RequestOp: OPERATION('request', 'Request'),
  ResponseOp: OPERATION('response', 'Response'),
  Compare: [
    ['result', 1, 'int'], ['target', 2, 'int'], ['key', 3, 'bytes'], ['version', 4, 'int'], ['create_revision', 5, 'int'],
    ['mod_revision', 6, 'int'], ['value', 7, 'bytes'], ['lease', 8, 'id'], ['range_end', 64, 'bytes'],
  ],
  TxnRequest: [['compare', 1, 'Compare', 'repeated'], ['success', 2, 'RequestOp', 'repeated'], ['failure', 3, 'RequestOp', 'repeated']],
  TxnResponse: [HEADER, ['succeeded', 2, 'bool'], ['responses', 3, 'ResponseOp', 'repeated']],
  CompactionRequest: [['revision', 1, 'int'], ['physical', 2, 'bool']],
  CompactionResponse: [HEADER],
  WatchRequest: [['create_request', 1, 'WatchCreateRequest'], ['cancel_request', 2, 'WatchCancelRequest'], ['progress_request', 3, 'Empty']],
  WatchCreateRequest: [
    ['key', 1, 'bytes'], ['range_end', 2, 'bytes'], ['start_revision', 3, 'int'], ['progress_notify', 4, 'bool'], ['filters', 5, 'bytes'],
    ['prev_kv', 6, 'bool'], ['watch_id', 7, 'int'], ['fragment', 8, 'bool'],
  ],
  WatchCancelRequest: [['watch_id', 1, 'int']],
  WatchResponse: [
    HEADER, ['watch_id', 2, 'int'], ['created', 3, 'bool'], ['canceled', 4, 'bool'], ['compact_revision', 5, 'int'], ['cancel_reason', 6, 'text'],
    ['fragment', 7, 'bool'], ['events', 11, 'Event', 'repeated'],
  ],
  LeaseGrantRequest: [['TTL', 1, 'int'], ['ID', 2, 'id']],
  LeaseGrantResponse: [HEADER, ['ID', 2, 'id'], ['TTL', 3, 'int'], ['error', 4, 'text']],
  LeaseRevokeRequest: [['ID', 1, 'id']],
  LeaseRevokeResponse: [HEADER],
  LeaseKeepAliveRequest: [['ID', 1, 'id']],
  LeaseKeepAliveResponse: [HEADER, ['ID', 2, 'id'], ['TTL', 3, 'int']],
  LeaseTimeToLiveRequest: [['ID', 1, 'id'], ['keys', 2, 'bool']],
  LeaseTimeToLiveResponse: [HEADER, ['ID', 2, 'id'], ['TTL', 3, 'int'], ['grantedTTL', 4, 'int'], ['keys', 5, 'bytes', 'repeated']],
  LeaseLeasesResponse: [HEADER, ['leases', 2, 'LeaseStatus', 'repeated']],
  LeaseStatus: [['ID', 1, 'id']],
  Member: [['ID', 1, 'id'], ['name', 2, 'text'], ['peerURLs', 3, 'text', 'repeated'], ['clientURLs', 4, 'text', 'repeated'], ['isLearner', 5, 'bool']],
  MemberListResponse: [HEADER, ['members', 2, 'Member', 'repeated']],
  AuthStatusResponse: [HEADER, ['enabled', 2, 'bool'], ['authRevision', 3, 'int']],
  AuthResponse: [HEADER],
  HealthCheckResponse: [['status', 1, 'int']],
  AlarmResponse: [HEADER],
  StatusResponse: [
    HEADER, ['version', 2, 'text'], ['dbSize', 3, 'int'], ['leader', 4, 'id'], ['raftIndex', 5, 'id'], ['raftTerm', 6, 'id'], ['raftAppliedIndex', 7, 'id'],
    ['errors', 8, 'text', 'repeated'], ['dbSizeInUse', 9, 'int'], ['isLearner', 10, 'bool'], ['storageVersion', 11, 'text'],
  ],
  DefragmentResponse: [HEADER],
  HashKVRequest: [['revision', 1, 'int']],
  HashKVResponse: [HEADER, ['hash', 2, 'int'], ['compact_revision', 3, 'int'], ['hash_revision', 4, 'int']],
  SnapshotResponse: [HEADER, ['remaining_bytes', 2, 'id'], ['blob', 3, 'bytes'], ['version', 4, 'text']],
  Empty: [],
} as const satisfies Record<string, readonly (readonly [string, number, string, 'repeated'?])[]>; // prettier-ignore

const ZERO: Readonly<Record<Scalar, unknown>> = { int: 0, id: 0n, bool: false, bytes: new Uint8Array(0), text: '' };
const isScalar = (type: string): type is Scalar => Object.hasOwn(ZERO, type);

interface Reading {
  readonly byNumber: ReadonlyMap<number, Field>;
  readonly zeroes: readonly Field[];
}
const readings = new Map<MessageName, Reading>();
function readingOf(name: MessageName): Reading {
  let known = readings.get(name);
  if (known === undefined) {
    const fields: readonly Field[] = MESSAGES[name];
    const zeroes = fields.filter(([, , type, repeated]) => repeated !== undefined || isScalar(type));
    readings.set(name, (known = { byNumber: new Map(fields.map((field) => [field[1], field])), zeroes }));
  }
  return known;
}

/** The message with the zero of every scalar that is not there; of messages, only those that are. Throws Error on what is no message. */
export function decodeMessage(name: MessageName, bytes: Uint8Array): Message {
  const { byNumber, zeroes } = readingOf(name);
  const out: Record<string, unknown> = {};
  for (const [field, , type, repeated] of zeroes) out[field] = repeated === undefined ? ZERO[type as Scalar] : [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const field = byNumber.get(reader.field);
    if (field === undefined) reader.skip();
    else if (field[3] === undefined) out[field[0]] = readValue(reader, field[2]);
    else (out[field[0]] as unknown[]).push(readValue(reader, field[2]));
  }
  return out;
}
function readValue(reader: WireReader, type: Scalar | MessageName): unknown {
  switch (type) {
    case 'int':
      return Number(BigInt.asIntN(64, reader.varint()));
    case 'id':
      return BigInt.asUintN(64, reader.varint());
    case 'bool':
      return reader.varint() !== 0n;
    case 'bytes':
      return reader.bytes();
    case 'text':
      return reader.text();
    default:
      return decodeMessage(type, reader.bytes());
  }
}

/** What is zero, false, empty or undefined is left out, as proto3 does. */
export function encodeMessage(name: MessageName, message: Message): Buffer {
  const writer = new WireWriter();
  write(writer, name, message);
  return writer.finish();
}
const FRAME_HEAD = new Uint8Array(5);
/** The message as gRPC sends it: a flag (not compressed) and its length before it. */
export function frame(name: MessageName, message: Message): Buffer {
  const writer = new WireWriter();
  writer.append(FRAME_HEAD);
  write(writer, name, message);
  const out = writer.finish();
  out.writeUInt32BE(out.length - FRAME_HEAD.length, 1);
  return out;
}
function write(writer: WireWriter, name: MessageName, message: Message): void {
  for (const [field, number, type, repeated] of MESSAGES[name] as readonly Field[]) {
    const value = message[field];
    if (value === undefined) continue;
    if (repeated === undefined) writeValue(writer, number, type, value, false);
    else for (const item of value as readonly unknown[]) writeValue(writer, number, type, item, true);
  }
}
function writeValue(
  writer: WireWriter,
  number: number,
  type: Scalar | MessageName,
  value: unknown,
  always: boolean,
): void {
  switch (type) {
    case 'int':
      if (always || value !== 0) writer.varint(number, value as number);
      return;
    case 'id':
      if (always || value !== 0n) writer.varint(number, value as bigint);
      return;
    case 'bool':
      if (value === true) writer.varint(number, 1);
      return;
    case 'bytes':
      if (always || (value as Uint8Array).length > 0) writer.bytes(number, value as Uint8Array);
      return;
    case 'text':
      if (always || value !== '') writer.text(number, value as string);
      return;
    default: {
      const start = writer.open(number);
      write(writer, type, value as Message);
      writer.close(start);
    }
  }
}
