import type { NatsConnection } from '@nats-io/transport-node';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { FORMAT_VERSION } from '../log.ts';
import { delay, type World } from '../world.ts';
import type { JsApi } from './js-api.ts';

export interface StreamWish {
  readonly stream: string;
  readonly subjects: string;
  readonly events: string;
  /** undefined: as the stream is; a new one gets three copies in a cluster of servers, and one elsewhere. */
  readonly replicas: number | undefined;
  readonly durable: boolean;
}
export interface StreamConfig {
  readonly name?: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention?: string;
  readonly discard?: string;
  readonly max_msg_size?: number;
  readonly allow_rollup_hdrs?: boolean;
  readonly deny_delete?: boolean;
  readonly deny_purge?: boolean;
  readonly duplicate_window?: number;
  readonly max_msgs_per_subject?: number;
  readonly num_replicas?: number;
  readonly storage?: string;
  readonly persist_mode?: string;
  readonly allow_direct?: boolean;
  readonly allow_atomic?: boolean;
  readonly republish?: { readonly src?: string; readonly dest?: string };
  readonly max_age?: number;
  readonly max_msgs?: number;
  readonly max_bytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}
export interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number };
}

const FORMAT = 'kubus.format';
/** Below it a hard kill during a purge could empty a stream, and batches of direct gets are missing. */
const MIN_SERVER = [2, 14] as const;
const DUPLICATE_WINDOW_NS = 120e9;
/** Copies of a new stream where servers form a cluster: one of them may be gone. */
const CLUSTER_REPLICAS = 3;

/** Thrown: Invalid where nats-server is too old for what the store asks of it, ServiceUnavailable without JetStream. */
function assertServer(connection: NatsConnection): void {
  const version = connection.info?.version ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  if (major < MIN_SERVER[0] || (major === MIN_SERVER[0] && minor < MIN_SERVER[1]))
    throw new ApiError(
      'Invalid',
      `nats-server ${version} is too old for the store: it needs ${MIN_SERVER.join('.')} or newer`,
    );
  if (connection.info?.jetstream !== true)
    throw new ApiError(
      'ServiceUnavailable',
      `nats-server ${version} runs without JetStream: start it with a store_dir`,
    );
}

/**
 * The stream of a KV bucket that KV tools read, but with all of its history: no limit per key, only the store's own
 * compaction removes. (Per-message TTL stays off: its markers vanish after the shortest TTL of the stream, so an expiry
 * could be missed; the store expires by tombstones of its own.)
 */
const configOf = ({ stream, subjects, events }: StreamWish, replicas: number): StreamConfig => ({
  name: stream,
  description: 'Kubus: every object of the cluster',
  subjects: [subjects],
  retention: 'limits',
  discard: 'new',
  storage: 'file',
  num_replicas: replicas,
  max_msgs_per_subject: -1,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msg_size: -1,
  allow_rollup_hdrs: true,
  deny_delete: true,
  deny_purge: false,
  allow_direct: true,
  allow_atomic: true,
  duplicate_window: DUPLICATE_WINDOW_NS,
  republish: { src: subjects, dest: events },
  metadata: { [FORMAT]: String(FORMAT_VERSION) },
});

/**
 * The stream as the store needs it; servers that have just started, or are electing a leader, are given `waitMs`.
 * Thrown: Invalid for a server or a stream that must not be used; ServiceUnavailable or Timeout when the time is over.
 */
export async function openStream(
  connection: NatsConnection,
  api: JsApi,
  { clock, log }: World,
  wish: StreamWish,
  waitMs: number,
): Promise<StreamInfo> {
  for (const end = clock.now() + waitMs; ;) {
    try {
      assertServer(connection);
      return await ensureStream(api, wish, connection.info?.cluster !== undefined);
    } catch (error) {
      const reason = reasonOf(error);
      if ((reason !== 'ServiceUnavailable' && reason !== 'Timeout') || clock.now() >= end) throw error;
      log.debug('the log cannot be opened yet, trying again', { err: error });
      await delay(clock, 100);
    }
  }
}

/**
 * Opens the stream, makes it if there is none, brings what may be changed up to date.
 * Thrown: ServiceUnavailable, and Invalid for a stream that must not be used: a newer format, other rules of retention.
 */
async function ensureStream(api: JsApi, wish: StreamWish, clustered: boolean): Promise<StreamInfo> {
  let info = await infoOf(api, wish.stream);
  info ??= await api.call<StreamInfo>(
    `STREAM.CREATE.${wish.stream}`,
    configOf(wish, wish.replicas ?? (clustered ? CLUSTER_REPLICAS : 1)),
  );
  assertUsable(info.config, wish);
  const { config } = info;
  const replicas = wish.replicas ?? config.num_replicas ?? 1;
  // Asynchronous streams, which an older version made where durability was not wanted, know no batches.
  const atomic = config.persist_mode !== 'async';
  const stale =
    config.num_replicas !== replicas ||
    config.allow_direct !== true ||
    (config.allow_atomic ?? false) !== atomic ||
    config.republish?.src !== wish.subjects ||
    config.republish.dest !== wish.events ||
    config.metadata?.[FORMAT] === undefined;
  if (!stale) return info;
  return await api.call<StreamInfo>(`STREAM.UPDATE.${wish.stream}`, {
    ...config,
    num_replicas: replicas,
    allow_direct: true,
    allow_atomic: atomic,
    republish: { src: wish.subjects, dest: wish.events },
    metadata: { ...config.metadata, [FORMAT]: String(FORMAT_VERSION) },
  });
}

/** undefined: there is no such stream. */
export async function infoOf(api: JsApi, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await api.call<StreamInfo>(`STREAM.INFO.${stream}`);
  } catch (error) {
    if (reasonOf(error) === 'NotFound') return undefined;
    throw error;
  }
}

function assertUsable(config: StreamConfig, { stream, durable }: StreamWish): void {
  const format = Number(config.metadata?.[FORMAT] ?? FORMAT_VERSION);
  const refuse = (why: string): never => {
    throw new ApiError('Invalid', `the stream ${stream} ${why}`);
  };
  if (format > FORMAT_VERSION)
    refuse(`was written by a newer version (format ${format}, this one reads ${FORMAT_VERSION}): use that version`);
  if (durable && config.persist_mode === 'async')
    refuse(
      'is asynchronous, so acknowledged writes could be lost: remove its data or start with the disposable profile',
    );
  if (durable && config.storage !== 'file') refuse('is kept in memory, so it is not durable: remove it');
  if ((config.max_msgs_per_subject ?? -1) > 0) refuse('drops history by itself (max_msgs_per_subject): set it to -1');
  if ((config.max_age ?? 0) > 0 || (config.max_msgs ?? -1) > 0)
    refuse('drops history by itself (max_age, max_msgs): set them to 0 and -1');
}
