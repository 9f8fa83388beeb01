import type { Operation } from './operation.ts';

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** `stuck`: the operations of which none can be the next, whatever the order of those before. */
  | { readonly kind: 'violation'; readonly key: string; readonly stuck: readonly Operation[] }
  /** The search was given up: too many orders are possible. */
  | { readonly kind: 'undecided'; readonly key: string };

/**
 * The model of one object: absent or a value, with the revision that its writer was told. `revision` is undefined after
 * a write whose answer was lost; the first reader who is told fixes it. `above`: every later revision is greater.
 */
interface State {
  readonly value: string | undefined;
  readonly revision: number | undefined;
  readonly above: number;
}
const INITIAL: State = { value: undefined, revision: undefined, above: 0 };
const DEFAULT_STEPS = 2_000_000;

/**
 * Whether there is an order of the operations, each within its time, in which every answer is the one that a single
 * object that is compared and set would have given. Each object by itself: linearizability is local.
 * Source: Wing and Gong, Testing and verifying concurrent objects (1993), with Lowe's memory of states seen, as porcupine.
 */
export function checkLinearizable(operations: readonly Operation[], maxSteps = DEFAULT_STEPS): Verdict {
  for (const [key, group] of Map.groupBy(operations, (operation) => operation.key)) {
    const verdict = checkKey(key, group, maxSteps);
    if (verdict.kind !== 'linearizable') return verdict;
  }
  return { kind: 'linearizable' };
}

/** The state after `operation`, or undefined where its answer does not fit `state`. */
export function step(state: State, { ask, outcome }: Operation): State | undefined {
  const exists = state.value !== undefined;
  const isAt = (expect: number): State | undefined => {
    if (!exists) return undefined;
    if (state.revision !== undefined) return state.revision === expect ? state : undefined;
    return expect > state.above ? { ...state, revision: expect, above: expect } : undefined;
  };
  const written = (value: string, before: State, revision: number | undefined): State | undefined => {
    if (revision !== undefined && revision <= before.above) return undefined;
    return { value, revision, above: revision ?? before.above };
  };
  switch (outcome.kind) {
    case 'notFound':
      return exists || ask.kind === 'create' ? undefined : state;
    case 'alreadyExists':
      return exists && ask.kind === 'create' ? state : undefined;
    case 'conflict': {
      if (ask.kind === 'get' || ask.kind === 'create' || ask.expect === undefined) return undefined;
      // Of an object whose revision nobody was told, any other revision is possible.
      return exists && state.revision === ask.expect ? undefined : state;
    }
    case 'done':
    case 'unknown': {
      const revision = outcome.kind === 'done' ? outcome.revision : undefined;
      switch (ask.kind) {
        case 'get': {
          if (outcome.kind === 'unknown') return state;
          if (revision === undefined || outcome.value !== state.value) return undefined;
          return isAt(revision);
        }
        case 'create':
          return exists ? undefined : written(ask.value, state, revision);
        case 'update': {
          const before = isAt(ask.expect);
          return before && written(ask.value, before, revision);
        }
        case 'delete': {
          const before = ask.expect === undefined ? (exists ? state : undefined) : isAt(ask.expect);
          return before && { value: undefined, revision: undefined, above: before.above };
        }
      }
    }
  }
}

/** A call or a return, in a list from which both can be taken and to which they can be given back. */
interface Entry {
  readonly id: number;
  readonly operation: Operation;
  /** Of a call: its return; undefined where that never came. */
  readonly match: Entry | undefined;
  readonly isCall: boolean;
  previous: Entry | undefined;
  next: Entry | undefined;
}

