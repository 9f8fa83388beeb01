import { BEAT_MS } from './beat.ts';
import { decode, encode } from './codec.ts';
import type { SessionEnd } from './session.ts';
import { unavailable } from './session.ts';
import * as subjects from './subjects.ts';

export const ROSTER_KEY = 'roster';
/** A roster each four seconds. */
export const ROSTER_BEATS = 4000 / BEAT_MS;
const UNLISTED_LIMIT = 2;

/** One session: its end at the receiver (`<id>.client`), frames sent and frames consumed by the roster's sender. */
type Entry = readonly [key: string, sent: number, consumed: number];

export interface RosterHost {
  readonly address: string;
  /** Name of the session's other end at its connection. */
  keyAtPeer(end: SessionEnd): string;
  find(key: string): SessionEnd | undefined;
  /** Our ends of the sessions with `peer`, and those that are being opened, perhaps there. */
  with(peer: string): Iterable<SessionEnd>;
  publish(subject: string, bytes: Uint8Array): void;
}
export interface Roster {
  send(peer: string): void;
  receive(bytes: Uint8Array): void;
}

/**
 * Two connections that have sessions with each other now and then compare which, and how far each has got. What no
 * number in the stream of frames can tell comes out here: that the last frame of a quiet session was lost (a route
 * between servers broke while both connections stayed), or its close, or the last credit; or that one end gave up while
 * the other was accepting.
 */
export function createRoster(host: RosterHost): Roster {
  const tell = (peer: string, isReply: boolean): void => {
    const entries = Array.from(host.with(peer), (end): Entry => [host.keyAtPeer(end), ...end.counts]);
    host.publish(subjects.sessionRoster(peer), encode([host.address, entries, isReply]));
  };
  return {
    send: (peer) => {
      tell(peer, false);
    },
    receive: (bytes) => {
      const roster = parse(bytes);
      if (!roster) return;
      const { peer, entries, isReply } = roster;
      const listed = new Set<SessionEnd>();
      let strangers = false;
      for (const [key, sent, consumed] of entries) {
        const end = host.find(key);
        if (end && end.peer === undefined) continue;
        if (end?.peer !== peer) {
          strangers = true;
          continue;
        }
        listed.add(end);
        end.unlisted = 0;
        end.compare(sent, consumed);
      }
      for (const end of host.with(peer))
        if (end.peer === peer && !listed.has(end) && ++end.unlisted >= UNLISTED_LIMIT)
          end.close(unavailable('the other end of the session has forgotten it').status);
      // The peer learns from ours that it has sessions that we do not have.
      if (strangers && !isReply) tell(peer, true);
    },
  };
}

function parse(
  bytes: Uint8Array,
): { readonly peer: string; readonly entries: readonly Entry[]; readonly isReply: boolean } | undefined {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || typeof value[0] !== 'string' || !subjects.isAddress(value[0])) return undefined;
  const entries: unknown = value[1];
  if (!Array.isArray(entries)) return undefined;
  const valid = entries.every(
    (e) => Array.isArray(e) && typeof e[0] === 'string' && Number.isSafeInteger(e[1]) && Number.isSafeInteger(e[2]),
  );
  return valid ? { peer: value[0], entries: entries as Entry[], isReply: value[2] === true } : undefined;
}
