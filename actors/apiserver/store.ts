import type { Bus } from '../../bus/bus.ts';
import {
  isNoSpace,
  type DeleteRequest,
  type PutRequest,
  type RangeRequest,
  type RangeResponse,
  type WriteResponse,
} from '../../bus/protocol/etcd.ts';
import * as subjects from '../../bus/subjects.ts';
import { delay, type World } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';

const PAUSE_MS = 100;
const DEADLINE_MS = 30_000;

/** The etcd actor as the API server sees it. A write whose outcome is unknown is repeated under the same id. */
export class Store {
  readonly #bus: Bus;
  readonly #world: World;
  constructor(bus: Bus, world: World) {
    this.#bus = bus;
    this.#world = world;
  }
  put(request: Omit<PutRequest, 'id'>, signal: AbortSignal): Promise<WriteResponse> {
    return this.#write('put', { ...request, id: this.#world.ids.token() }, signal);
  }
  delete(request: Omit<DeleteRequest, 'id'>, signal: AbortSignal): Promise<WriteResponse> {
    return this.#write('delete', { ...request, id: this.#world.ids.token() }, signal);
  }
  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
    return this.#bus.request(subjects.etcd('range'), request, { signal });
  }
  async #write(
    verb: 'put' | 'delete',
    request: PutRequest | DeleteRequest,
    signal: AbortSignal,
  ): Promise<WriteResponse> {
    const subject = subjects.etcd(verb);
    const until = this.#world.clock.now() + DEADLINE_MS;
    for (;;) {
      try {
        // Not bound to the caller's signal: a write that was sent is followed to its end.
        return await this.#bus.request<WriteResponse>(subject, request);
      } catch (error) {
        const reason = reasonOf(error);
        const retry = (reason === 'ServiceUnavailable' || reason === 'Timeout') && !isNoSpace(error);
        if (!retry || signal.aborted || this.#world.clock.now() > until) throw error;
        await delay(this.#world.clock, PAUSE_MS);
      }
    }
  }
}
