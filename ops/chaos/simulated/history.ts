import { createHash } from 'node:crypto';
import { decode } from '../../../bus/codec.ts';
import type { LogEntry } from '../../../bus/log.ts';
import type { MemoryLog } from '../../../bus/memory/log.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { Term } from '../committed.ts';
import { termOf } from '../log-reader.ts';

/** One revision of the log: what an object was, and what it is from then on. */
export interface Change {
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly key: string;
  readonly kind: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  /** Of an effect of an elected component. */
  readonly term: Term | undefined;
}
/** All that exists at the newest revision, kept up with the log as it grows. */
export interface History {
  readonly revision: number;
  readonly changes: number;
  /** Of all but what beats: leases, events and the states of nodes. */
  readonly lastRealChange: Change | undefined;
  readonly realChanges: number;
  objects<T extends KubeObject = KubeObject>(kind: string, namespace?: string): T[];
  all(): Iterable<KubeObject>;
  /** Revision of each key that has a value. */
  readonly revisions: ReadonlyMap<string, number>;
  withUid(uid: string): KubeObject | undefined;
  onChange(listener: (change: Change) => void): void;
  /** Of all that was committed since, in order. */
  digest(): string;
}

/** Nobody looks into these; the claims of ports are no objects. */
const OPAQUE = /^\/registry\/(?:leases|events|ranges)\//;
const BEATS = /^\/registry\/(?:leases|events|minions)\/|^\/kubus\//;

/** Follows the log from its beginning. */
export function followLog(log: MemoryLog): History {
  const byKey = new Map<string, KubeObject>();
  const byKind = new Map<string, Map<string, KubeObject>>();
  const byUid = new Map<string, KubeObject>();
  const revisions = new Map<string, number>();
  const listeners: ((change: Change) => void)[] = [];
  const hash = createHash('sha256');
  let revision = 0;
  let changes = 0;
  let realChanges = 0;
  let lastRealChange: Change | undefined;
  const take = (entry: LogEntry): void => {
    const { key, value } = entry;
    revision = entry.revision;
    if (value === undefined) revisions.delete(key);
    else revisions.set(key, revision);
    const before = byKey.get(key);
    const after = value === undefined || OPAQUE.test(key) || !key.startsWith('/registry/') ? undefined : (decode(value) as KubeObject); // prettier-ignore
    const kind = (after ?? before)?.kind ?? '';
    if (before?.metadata.uid !== undefined) byUid.delete(before.metadata.uid);
    if (after === undefined) {
      byKey.delete(key);
      byKind.get(kind)?.delete(key);
    } else {
      byKey.set(key, after);
      let same = byKind.get(kind);
      if (!same) byKind.set(kind, (same = new Map()));
      same.set(key, after);
      if (after.metadata.uid !== undefined) byUid.set(after.metadata.uid, after);
    }
    const change: Change = { revision, at: entry.time, key, kind, before, after, term: termOf(entry.headers['Kubus-Fence']) }; // prettier-ignore
    if (!BEATS.test(key)) {
      realChanges++;
      lastRealChange = change;
    }
    for (const listener of listeners) listener(change);
  };
  for (const entry of log.now.read(1)) take(entry);
  log.subscribe((entry) => {
    changes++;
    hash.update(`${entry.time} ${entry.revision} ${entry.key} `);
    if (entry.value) hash.update(entry.value);
    take(entry);
  });
  return {
    get revision() {
      return revision;
    },
    get changes() {
      return changes;
    },
    get realChanges() {
      return realChanges;
    },
    get lastRealChange() {
      return lastRealChange;
    },
    objects: <T extends KubeObject>(kind: string, namespace?: string): T[] => {
      const found = [...(byKind.get(kind)?.values() ?? [])] as T[];
      return namespace === undefined ? found : found.filter((one) => one.metadata.namespace === namespace);
    },
    all: () => byKey.values(),
    revisions,
    withUid: (uid) => byUid.get(uid),
    onChange: (listener) => void listeners.push(listener),
    digest: () => hash.copy().digest('hex').slice(0, 16),
  };
}
