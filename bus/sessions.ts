import { ApiError, reasonOf, toStatus } from '../schemas/meta/status.ts';
import { BEAT_MS, everyBeat } from './beat.ts';
import type { OpenOptions, Session, Subscription } from './bus.ts';
import { encode } from './codec.ts';
import { HEADER } from './message.ts';
import type { ServedRequest } from './message.ts';
import type { Neighbour, Neighbours } from './neighbours.ts';
import type { Requests } from './requests.ts';
import type { Acceptor } from './responses.ts';
import { createRoster, ROSTER_BEATS, ROSTER_KEY } from './roster.ts';
import { SessionEnd, unavailable } from './session.ts';
import type { SessionHost } from './session.ts';
import * as subjects from './subjects.ts';
import type { RawSubscription, Transport } from './transport.ts';
import type { World } from './world.ts';

const DEFAULT_WINDOW = 256;
/** Nobody is waited for longer, and no client has a server wait for it. */
const MOST_SILENCE_MS = 60_000;
const NOTHING = new Uint8Array(0);
/** A beat can be late by one tick of ours. */
const LATE_BEATS = 2;
const SILENT = unavailable('the other end of the session is silent').status;
const LOST = 'the other end of the session has lost its connection';
const NO_LIFE: Subscription = { unsubscribe: () => undefined };

export interface Sessions {
  open(subject: string, body: unknown, options: OpenOptions): Promise<Session>;
  /** Accepts the session that `message` asks for; the result is the answer to the request. */
  accept(message: ServedRequest, acceptor: Acceptor): unknown;
  closeAll(reason: string): void;
  close(): void;
}

/**
 * A connection at the other end of some of our sessions. One subscription to its beats serves them all; of a connection
 * of this process we know without.
 */
interface Peer {
  readonly ends: Set<SessionEnd>;
  life: Subscription;
  isNear: boolean;
  /** Beats of ours since its last sign of life: our own stalls do not count as its silence. */
  silentBeats: number;
}

/**
 * All sessions of one connection. While there are any it beats, on one subject for all, and listens to the beats of its
 * peers' connections; the beats fall on multiples of BEAT_MS of the clock so that those of a machine wake it once.
 */
