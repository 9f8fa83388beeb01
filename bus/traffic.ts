import type { Subscription } from './bus.ts';
import { unescapeToken } from './subjects.ts';
import type { RawMessage, Transport } from './transport.ts';

/** Messages of one kind from one to another. */
export interface TrafficRow {
  /** The caller that the subject names, else the role of the sender's connection, else `nats`; `kubelet` for all nodes together. */
  readonly from: string;
  readonly to: string;
  /** `api create pods`, `etcd put`, `node logs`, `event pods`, `answer`, `session`, `beat`, ... */
  readonly kind: string;
  readonly count: number;
  readonly bytes: number;
}
/**
 * Counts what a connection says, and what it hears from the log, while somebody wants to know: with nobody counting,
 * messages go the way they went before. Every message has one sender, so the sums over all connections are those of the bus.
 */
export interface Traffic {
  /** Role of the connection: the name of this end in what others count; of a joined node `kubelet`. */
  readonly role: string;
  /** Counts until all who began have ended. */
  begin(): Subscription;
  /** What was counted since anyone last took it. If that is only of kinds that are `noise`, nothing, and it is kept. */
  take(noise?: ReadonlySet<string>): readonly TrafficRow[];
}

/** The transport, watched. `heard` is called with each message that a plain subscription hands over. */
export function watchTraffic(
  transport: Transport,
  of: string,
): { readonly wire: Transport; readonly traffic: Traffic; readonly heard: (message: RawMessage) => void } {
  const role = nameOf(of);
  let counting = 0;
  /** By what of the subject tells the way, those said and those heard: to find it is all that a counted message costs. */
  const said = new Map<string, Cell>();
  const heard = new Map<string, Cell>();
  const count = (cells: Map<string, Cell>, subject: string, bytes: number): void => {
    const key = subject.slice(0, tellingLength(subject));
    const cell = cells.get(key);
    if (cell !== undefined) {
      cell.count++;
      cell.bytes += bytes;
    } else if (cells === said) cells.set(key, { ...wayOf(subject, role), count: 1, bytes });
    else cells.set(key, { from: 'nats', to: role, kind: kindOfEvent(subject), count: 1, bytes });
  };
  const publish: Transport['publish'] = (subject, bytes, reply, headers) =>
    transport.publish(subject, bytes, reply, headers);
  const counted: Transport['publish'] = (subject, bytes, reply, headers) => {
    count(said, subject, bytes.length);
    transport.publish(subject, bytes, reply, headers);
  };
  const wire = {
    get maxBytes() {
      return transport.maxBytes;
    },
    get connected() {
      return transport.connected;
    },
    publish,
    subscribe: transport.subscribe.bind(transport),
    flush: transport.flush.bind(transport),
    onConnection: transport.onConnection.bind(transport),
    onRefused: transport.onRefused.bind(transport),
    close: transport.close.bind(transport),
  };
  return {
    wire,
    heard: (message) => {
      // All else was counted where it was said; the log has no connection of ours.
      if (counting > 0 && message.subject.startsWith(EVENT)) count(heard, message.subject, message.bytes.length);
    },
    traffic: {
      role,
      begin() {
        counting++;
        wire.publish = counted;
        let ended = false;
        return {
          unsubscribe: () => {
            if (ended) return;
            ended = true;
            if (--counting > 0) return;
            wire.publish = publish;
            said.clear();
            heard.clear();
          },
        };
      },
      take(noise) {
        if (noise !== undefined && heard.size === 0 && all(said, (row) => noise.has(row.kind))) return [];
        const rows = summed([...said.values(), ...heard.values()]);
        said.clear();
        heard.clear();
        return rows;
      },
    },
  };
}

