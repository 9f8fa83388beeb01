import type { AnyActorRef } from 'xstate';
import type { ActorFilter, ActorList, ControlState, WireActor } from './inspection-frames.ts';
import type { Tap } from './inspection-taps.ts';

export interface LiveActor {
  readonly id: string;
  readonly machine: string;
  /** The actor that runs now; another after a restart. */
  readonly ref: () => AnyActorRef;
}
/** A live actor as the inspection keeps it. */
export interface Entry {
  readonly actor: LiveActor;
  /** The actor's id, made unique where several bear the same. */
  readonly id: string;
  /** Grows with each: the order of lists. */
  readonly serial: number;
  /** While somebody listens. */
  tap: Tap | undefined;
}
export const UNHELD: ControlState = { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] };

export const wireOf = (entry: Entry): WireActor => ({
  actor: entry.id,
  machine: entry.actor.machine,
  states: entry.tap?.cells.map((cell) => cell.state) ?? [],
  control: entry.tap?.gate?.state ?? UNHELD,
});
/** One page of those that the filter lets through, in the order in which they came. */
export function listEntries(entries: Iterable<Entry>, filter: ActorFilter): ActorList {
  const limit = filter.limit ?? 100;
  const text = filter.text?.toLowerCase();
  const actors: WireActor[] = [];
  let after: number | undefined;
  // Those that are held come in the order in which they were.
  const all = filter.held ? [...entries].sort((a, b) => a.serial - b.serial) : entries;
  for (const entry of all) {
    if (filter.after !== undefined && entry.serial <= filter.after) continue;
    if (filter.machine !== undefined && entry.actor.machine !== filter.machine) continue;
    if (text !== undefined && !entry.id.toLowerCase().includes(text)) continue;
    if (filter.state !== undefined && !isIn(entry, filter.state)) continue;
    // One more than asked for: there is a next page.
    if (actors.length === limit) return { actors, after: after! };
    actors.push(wireOf(entry));
    after = entry.serial;
  }
  return { actors };
}
const isIn = (entry: Entry, path: string): boolean =>
  entry.tap?.cells.some(({ state }) => state === path || state.startsWith(`${path}.`)) ?? false;
