import type { Bus } from '../../bus/bus.ts';
import {
  isNoSpace,
  type DeleteRequest,
  type EtcdStatus,
  type EtcdVerb,
  type PutRequest,
  type RangeRequest,
  type RangeResponse,
  type WriteResponse,
} from '../../bus/protocol/etcd.ts';
import * as subjects from '../../bus/subjects.ts';
import { delay, type World } from '../../bus/world.ts';
import { reasonOf, statusOf } from '../../schemas/meta/status.ts';

const PAUSE_MS = 100;
/** How long a request is followed while the store does not answer: longer than servers need to elect a leader (9 s). */
const DEADLINE_MS = 15_000;
/** An answer that takes longer may never come: its facade may be dead. Doubled with each attempt. */
const FIRST_ANSWER_MS = 1_000;
const FUTURE_MS = 4_000;
const LONGEST_ANSWER_MS = 2_000;

/**
 * The etcd actor as the API server sees it: any of its facades, so what one does not answer another is asked. A write
 * whose outcome is unknown is repeated under the same id; attempts that were given up may still be under way then, which
 * is why each write says what it replaces, or in a creation since when nothing may have been there.
 */
export class Store {
  readonly #bus: Bus;
  readonly #world: World;
  readonly #seen: () => number;
  /** `seen`: the newest revision known here; what was deleted by then can be created in one go. */
  constructor(bus: Bus, world: World, seen: () => number) {
    this.#bus = bus;
    this.#world = world;
    this.#seen = seen;
  }
  /** A conflict of a creation (`expect: 0`) always has its present state. */
  async put(request: Omit<PutRequest, 'id' | 'since'>, signal: AbortSignal): Promise<WriteResponse> {
    if (request.expect !== 0) return this.#write('put', { ...request, id: this.#world.ids.token() }, signal);
    for (let since = this.#seen(); ;) {
      const answer = await this.#write('put', { ...request, since, id: this.#world.ids.token() }, signal);
      if (answer.conflict === undefined || answer.conflict.current !== undefined) return answer;
      since = answer.revision;
    }
  }
  delete(request: Omit<DeleteRequest, 'id'>, signal: AbortSignal): Promise<WriteResponse> {
    return this.#write('delete', { ...request, id: this.#world.ids.token() }, signal);
  }
  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
    // A revision that is still to come is the facade's to wait for; its word that it does not come is final.
    return this.#ask('range', request, signal, signal, request.revision ? FUTURE_MS : FIRST_ANSWER_MS);
  }
  status(): Promise<EtcdStatus> {
    return this.#bus.request(subjects.etcd('status'), {}, { timeoutMs: FIRST_ANSWER_MS });
  }
  /** Not bound to the caller's signal: a write that was sent is followed to its end. */
  #write(verb: 'put' | 'delete', request: PutRequest | DeleteRequest, signal: AbortSignal): Promise<WriteResponse> {
    return this.#ask(verb, request, signal);
  }
  /** `cancel` ends an attempt, `signal` only that there are further ones. */
  async #ask<T>(
    verb: EtcdVerb,
    request: unknown,
    signal: AbortSignal,
    cancel?: AbortSignal,
    firstMs = FIRST_ANSWER_MS,
  ): Promise<T> {
    const subject = subjects.etcd(verb);
    const { clock } = this.#world;
    const until = clock.now() + DEADLINE_MS;
    for (let answerMs = firstMs; ; answerMs = Math.min(answerMs * 2, LONGEST_ANSWER_MS)) {
      try {
        return await this.#bus.request<T>(subject, request, { signal: cancel, timeoutMs: answerMs });
      } catch (error) {
        const reason = reasonOf(error);
        if (firstMs === FUTURE_MS && statusOf(error)?.details?.retryAfterSeconds !== undefined) throw error;
        const retry = (reason === 'ServiceUnavailable' || reason === 'Timeout') && !isNoSpace(error);
        if (!retry || signal.aborted || clock.now() > until) throw error;
        await delay(clock, PAUSE_MS);
      }
    }
  }
}