type Cell = { -readonly [K in keyof TrafficRow]: TrafficRow[K] };
function all(cells: Map<string, Cell>, holds: (cell: Cell) => boolean): boolean {
  for (const cell of cells.values()) if (!holds(cell)) return false;
  return true;
}
/** One row for each way, however many addresses it has. */
function summed(cells: readonly Cell[]): readonly TrafficRow[] {
  const rows = new Map<string, Cell>();
  for (const cell of cells) {
    const key = `${cell.from} ${cell.to} ${cell.kind}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, cell);
    else {
      row.count += cell.count;
      row.bytes += cell.bytes;
    }
  }
  return [...rows.values()];
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
}
const ROOT = 'kubus.v1.';
const EVENT = `${ROOT}event.`;
const INBOX = '_INBOX.';

/** How much of the subject wayOf() looks at, or somewhat more. */
export function tellingLength(subject: string): number {
  if (subject.startsWith(INBOX)) return endOf(subject, INBOX.length, 1);
  if (!subject.startsWith(ROOT)) return 0;
  // The words of ROOT's next level differ in their first two letters.
  switch (subject.slice(ROOT.length, ROOT.length + 2)) {
    case 'ap':
      return endOf(subject, ROOT.length, 6);
    case 'et':
    case 'no':
      return subject.length;
    case 'ev': {
      const end = endOf(subject, ROOT.length, 3);
      return subject.includes('=2E') ? endOf(subject, end + 1, 1) : end;
    }
    default:
      return endOf(subject, ROOT.length, 2);
  }
}
/** Where the nth token from there ends, or the subject. */
function endOf(subject: string, from: number, n: number): number {
  let end = from - 1;
  for (let i = 0; i < n; i++) {
    end = subject.indexOf('.', end + 1);
    if (end < 0) return subject.length;
  }
  return end;
}

/** Between whom a message on `subject` goes, sent by a connection of `role`. Reads as few tokens as it can. */
export function wayOf(subject: string, role: string): Way {
  if (subject.startsWith(INBOX)) return { from: role, to: nameOf(tokenAt(subject, INBOX.length)), kind: 'answer' };
  if (!subject.startsWith(ROOT)) return { from: role, to: 'nats', kind: 'log' };
  const kind = rawTokenAt(subject, ROOT.length);
  const rest = ROOT.length + kind.length + 1;
  switch (kind) {
    case 'api': {
      // <caller>.<verb>.<group>.<version>.<resource>.…
      const caller = rawTokenAt(subject, rest);
      const verbAt = rest + caller.length + 1;
      const verb = rawTokenAt(subject, verbAt);
      const versionAt = subject.indexOf('.', verbAt + verb.length + 1) + 1;
      const resource = tokenAt(subject, subject.indexOf('.', versionAt) + 1);
      return { from: nameOf(unescapeToken(caller)), to: 'apiserver', kind: `api ${verb} ${resource}` };
    }
    case 'etcd':
      return { from: role, to: 'etcd', kind: `etcd ${subject.slice(rest)}` };
    case 'node':
      return { from: role, to: 'kubelet', kind: `node ${subject.slice(subject.lastIndexOf('.') + 1)}` };
    case 'session':
      return { from: role, to: nameOf(tokenAt(subject, rest)), kind: 'session' };
    case 'event':
      return { from: role, to: 'nats', kind: kindOfEvent(subject) };
    case 'control':
      return { from: role, to: nameOf(tokenAt(subject, rest)), kind: 'control' };
    case 'inspect':
      return { from: role, to: 'console', kind: 'inspect' };
    default:
      // Presence, beats, roll calls: to whoever listens.
      return { from: role, to: 'all', kind };
  }
}
/** Nodes may be thousands, and are one box in a drawing. */
const nameOf = (caller: string): string => (caller.startsWith('node:') ? 'kubelet' : caller);
/** `kubus.v1.event.registry.pods.default.web` is one of pods; a group's resources have the group before. */
function kindOfEvent(subject: string): string {
  const first = tokenAt(subject, subject.indexOf('.', EVENT.length) + 1);
  if (!first.includes('.')) return `event ${first}`;
  return `event ${tokenAt(subject, subject.indexOf('.', subject.indexOf('.', EVENT.length) + 1) + 1)}`;
}
function rawTokenAt(subject: string, at: number): string {
  const end = subject.indexOf('.', at);
  return end < 0 ? subject.slice(at) : subject.slice(at, end);
}
const tokenAt = (subject: string, at: number): string => unescapeToken(rawTokenAt(subject, at));