export function createSessions(
  transport: Transport,
  world: World,
  address: string,
  requests: Requests,
  options: { readonly silenceMs: number; readonly neighbours: Neighbours | undefined },
): Sessions {
  const { neighbours } = options;
  neighbours?.set(address, transport);
  const ends = new Map<string, SessionEnd>();
  const keys = new Map<SessionEnd, { readonly key: string; readonly id: string; readonly to: 'client' | 'server' }>();
  const peers = new Map<string, Peer>();
  const opening = new Set<SessionEnd>();
  const owing = new Set<SessionEnd>();
  const patienceOf = (silenceMs: number): number =>
    Math.max(LATE_BEATS, Math.ceil(Math.max(Math.min(silenceMs, MOST_SILENCE_MS), options.silenceMs) / BEAT_MS));
  let incoming: RawSubscription | undefined;
  let beats: Subscription | undefined;
  let beatCount = 0;
  let toFlush: SessionEnd[] = [];

  const flushAll = (): void => {
    const list = toFlush;
    toFlush = [];
    for (const end of list) end.flush();
  };
  const host: SessionHost = {
    batchBytes: Math.min(256 * 1024, transport.maxBytes >> 1),
    maxFrameBytes: transport.maxBytes - 4096,
    transmit: (end, message) => {
      const to = keys.get(end);
      if (end.peer !== undefined && to) transport.publish(subjects.session(end.peer, to.id, to.to), message);
    },
    flushSoon: (end) => {
      // Unlike a microtask this comes after the promises that are due: a loop that awaits each send fills one message.
      if (toFlush.push(end) === 1) process.nextTick(flushAll);
    },
    owesCredit: (end) => {
      owing.add(end);
      startBeating();
    },
    ended: (end) => {
      const entry = keys.get(end);
      if (entry) ends.delete(entry.key);
      keys.delete(end);
      opening.delete(end);
      owing.delete(end);
      const peer = end.peer === undefined ? undefined : peers.get(end.peer);
      if (!peer?.ends.delete(end) || peer.ends.size > 0) return;
      peer.life.unsubscribe();
      peers.delete(end.peer!);
    },
  };

  const roster = createRoster({
    address,
    keyAtPeer: (end) => {
      const { id, to } = keys.get(end)!;
      return `${id}.${to}`;
    },
    find: (key) => ends.get(key),
    with: (peerAddress) => [...(peers.get(peerAddress)?.ends ?? []), ...opening],
    publish: (subject, bytes) => {
      transport.publish(subject, bytes);
    },
  });

  const add = (id: string, side: 'client' | 'server', window: number, silenceMs: number): SessionEnd => {
    incoming ??= transport.subscribe(subjects.sessionAll(address), undefined, (message) => {
      const key = message.subject.slice(ownPrefix);
      if (key === ROSTER_KEY) {
        roster.receive(message.bytes);
        return;
      }
      const end = ends.get(key);
      if (!end) return;
      const peer = end.peer === undefined ? undefined : peers.get(end.peer);
      if (peer) peer.silentBeats = 0;
      end.receive(message.bytes);
    });
    const key = `${id}.${side}`;
    if (ends.has(key)) throw new ApiError('AlreadyExists', 'there is a session with this id');
    const end = new SessionEnd(id, host, window, patienceOf(silenceMs));
    ends.set(key, end);
    keys.set(end, { key, id, to: side === 'client' ? 'server' : 'client' });
    startBeating();
    return end;
  };
  const ownPrefix = subjects.sessionAll(address).length - 1;

  const closePeer = (peer: Peer, why: string): void => {
    const status = unavailable(why).status;
    for (const end of peer.ends) end.close(status);
  };
  /** Listens for a sign of life of the peer: its beats, or what its thread says of it. */
  const follow = (peerAddress: string, peer: Peer): void => {
    const near: Neighbour | undefined = neighbours?.get(peerAddress);
    peer.life.unsubscribe();
    peer.isNear = near !== undefined;
    peer.life = near
      ? near.onConnection((connected) => {
          if (!connected) closePeer(peer, LOST);
        })
      : transport.subscribe(subjects.beat(peerAddress), undefined, () => {
          peer.silentBeats = 0;
        });
  };
  const joins = neighbours?.onJoin((peerAddress) => {
    const peer = peers.get(peerAddress);
    if (peer) follow(peerAddress, peer);
  });
  const attach = (end: SessionEnd, peerAddress: string, credit: number): void => {
    opening.delete(end);
    if (end.isClosed) return;
    let peer = peers.get(peerAddress);
    if (!peer) {
      peer = { ends: new Set(), silentBeats: 0, isNear: false, life: NO_LIFE };
      peers.set(peerAddress, peer);
      follow(peerAddress, peer);
    }
    peer.ends.add(end);
    end.attach(peerAddress, credit);
    // Lost after it had answered: it has let go of its end.
    if (peer.isNear && neighbours?.get(peerAddress)?.connected !== true) closePeer(peer, LOST);
  };

  const startBeating = (): void => {
    beats ??= everyBeat(world.clock, beat);
  };
  const stopBeating = (): void => {
    beats?.unsubscribe();
    beats = undefined;
  };
  const beat = (): void => {
    const far = [...peers].filter(([, peer]) => !peer.isNear);
    if (far.length === 0 && opening.size === 0 && owing.size === 0) {
      stopBeating();
      return;
    }
    if (far.length > 0 || opening.size > 0) transport.publish(subjects.beat(address), NOTHING);
    for (const end of owing) if (!end.tellWhenQuiet()) owing.delete(end);
    const roll = ++beatCount % ROSTER_BEATS === 0;
    for (const [peerAddress, peer] of far) {
      if (roll) roster.send(peerAddress);
      if (++peer.silentBeats < LATE_BEATS) continue;
      for (const end of peer.ends) if (peer.silentBeats >= end.patience) end.close(SILENT);
      if (peer.ends.size > 0) askFor(peerAddress, peer);
    }
  };

  /** The server knows whether there is still anyone on the peer's subjects; no answer says that there is, for now. */
  const askFor = (peerAddress: string, peer: Peer): void => {
    requests.request(subjects.sessionProbe(peerAddress), NOTHING, { timeoutMs: BEAT_MS }).catch((error: unknown) => {
      const silent = peer.silentBeats >= LATE_BEATS && transport.connected;
      if (silent && reasonOf(error) === 'ServiceUnavailable') closePeer(peer, LOST);
    });
  };

  const connection = transport.onConnection((connected) => {
    if (connected) return;
    const status = unavailable('the connection to the bus was lost').status;
    for (const end of ends.values()) end.abandon(status);
  });

  return {
    open: async (subject, body, openOptions) => {
      const window = openOptions.window ?? DEFAULT_WINDOW;
      const id = world.ids.token();
      const { silenceMs = 0 } = openOptions;
      const end = add(id, 'client', window, silenceMs);
      opening.add(end);
      const settle = (answer: unknown): void => {
        const { session, credit } = parseAnswer(answer);
        attach(end, session, credit);
      };
      try {
        const patience = silenceMs > 0 ? ` ${silenceMs}` : '';
        const headers = { ...openOptions.headers, [HEADER.session]: `${address} ${id} ${window}${patience}` };
        const answer = await requests.request(subject, encode(body), openOptions, headers, (late) => {
          // The server has a session that nobody wants any more.
          const { session } = parseAnswer(late);
          transport.publish(subjects.session(session, id, 'server'), encode([1, 0, null]));
        });
        settle(answer);
        return end;
      } catch (error) {
        end.abandon(unavailable('the session was not opened').status);
        throw error;
      }
    },
    accept: (message, acceptor) => {
      const [peer = '', id = '', window = '', silence = '0'] = (message.headers[HEADER.session] ?? '').split(' ');
      const credit = Number(window);
      const silenceMs = Number(silence);
      if (
        !subjects.isAddress(peer) ||
        !/^[A-Za-z0-9_-]+$/.test(id) ||
        !Number.isSafeInteger(credit) ||
        credit < 1 ||
        !(silenceMs >= 0)
      )
        throw new ApiError('BadRequest', 'malformed request for a session');
      // It speaks for itself: what it is sent goes where its answer goes, and not back to us.
      const isOurs = peer === address && !ends.has(`${id}.client`);
      if (isOurs || !message.reply.startsWith(`${subjects.inbox(peer)}.`))
        throw new ApiError('BadRequest', 'a session is opened for oneself');
      const end = add(id, 'server', DEFAULT_WINDOW, silenceMs);
      attach(end, peer, credit);
      const answer = { session: address, credit: DEFAULT_WINDOW };
      const refuse = (error: unknown): never => {
        end.abandon(unavailable('the session was not accepted').status);
        throw error;
      };
      try {
        // An acceptor that takes its time accepts when it is done or, if it is the whole session, when it starts to use it.
        const used = new Promise<void>((resolve) => {
          end.onFirstUse = resolve;
        });
        const accepted: unknown = acceptor(message, end);
        if (!(accepted instanceof Promise)) return answer;
        let answered = false;
        const whole = accepted.catch((error: unknown) => {
          if (answered) end.close(toStatus(error));
          else refuse(error);
        });
        return Promise.race([whole, used]).then(() => {
          answered = true;
          return answer;
        });
      } catch (error) {
        return refuse(error);
      }
    },
    closeAll: (reason) => {
      const status = unavailable(reason).status;
      for (const end of ends.values()) end.close(status);
    },
    close: () => {
      neighbours?.delete(address);
      connection.unsubscribe();
      joins?.unsubscribe();
      incoming?.unsubscribe();
      stopBeating();
    },
  };
}

function parseAnswer(answer: unknown): { readonly session: string; readonly credit: number } {
  const { session, credit } = (answer ?? {}) as { session?: unknown; credit?: unknown };
  if (typeof session !== 'string' || !subjects.isAddress(session) || !Number.isSafeInteger(credit))
    throw new ApiError('ServiceUnavailable', 'the server does not speak the session protocol');
  return { session, credit: credit as number };
}
