import { decode } from '../../bus/codec.ts';
import type { Log } from '../../bus/log.ts';
import { connectNats, natsConnectionOf } from '../../bus/nats/connect.ts';
import { openNatsLog } from '../../bus/nats/log.ts';
import { realWorld } from '../../bus/real-world.ts';
import { readCredentials } from '../process/credentials.ts';
import type { Committed, Term } from './committed.ts';

const FENCE = 'Kubus-Fence';
const LEASES = '/registry/leases/';

/** Reads the store's log as it is on the servers: what is checked against it went through other hands. */
export interface LogReader {
  readonly entries: readonly Committed[];
  /** Reads what was added; before what is read is compacted (5 min) this must be called again. */
  read(): Promise<void>;
  close(): Promise<void>;
}

/** `dir`: a cluster's folder, for its credentials. */
export async function openLogReader(dir: string, servers: readonly string[]): Promise<LogReader> {
  const world = realWorld({ level: 'silent' });
  const credentials = readCredentials(dir, 'etcd');
  const bus = await connectNats({ world, servers, name: 'chaos', credentials });
  const log: Log = await openNatsLog({ connection: natsConnectionOf(bus), world });
  const entries: Committed[] = [];
  let next = 1;
  return {
    entries,
    read: async () => {
      await log.barrier();
      for await (const { revision, key, value, headers } of log.read(next)) {
        next = revision + 1;
        const object = value && (decode(value) as { data?: { value?: string } } | undefined);
        entries.push({ revision, key, value: value && (object?.data?.value ?? ''), term: termOf(headers[FENCE]) });
      }
    },
    close: async () => {
      await log.close();
      await bus.drain();
    },
  };
}

/** The leadership that an entry of the log names. */
export function termOf(header: string | undefined): Term | undefined {
  const match = header === undefined ? undefined : /^(\d+) (\S+) (\S+)$/.exec(header);
  if (!match) return undefined;
  return { transitions: Number(match[1]), holder: match[2]!, lease: match[3]!.replace(LEASES, '') };
}