function checkKey(key: string, operations: readonly Operation[], maxSteps: number): Verdict {
  // A read that was not answered says nothing.
  const relevant = operations.filter(({ ask, outcome }) => !(ask.kind === 'get' && outcome.kind === 'unknown'));
  const head = listOf(relevant);
  let open = relevant.filter(({ outcome }) => outcome.kind !== 'unknown').length;
  let state = INITIAL;
  const done = new Bits(relevant.length);
  const seen = new Set<string>();
  const stack: { readonly entry: Entry; readonly before: State }[] = [];
  let furthest: { readonly depth: number; readonly stuck: readonly Operation[] } = { depth: -1, stuck: [] };
  let entry = head.next;
  for (let steps = 0; open > 0; steps++) {
    if (steps > maxSteps) return { kind: 'undecided', key };
    if (entry?.isCall) {
      const after = step(state, entry.operation);
      if (after !== undefined) {
        done.set(entry.id, true);
        const place = `${done.text()}|${after.value ?? ''}|${after.revision ?? ''}|${after.above}`;
        if (!seen.has(place)) {
          seen.add(place);
          stack.push({ entry, before: state });
          state = after;
          if (entry.match !== undefined) open--;
          lift(entry);
          entry = head.next;
          continue;
        }
        done.set(entry.id, false);
      }
      entry = entry.next;
      continue;
    }
    // A return whose call is not yet in the order: too late for it. Take back the last choice.
    if (stack.length > furthest.depth) furthest = { depth: stack.length, stuck: candidates(head) };
    const last = stack.pop();
    if (last === undefined) return { kind: 'violation', key, stuck: furthest.stuck };
    state = last.before;
    done.set(last.entry.id, false);
    if (last.entry.match !== undefined) open++;
    unlift(last.entry);
    entry = last.entry.next;
  }
  return { kind: 'linearizable' };
}

/** Calls before the first return: those that could have been next. */
function candidates(head: Entry): Operation[] {
  const found: Operation[] = [];
  for (let entry = head.next; entry?.isCall; entry = entry.next) found.push(entry.operation);
  return found;
}

function listOf(operations: readonly Operation[]): Entry {
  const events = operations.flatMap((operation, id) => {
    const end: Entry | undefined =
      operation.outcome.kind === 'unknown'
        ? undefined
        : { id, operation, match: undefined, isCall: false, previous: undefined, next: undefined };
    const call: Entry = { id, operation, match: end, isCall: true, previous: undefined, next: undefined };
    return end ? [call, end] : [call];
  });
  const timeOf = ({ isCall, operation }: Entry): number => (isCall ? operation.invokedAt : operation.returnedAt);
  // At one moment calls come first: what cannot be told apart counts as concurrent.
  events.sort((a, b) => timeOf(a) - timeOf(b) || Number(b.isCall) - Number(a.isCall));
  const head: Entry = { id: -1, operation: operations[0]!, match: undefined, isCall: false, previous: undefined, next: undefined }; // prettier-ignore
  let last = head;
  for (const event of events) {
    last.next = event;
    event.previous = last;
    last = event;
  }
  return head;
}
function lift(entry: Entry): void {
  for (const one of [entry, entry.match]) {
    if (one === undefined) continue;
    one.previous!.next = one.next;
    if (one.next) one.next.previous = one.previous;
  }
}
function unlift(entry: Entry): void {
  for (const one of [entry.match, entry]) {
    if (one === undefined) continue;
    one.previous!.next = one;
    if (one.next) one.next.previous = one;
  }
}

/** A set of small numbers, as text to be remembered. What is complete up to some number is told by that number alone. */
class Bits {
  readonly #words: Uint32Array;
  constructor(size: number) {
    this.#words = new Uint32Array((size >> 5) + 1);
  }
  set(id: number, on: boolean): void {
    if (on) this.#words[id >> 5]! |= 1 << (id & 31);
    else this.#words[id >> 5]! &= ~(1 << (id & 31));
  }
  text(): string {
    let full = 0;
    while (this.#words[full] === 0xffff_ffff) full++;
    let end = this.#words.length;
    while (end > full && this.#words[end - 1] === 0) end--;
    return `${full}:${this.#words.subarray(full, end).join(',')}`;
  }
}
