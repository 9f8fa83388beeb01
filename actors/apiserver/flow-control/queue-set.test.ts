import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestInfo, UserInfo } from '../request.ts';
import { deal } from './dealer.ts';
import { FlowRequest, PLAIN_WORK, type Work } from './flow-request.ts';
import { EXEMPT, QueueSet, REJECTING, type Queuing } from './queue-set.ts';

const INFO: RequestInfo = {
  isResource: true, path: '', verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: '', name: 'x',
}; // prettier-ignore
const USER: UserInfo = { name: 'u', groups: [] };
const QUEUING: Queuing = { queues: 8, handSize: 3, lengthLimit: 5 };
const work = (initialSeats: number, finalSeats = 0, additionalMs = 0): Work => ({
  ...PLAIN_WORK,
  initialSeats,
  finalSeats,
  additionalMs,
});
const requestOf = (flow: number, w: Work, now: number): FlowRequest<number> =>
  new FlowRequest(flow, INFO, USER, String(flow), w, now);
const handOf = (flow: number, { queues, handSize }: Queuing): number[] =>
  deal(BigInt(flow * 7_919 + 13) * 1_000_003n, queues, handSize);

/** What is said of a set of queues in its fields, counted again. */
function assertSound(set: QueueSet<number>, alive: readonly FlowRequest<number>[]): void {
  const waiting = alive.filter((r) => r.state === 'waiting');
  const held = alive.filter((r) => r.state === 'executing' || r.state === 'lingering');
  const seats = (list: readonly FlowRequest<number>[]): number => list.reduce((sum, r) => sum + r.seats, 0);
  expect({
    waiting: set.waiting, seatsWaiting: set.seatsWaiting, seatsInUse: set.seatsInUse, executing: set.executing.size,
    lengths: set.queues.reduce((sum, q) => sum + q.length, 0), slots: set.queues.filter((q) => q.slot >= 0).length,
  }).toEqual({
    waiting: waiting.length, seatsWaiting: seats(waiting), seatsInUse: seats(held),
    executing: alive.filter((r) => r.state === 'executing').length,
    lengths: waiting.length, slots: set.queues.filter((q) => q.length > 0).length,
  }); // prettier-ignore
}

type Step =
  | { readonly do: 'arrive'; readonly flow: number; readonly work: Work; readonly held: boolean }
  | { readonly do: 'finish' | 'cancel' | 'release'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'configure'; readonly queues: number; readonly limit: number };
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('arrive' as const), flow: fc.nat(5), held: fc.boolean(),
    work: fc.record({ initialSeats: fc.integer({ min: 1, max: 4 }), finalSeats: fc.nat(6), additionalMs: fc.nat(9), units: fc.constant(1) }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('finish' as const, 'cancel' as const, 'release' as const), which: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('configure' as const), queues: fc.integer({ min: 3, max: 12 }), limit: fc.integer({ min: 1, max: 9 }) }) },
); // prettier-ignore

