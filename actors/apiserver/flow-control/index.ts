/**
 * API priority and fairness: `arrive` once per request, `decided` if it has to wait, `leave` when it is dealt with. Each
 * request belongs to a flow of a FlowSchema, whose priority level has a number of seats and queues for what has none; a
 * gate in front of them knows that there is one thread. Source: apiserver pkg/util/flowcontrol, pkg/server/filters.
 */
import type { TimerId } from '../../../bus/world.ts';
import facts from '../../../schemas/facts/flowcontrol.json' with { type: 'json' };
import type { FlowSchema, PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import type { Core } from '../core.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { Admission } from './admission.ts';
import { Classifier } from './classifier.ts';
import type { Counts, Refusal } from './counts.ts';
import { FlowRequest } from './flow-request.ts';
import { Gate } from './gate.ts';
import { Level, levelSpec } from './level.ts';
import { adjust, setNominal } from './limits.ts';
import { isLongRunning, patienceMs } from './patience.ts';
import { Refusals, RetryAfter } from './refusals.ts';
import { estimate } from './work.ts';

export type { Admission } from './admission.ts';
export type { FlowClass } from './classifier.ts';
/** Source: kube-apiserver --max-requests-inflight, --max-mutating-requests-inflight. */
export const READ_LIMIT = 400;
export const WRITE_LIMIT = 200;
/** Source: apf_controller.go borrowingAdjustmentPeriod. */
const ADJUST_MS = 10_000;
const GROUP = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1' };
/** There before the store says so. */
const fact = <T>(list: readonly { readonly metadata: { readonly name: string } }[], name: string): T =>
  list.find(({ metadata }) => metadata.name === name) as T;
const IMAGINED = {
  exempt: fact<FlowSchema>(facts.flowSchemas, 'exempt'),
  catchAll: fact<FlowSchema>(facts.flowSchemas, 'catch-all'),
};
const MANDATORY = ['exempt', 'catch-all'].map((name) => fact<PriorityLevelConfiguration>(facts.priorityLevelConfigurations, name)); // prettier-ignore

type Ground = Pick<Core, 'registry' | 'cache' | 'world'>;
export class FlowControl {
  readonly #core: Core;
  readonly #limit: number;
  #levels = new Map<string, Level<Admission>>();
  #all: readonly Level<Admission>[] = [];
  #classifier!: Classifier<Admission>;
  readonly counts = new Map<string, Counts>();
  readonly #gate = new Gate<Admission>();
  readonly #refusals: Refusals;
  readonly #retryAfter = new WeakMap<Level<Admission>, RetryAfter>();
  #isStale = false;
  #isFollowing = false;
  #waiting = 0;
  #adjusting: TimerId | undefined;
  #looking: TimerId | undefined;
  /** See `adjust`. */
  fair = 0;
  /** `limit`: seats of all levels together. */
  constructor(core: Ground, limit = READ_LIMIT + WRITE_LIMIT) {
    this.#core = core as Core;
    this.#limit = limit;
    this.#refusals = new Refusals(core.world.clock);
    this.#configure();
  }
  /** Follows the configuration, and lends seats from now on. */
  begin(): void {
    const { clock } = this.#core.world;
    this.#follow();
    const later = (): void => {
      this.#adjusting = clock.setTimeout(() => {
        this.fair = adjust(this.#all, clock.now());
        this.#pump(clock.now());
        later();
      }, ADJUST_MS);
    };
    if (this.#adjusting === undefined) later();
  }
  stop(): void {
    const { clock } = this.#core.world;
    if (this.#adjusting !== undefined) clock.clearTimeout(this.#adjusting);
    if (this.#looking !== undefined) clock.clearTimeout(this.#looking);
    this.#adjusting = this.#looking = undefined;
  }
  /** By name. */
  levels(): readonly Level<Admission>[] {
    this.#refresh();
    return this.#all;
  }

  #follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    const stale = (): void => {
      if (this.#isStale) return;
      this.#isStale = true;
      // Who waits hears of it too, though nobody comes.
      queueMicrotask(() => this.#refresh());
    };
    for (const resource of ['flowschemas', 'prioritylevelconfigurations']) {
      const found = this.#core.registry.lookup({ ...GROUP, resource });
      if (found !== undefined) this.#core.cache.onChange(found, stale);
    }
    this.#isStale = true;
  }
  #refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#configure();
    this.#pump(this.#core.world.clock.now());
  }
  #objects<T>(resource: string): T[] {
    const found = this.#core.registry.lookup({ ...GROUP, resource });
    return found === undefined ? [] : ([...this.#core.cache.list(found)] as unknown as T[]);
  }
  #configure(): void {
    const now = this.#core.world.clock.now();
    const specs = this.#objects<PriorityLevelConfiguration>('prioritylevelconfigurations').map(levelSpec);
    for (const object of MANDATORY)
      if (!specs.some((spec) => spec?.name === object.metadata.name)) specs.push(levelSpec(object));
    const levels = new Map<string, Level<Admission>>();
    for (const spec of specs) {
      if (spec === undefined) continue;
      const level = this.#levels.get(spec.name) ?? new Level(spec, now);
      level.spec = spec;
      level.quiescing = false;
      levels.set(spec.name, level);
    }
    // Nobody is sent to these any more, but some are there.
    for (const [name, level] of this.#levels)
      if (!levels.has(name) && !level.set.isIdle) {
        level.quiescing = true;
        levels.set(name, level);
      }
    const fresh = [...levels.values()].filter((level) => !this.#levels.has(level.spec.name));
    this.#levels = levels;
    this.#all = [...levels.values()].toSorted((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
    setNominal(this.#all, this.#limit);
    for (const level of fresh) level.current = level.nominal - Math.trunc((level.nominal - level.min) / 2);
    this.fair = adjust(this.#all, now);
    const wanted = new Map([...levels].filter(([, level]) => !level.quiescing));
    this.#classifier = new Classifier(this.#objects<FlowSchema>('flowschemas'), wanted, IMAGINED, this.counts);
  }

  /**
   * A request comes in: it may go on, has to wait (`isWaiting`), or is `refused`. undefined: it is none of those that have
   * seats, because it lasts for as long as somebody listens.
   */
  arrive(info: RequestInfo, user: UserInfo, query: URLSearchParams): Admission | undefined {
    if (isLongRunning(info)) return undefined;
    if (this.#isStale) this.#refresh();
    const { clock } = this.#core.world;
    const now = clock.now();
    const { flowClass, counts, level, flow } = this.#place(user, info);
    const work = estimate(this.#core, info, query, level.maxSeats);
    const admission = new Admission(this, flowClass, counts, level);
    const request = new FlowRequest(admission, info, user, flow.distinguisher, work, now);
    admission.request = request;
    counts.estimated.add(request.seats);
    const { set } = level;
    if (level.isExempt) {
      set.arrive(request, flow.hand, false, now);
      this.#starts(request);
      level.noteDemand(now);
      return admission;
    }
    const isFirst = set.waiting === 0;
    if (!set.arrive(request, flow.hand, !this.#gate.isOpen(now), now)) {
      this.#refuse(admission, set.queuing.queues > 0 ? 'queue-full' : 'concurrency-limit', now);
      return admission;
    }
    if (request.state === 'executing') {
      this.#gate.enter(request);
      this.#starts(request);
    } else {
      if (isFirst) this.#gate.join(level);
      this.#waiting++;
      counts.waiting++;
      counts.waitingSeats += request.seats;
      counts.queueLength.add(request.queue!.length);
      this.#pump(now);
      if (admission.isWaiting) this.#look();
    }
    level.noteDemand(now);
    return admission;
  }
  #place(user: UserInfo, info: RequestInfo) {
    const schema = this.#classifier.classify(user, info);
    return { flowClass: schema.flowClass, counts: schema.counts, level: schema.level, flow: schema.flowOf(user, info) };
  }
  /** Resolves with whether it may go on, once it is known. */
  decided(admission: Admission, query: URLSearchParams): Promise<boolean> {
    if (!admission.isWaiting) return Promise.resolve(admission.refused === undefined);
    const { clock } = this.#core.world;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => this.cancel(admission), patienceMs(query));
      admission.decide = (isAdmitted) => {
        clock.clearTimeout(timer);
        resolve(isAdmitted);
      };
    });
  }
  /** To be waited for before a refusal is sent; undefined: at once. */
  refusalTurn(): Promise<void> | undefined {
    return this.#refusals.turn();
  }
  retryAfter(level: Level<Admission>): number {
    return this.#retryAfter.get(level)?.seconds ?? 1;
  }
  #refuse(admission: Admission, why: Refusal, now: number): void {
    const { counts, level, request } = admission;
    admission.refused = why;
    counts.rejected[why]++;
    counts.waited.false.add((now - request.arrivedMs) / 1000);
    let retryAfter = this.#retryAfter.get(level);
    if (retryAfter === undefined) this.#retryAfter.set(level, (retryAfter = new RetryAfter()));
    retryAfter.refused(now);
  }
  cancel(admission: Admission): void {
    const now = this.#core.world.clock.now();
    const { request, counts, level } = admission;
    if (!level.set.cancel(request, now)) return;
    this.#waiting--;
    counts.waiting--;
    counts.waitingSeats -= request.seats;
    level.noteDemand(now);
    this.#refuse(admission, 'time-out', now);
    admission.decide?.(false);
    this.#pump(now);
  }
  #starts({ owner: { counts, level }, seats, startedMs, arrivedMs }: FlowRequest<Admission>): void {
    counts.dispatched++;
    counts.executing++;
    counts.seats += seats;
    if (!level.isExempt) counts.waited.true.add((startedMs - arrivedMs) / 1000);
  }
  leave(admission: Admission): void {
    const { request, counts, level } = admission;
    if (request.state !== 'executing') return;
    const { clock } = this.#core.world;
    const now = clock.now();
    const lingersMs = level.set.finish(request, now);
    if (!level.isExempt) this.#gate.leave(request, now);
    counts.executing--;
    counts.executed[request.info.verb === 'watch' ? 'watch' : 'regular'].add((now - request.startedMs) / 1000);
    if (lingersMs === 0) this.#freed(admission, now);
    else {
      if (this.#waiting > 0) this.#pump(now);
      clock.setTimeout(() => {
        const later = clock.now();
        level.set.release(request, later);
        this.#freed(admission, later);
      }, lingersMs);
    }
  }
  #freed({ counts, level, request }: Admission, now: number): void {
    counts.seats -= request.seats;
    level.noteDemand(now);
    if (level.quiescing && level.set.isIdle) this.#isStale = true;
    if (this.#waiting > 0) this.#pump(now);
  }
  /** Has begin what may. */
  #pump(now: number): void {
    while (this.#waiting > 0 && this.#gate.isOpen(now)) {
      const request = this.#gate.next(this.#all, now);
      if (request === undefined) return;
      const { owner } = request;
      this.#gate.enter(request);
      this.#waiting--;
      owner.counts.waiting--;
      owner.counts.waitingSeats -= request.seats;
      this.#starts(request);
      // One that has just come goes on in the call that it came by.
      if (owner.decide === undefined) continue;
      if (this.#gate.begins(request)) this.#core.world.clock.setTimeout(this.#onTurn, 0);
      owner.decide(true);
    }
  }
  readonly #onTurn = (): void => {
    this.#gate.endTurn();
    this.#pump(this.#core.world.clock.now());
  };
  /** While somebody waits: those who are under way may all be waiting themselves. */
  #look(): void {
    this.#looking ??= this.#core.world.clock.setTimeout(() => {
      this.#looking = undefined;
      this.#pump(this.#core.world.clock.now());
      if (this.#waiting > 0) this.#look();
    }, this.#gate.patienceMs);
  }
}
