import type { OwnerReference } from '../../../schemas/meta/object.ts';
import { FOREGROUND, ORPHAN, waitsForDependents, waitsForOrphans, type Item } from './graph.ts';

/** What an owner reference turned out to be. */
export type OwnerState = 'solid' | 'absent' | 'waiting';
export interface Owner {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
}
export type Verdict =
  | { readonly do: 'nothing' }
  /** Take these owners off its list. */
  | { readonly do: 'drop'; readonly owners: readonly string[] }
  | { readonly do: 'delete'; readonly policy: 'Background' | 'Foreground' | 'Orphan'; readonly unblock: boolean }
  /** It waits for these dependents: see that they go. */
  | { readonly do: 'press'; readonly dependents: readonly Item[] }
  | { readonly do: 'release'; readonly finalizer: typeof FOREGROUND | typeof ORPHAN }
  /** Take it off the owners of all its dependents, then release it. */
  | { readonly do: 'orphan'; readonly dependents: readonly Item[] };

/** Dependents that keep their owner from going. */
const blocking = (item: Item): Item[] =>
  [...item.dependents].filter((d) => d.owners.some((o) => o.uid === item.uid && o.blockOwnerDeletion === true));

/** What an item that is being deleted needs of the collector; undefined if it is not, or waits for others. */
export function judgeDeleting(item: Item): Verdict | undefined {
  if (waitsForOrphans(item)) return { do: 'orphan', dependents: [...item.dependents] };
  if (waitsForDependents(item)) {
    const dependents = blocking(item);
    return dependents.length === 0 ? { do: 'release', finalizer: FOREGROUND } : { do: 'press', dependents };
  }
  return item.isDeleting ? { do: 'nothing' } : undefined;
}

/**
 * What becomes of an item by the state of its owners: with one that stays it stays, freed of those that do not; with
 * none it goes, in the foreground if an owner waits and it has dependents itself.
 * Source: pkg/controller/garbagecollector attemptToDeleteItem.
 */
export function judge(item: Item, owners: readonly Owner[]): Verdict {
  const uids = (state: OwnerState): string[] => owners.filter((o) => o.state === state).map((o) => o.reference.uid);
  const [solid, absent, waiting] = [uids('solid'), uids('absent'), uids('waiting')];
  if (owners.length === 0) return { do: 'nothing' };
  if (solid.length > 0) {
    const gone = [...absent, ...waiting];
    return gone.length === 0 ? { do: 'nothing' } : { do: 'drop', owners: gone };
  }
  if (waiting.length > 0 && item.dependents.size > 0) {
    // A circle of owners that wait for each other would wait for ever.
    const unblock = [...item.dependents].some(waitsForDependents);
    return { do: 'delete', policy: 'Foreground', unblock };
  }
  const policy = item.finalizers.includes(ORPHAN) ? 'Orphan' : item.finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background'; // prettier-ignore
  return { do: 'delete', policy, unblock: false };
}
