import type { Bus, Subscription } from '../../bus/bus.ts';
import * as subjects from '../../bus/subjects.ts';
import type { TimerId, World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type {
  ActorCommand,
  ActorFilter,
  ActorList,
  ControlRequest,
  ControlState,
  InspectionFrame,
} from '../../actors/runtime/inspection-frames.ts';

/** How long a component goes on without hearing from us, and how often it hears. */
const LEASE_MS = 10_000;
export const RENEW_MS = 3_000;
const ANSWER_MS = 3_000;

interface Pending {
  readonly resolve: (result: ControlState | ActorList) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: TimerId;
}
/** One component as the inspector talks with it: keeps it telling, notices what got lost, matches answers to requests. */
export class ComponentLink {
  readonly component: string;
  readonly id: string;
  /** Its connection's role, once it has told anything. */
  role = '';
  /** State of its life chart. */
  state: string;
  /** Actors per innermost state, `<machine> <state>`. */
  readonly counts = new Map<string, number>();
  readonly #bus: Bus;
  readonly #world: World;
  readonly #onFrame: (link: ComponentLink, frame: InspectionFrame) => void;
  readonly #subscription: Subscription;
  readonly #pending = new Map<string, Pending>();
  readonly #subject: string;
  readonly #from: string;
  #seq: number | undefined;
  #follow: readonly string[] = [];

  constructor(o: {
    readonly bus: Bus;
    readonly world: World;
    readonly component: string;
    readonly id: string;
    readonly state: string;
    /** Who we are to it. */
    readonly from: string;
    readonly onFrame: (link: ComponentLink, frame: InspectionFrame) => void;
  }) {
    this.#bus = o.bus;
    this.#world = o.world;
    this.component = o.component;
    this.id = o.id;
    this.state = o.state;
    this.#onFrame = o.onFrame;
    this.#from = o.from;
    // What announces itself as the node agent inspects its kubelets.
    const inspected = o.component === 'node-agent' ? 'kubelet' : o.component;
    this.#subject = subjects.control(inspected, o.id);
    this.#subscription = o.bus.subscribe(subjects.inspect(inspected, o.id), ({ body }) => this.#take(body));
    this.#attach(true);
  }
  get key(): string {
    return `${this.component}/${this.id}`;
  }
  get isAttached(): boolean {
    return this.#seq !== undefined;
  }
  /** Says again that somebody listens. */
  renew(): void {
    this.#attach(this.#seq === undefined);
  }
  follow(actors: readonly string[]): void {
    this.#follow = actors;
    this.#attach(false);
  }
  list(filter: ActorFilter): Promise<ActorList> {
    return this.#ask({ type: 'list', request: '', ...filter }) as Promise<ActorList>;
  }
  command(asked: { readonly actor: string } & ActorCommand): Promise<ControlState> {
    return this.#ask({ ...asked, request: '' }) as Promise<ControlState>;
  }
  /** It need not wait until it notices that we are gone. */
  detach(): void {
    this.#say({ type: 'detach', from: this.#from });
    this.close();
  }
  close(): void {
    this.#subscription.unsubscribe();
    this.#failAll(new ApiError('ServiceUnavailable', `${this.id} is gone`));
  }

  #attach(whole: boolean): void {
    this.#say({ type: 'attach', from: this.#from, forMs: LEASE_MS, whole, follow: this.#follow });
  }
  #say(request: ControlRequest): void {
    this.#bus.publish(this.#subject, request);
  }
  #ask(request: Exclude<ControlRequest, { type: 'attach' } | { type: 'detach' }>): Promise<ControlState | ActorList> {
    const id = this.#world.ids.token();
    return new Promise((resolve, reject) => {
      const timer = this.#world.clock.setTimeout(() => {
        this.#pending.delete(id);
        reject(new ApiError('Timeout', `${this.id} did not answer within ${ANSWER_MS / 1_000} s`));
      }, ANSWER_MS);
      this.#pending.set(id, { resolve, reject, timer });
      this.#say({ ...request, request: id });
    });
  }
  #failAll(error: ApiError): void {
    for (const { timer, reject } of this.#pending.values()) {
      this.#world.clock.clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }
  #take(body: unknown): void {
    const frame = body as InspectionFrame;
    if (typeof frame?.seq !== 'number') return;
    for (const ack of frame.acks ?? []) {
      const pending = this.#pending.get(ack.request);
      if (pending === undefined) continue;
      this.#pending.delete(ack.request);
      this.#world.clock.clearTimeout(pending.timer);
      if (ack.status !== undefined) pending.reject(ApiError.from(ack.status));
      else pending.resolve(ack.result!);
    }
    const follows = this.#seq !== undefined && frame.seq === this.#seq + 1;
    this.#seq = frame.seq;
    this.role = frame.role;
    if (!follows && !frame.whole) this.#attach(true);
    this.#onFrame(this, frame);
  }
}