describe('a set of queues', () => {
  it('loses no seat and no request, keeps its limit and leaves nothing idle, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps: readonly Step[]) => {
        const set = new QueueSet<number>(QUEUING, 4, 0);
        let alive: FlowRequest<number>[] = [];
        let now = 0;
        for (const one of steps) {
          const pick = (): FlowRequest<number> | undefined =>
            'which' in one ? alive[one.which % alive.length] : undefined;
          if (one.do === 'pass') now += one.ms;
          else if (one.do === 'configure') set.configure({ ...QUEUING, queues: one.queues }, one.limit, now);
          else if (one.do === 'arrive') {
            const request = requestOf(one.flow, one.work, now);
            if (set.arrive(request, handOf(one.flow, set.queuing), one.held, now)) alive.push(request);
          } else if (one.do === 'cancel') set.cancel(pick() ?? requestOf(0, PLAIN_WORK, now), now);
          else if (one.do === 'finish') set.finish(pick() ?? requestOf(0, PLAIN_WORK, now), now);
          else set.release(pick() ?? requestOf(0, PLAIN_WORK, now), now);
          const before = set.seatsInUse;
          for (let next = set.next(now); next !== undefined; next = set.next(now)) {
            expect(set.seatsInUse <= set.limit || set.executing.size === 1, 'more seats than there are').toBe(true);
          }
          expect(set.seatsInUse >= before).toBe(true);
          // Work conserving: who waits at the front of some queue has no room.
          if (set.waiting > 0 && set.seatsInUse < set.limit) {
            const least = Math.min(...set.queues.filter((q) => q.length > 0).map((q) => q.head!.seats));
            const most = Math.max(...set.queues.filter((q) => q.length > 0).map((q) => q.head!.seats));
            expect(set.seatsInUse + most > set.limit, `${least} to ${most} seats are free`).toBe(true);
          }
          alive = alive.filter((r) => r.state !== 'done');
          assertSound(set, alive);
        }
        for (let rounds = 0; alive.length > 0 && rounds < 1000; rounds++) {
          for (const request of alive) {
            set.finish(request, now);
            set.release(request, now);
          }
          while (set.next(now) !== undefined);
          alive = alive.filter((r) => r.state !== 'done');
        }
        assertSound(set, []);
        expect([set.isIdle, set.queues.length]).toEqual([true, set.queuing.queues]);
      }),
      { numRuns: 150 },
    );
  });

  it('a flow that asks for ten times as much gets no more than one that always has a few waiting', () => {
    const queuing = { queues: 64, handSize: 6, lengthLimit: 50 };
    const set = new QueueSet<number>(queuing, 4, 0);
    const served = [0, 0];
    const waiting = [0, 0];
    const ask = (flow: number, upTo: number, now: number): void => {
      while (waiting[flow]! < upTo && set.arrive(requestOf(flow, PLAIN_WORK, now), handOf(flow, queuing), false, now)) waiting[flow]!++; // prettier-ignore
    };
    const under: { readonly request: FlowRequest<number>; readonly until: number }[] = [];
    for (let now = 0; now < 5_000; now++) {
      ask(0, 200, now);
      // As many queues as the other has are as much as one flow can have.
      ask(1, 20, now);
      for (const done of under.filter(({ until }) => until <= now)) {
        set.finish(done.request, now);
        under.splice(under.indexOf(done), 1);
      }
      for (let next = set.next(now); next !== undefined; next = set.next(now)) {
        under.push({ request: next, until: now + 3 });
        served[next.owner]!++;
        waiting[next.owner]!--;
      }
    }
    expect(served[0]! + served[1]!, 'idle').toBeGreaterThan(6_000);
    expect(served[1]! / served[0]!).toBeGreaterThan(0.8);
    expect(served[1]! / served[0]!).toBeLessThan(1.25);
  });

  it('one request of a quiet flow is served in the next round, however many of another flow wait', () => {
    const set = new QueueSet<number>(QUEUING, 1, 0);
    const busy = [0, 1, 2].map((card) => [card, card, card]);
    for (let i = 0; i < 12; i++) set.arrive(requestOf(0, PLAIN_WORK, 0), busy[i % 3]!, false, 0);
    const first = set.next(0)!;
    set.finish(first, 30);
    for (let i = 0; i < 3; i++) set.finish(set.next(30 + i * 30)!, 60 + i * 30);
    set.arrive(requestOf(1, PLAIN_WORK, 120), [7, 7, 7], false, 120);
    const turns: number[] = [];
    for (let i = 0; i < 4; i++) {
      const next = set.next(120 + i * 30)!;
      turns.push(next.owner);
      set.finish(next, 150 + i * 30);
    }
    // The others have three queues.
    expect(turns).toContain(1);
  });

  it.each<[string, Queuing, number, number, number, boolean[]]>([
    ['refuses what has no seat, without queues', REJECTING, 2, 3, 1, [true, true, false]],
    ['lets a request in that is wider than the limit, if it is alone', REJECTING, 2, 2, 3, [true, false]],
    ['never refuses who is exempt', EXEMPT, 0, 3, 5, [true, true, true]],
    [
      'refuses when its queues are full',
      { queues: 1, handSize: 1, lengthLimit: 2 },
      1,
      4,
      1,
      [true, true, true, false],
    ],
  ])('%s', (_name, queuing, limit, count, seats, taken) => {
    const set = new QueueSet<number>(queuing, limit, 0);
    const outcome = Array.from({ length: count }, () => {
      const isTaken = set.arrive(requestOf(0, work(seats), 0), [0], false, 0);
      set.next(0);
      return isTaken;
    });
    expect([outcome, set.rejected]).toEqual([taken, taken.filter((t) => !t).length]);
  });

  it('while something else holds requests back, queues are longer by what has seats', () => {
    const set = new QueueSet<number>({ queues: 1, handSize: 1, lengthLimit: 2 }, 3, 0);
    const outcome = Array.from({ length: 6 }, () => set.arrive(requestOf(0, PLAIN_WORK, 0), [0], true, 0));
    expect(outcome).toEqual([true, true, true, true, true, false]);
  });

  it('keeps the seats of a write until its event is sent', () => {
    const set = new QueueSet<number>(QUEUING, 3, 0);
    const wide = requestOf(0, work(1, 3, 5), 0);
    set.arrive(wide, [0, 1, 2], false, 0);
    expect([set.next(0), set.seatsInUse]).toEqual([wide, 3]);
    set.arrive(requestOf(1, PLAIN_WORK, 0), [3, 4, 5], false, 0);
    expect(set.next(0)).toBeUndefined();
    expect([set.finish(wide, 2), set.executing.size, set.next(2)]).toEqual([5, 0, undefined]);
    set.release(wide, 7);
    expect([set.seatsInUse, set.next(7)?.owner]).toEqual([0, 1]);
  });
});

describe('hands', () => {
  it('have different cards of the deck, and the same for the same hash', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 8 }), (hash, deck, wanted) => {
        const size = Math.min(deck, wanted);
        const hand = deal(hash, deck, size);
        expect(new Set(hand).size).toBe(size);
        expect(hand.every((card) => card >= 0 && card < deck)).toBe(true);
        expect(deal(hash, deck, size)).toEqual(hand);
      }),
    ); // prettier-ignore
  });
  it('are dealt evenly', () => {
    const seen = Array.from({ length: 6 }, () => 0);
    for (let hash = 0n; hash < 120n; hash++) for (const card of deal(hash, 6, 3)) seen[card]!++;
    expect(seen).toEqual([60, 60, 60, 60, 60, 60]);
  });
});
