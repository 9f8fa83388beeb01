import type { AnyActorRef, EventObject, InspectionEvent, Observer, Subscription } from 'xstate';
import type { Clock, TimerId } from '../../bus/world.ts';

type Inspector = Observer<InspectionEvent>;

const nothing = (): void => {};
let booked = 0;

/**
 * What an actor and its children have in common, as XState's own `createSystem` makes it: their timers, their names, who
 * listens. Each of a cluster's thousands of actors has one, so this makes what is needed when it is: XState's own are
 * fifteen functions, four maps and 1.7 kilobytes each. It reads no clock but the one that is given.
 */
export class LeanSystem {
  readonly _clock: Clock;
  /** Charts write no lines of their own: the log is World's. */
  readonly _logger = nothing;
  #root = '';
  #timers: Map<AnyActorRef, Map<string, TimerId>> | undefined;
  #named: Map<string, AnyActorRef> | undefined;
  #inspectors: Set<Inspector> | undefined;

  constructor(clock: Clock) {
    this._clock = clock;
  }
  /** Where XState looks for what schedules. */
  get scheduler(): this {
    return this;
  }
  schedule(
    source: AnyActorRef,
    target: AnyActorRef,
    event: EventObject,
    delayMs: number,
    id = `kubus.${booked++}`,
  ): void {
    const all = (this.#timers ??= new Map<AnyActorRef, Map<string, TimerId>>());
    let own = all.get(source);
    if (own === undefined) all.set(source, (own = new Map()));
    const timers = own;
    const timer = this._clock.setTimeout(() => {
      if (timers.get(id) === timer) timers.delete(id);
      this._relay(source, target, event);
    }, delayMs);
    timers.set(id, timer);
  }
  cancel(source: AnyActorRef, id: string): void {
    const timers = this.#timers?.get(source);
    const timer = timers?.get(id);
    if (timer === undefined) return;
    timers!.delete(id);
    this._clock.clearTimeout(timer);
  }
  cancelAll(source: AnyActorRef): void {
    for (const timer of this.#timers?.get(source)?.values() ?? []) this._clock.clearTimeout(timer);
    this.#timers?.delete(source);
  }

  /** The first to ask is the root. */
  _bookId(): string {
    const id = `x:${booked++}`;
    if (this.#root === '') this.#root = id;
    return id;
  }
  _register(sessionId: string): string {
    return sessionId;
  }
  _unregister(ref: AnyActorRef): void {
    for (const [name, other] of this.#named ?? []) if (other === ref) this.#named!.delete(name);
  }
  _set(systemId: string, ref: AnyActorRef): void {
    const known = (this.#named ??= new Map<string, AnyActorRef>()).get(systemId);
    if (known !== undefined && known !== ref) throw new Error(`Actor with system ID '${systemId}' already exists.`);
    this.#named.set(systemId, ref);
  }
  get(systemId: string): AnyActorRef | undefined {
    return this.#named?.get(systemId);
  }
  getAll(): Record<string, AnyActorRef> {
    return Object.fromEntries(this.#named ?? []);
  }

  inspect(inspector: Inspector | ((event: InspectionEvent) => void)): Subscription {
    const observer = typeof inspector === 'function' ? { next: inspector } : inspector;
    const all = (this.#inspectors ??= new Set<Inspector>()).add(observer);
    return { unsubscribe: () => void all.delete(observer) };
  }
  _sendInspectionEvent(event: object): void {
    if (this.#inspectors === undefined || this.#inspectors.size === 0) return;
    const whole = { ...event, rootId: this.#root } as InspectionEvent;
    for (const inspector of this.#inspectors) inspector.next?.(whole);
  }
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
    if (this.#inspectors !== undefined)
      this._sendInspectionEvent({ type: '@xstate.event', sourceRef: source, actorRef: target, event });
    (target as unknown as { _send(event: EventObject): void })._send(event);
  }

  /** Actors here are never brought back from what they persisted: they begin from the API. */
  start(): void {}
  getSnapshot(): { readonly _scheduledEvents: Record<string, never> } {
    return { _scheduledEvents: {} };
  }
}
