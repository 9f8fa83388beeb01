import type { Log } from '../../bus/log.ts';
import { connectNats, natsConnectionOf } from '../../bus/nats/connect.ts';
import { openNatsLog } from '../../bus/nats/log.ts';
import { realWorld } from '../../bus/real-world.ts';
import { readCredentials } from '../process/credentials.ts';
import { readStored } from '../store/stored-value.ts';
import type { Committed, Term } from './committed.ts';

const FENCE = 'Kubus-Fence';
const LEASES = '/registry/leases/';
/** Written by each read; a key of the store's own, which nobody who asks the API sees. */
const MARK_KEY = '/kubus/chaos';

/** Reads the store's log as it is on the servers: what is checked against it went through other hands. */
export interface LogReader {
  readonly entries: readonly Committed[];
  /** Revisions that were compacted before they were read: with one of them nothing can be told from what is not in `entries`. */
  readonly holes: readonly string[];
  /**
   * Reads what was added, to the last entry that was committed before the call; before it is compacted (5 min) this must be
   * called again. Calls wait for each other.
   */
  read(): Promise<void>;
  close(): Promise<void>;
}

/** `dir`: a cluster's folder, for its credentials. */
export async function openLogReader(dir: string, servers: readonly string[]): Promise<LogReader> {
  const world = realWorld({ level: 'silent' });
  const credentials = readCredentials(dir, 'etcd');
  const bus = await connectNats({ world, servers, name: 'chaos', credentials });
  const log = await openNatsLog({ connection: natsConnectionOf(bus), world });
  return {
    ...readerOf(log, () => world.ids.token()),
    close: async () => {
      await log.close();
      await bus.drain();
    },
  };
}

/** `newId`: of the entries that it writes itself. */
export function readerOf(log: Log, newId: () => string): Omit<LogReader, 'close'> {
  const entries: Committed[] = [];
  const holes: string[] = [];
  let next = 1;
  let reading = Promise.resolve();
  const read = async (): Promise<void> => {
    // Waits for a leader; but a server that leads no more may still say where the log ends, so an entry of our own tells.
    await log.barrier();
    const end = await log.append({ key: MARK_KEY, value: new Uint8Array(0), id: newId() });
    for await (const { revision, key, value, headers } of log.read(next, end)) {
      if (revision > next) holes.push(`${next} to ${revision - 1}`);
      next = revision + 1;
      entries.push({ revision, key, value: value && dataOf(value, revision), term: termOf(headers[FENCE]) });
    }
  };
  return {
    entries,
    holes,
    read: () => {
      const mine = reading.then(read);
      reading = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** The leadership that an entry of the log names. */
export function termOf(header: string | undefined): Term | undefined {
  const match = header === undefined ? undefined : /^(\d+) (\S+) (\S+)$/.exec(header);
  if (!match) return undefined;
  return { transitions: Number(match[1]), holder: match[2]!, lease: match[3]!.replace(LEASES, '') };
}
/** Of a ConfigMap; of anything else, which may be no object at all, nothing. */
function dataOf(value: Uint8Array, modRevision: number): string {
  const stored = readStored({ value, modRevision });
  return 'object' in stored ? ((stored.object as { data?: { value?: string } }).data?.value ?? '') : '';
}
