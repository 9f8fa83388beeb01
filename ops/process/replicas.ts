/** Components of which a local cluster can have several processes. */
export const SCALABLE = [
  'etcd', 'apiserver', 'controller-manager', 'scheduler', 'cloud-controller-manager', 'dns', 'ingress', 'metrics',
] as const; // prettier-ignore
export type Scalable = (typeof SCALABLE)[number];
export const isScalable = (name: string): name is Scalable => (SCALABLE as readonly string[]).includes(name);

/** One replica, however it runs. */
export interface Replica {
  readonly pid: number | undefined;
  /** Resolves when it serves; rejects when it cannot. */
  readonly ready: Promise<void>;
  /** Drains and ends it. */
  stop(): Promise<void>;
}
export interface ReplicaInfo {
  readonly component: Scalable;
  /** Name of its log; the first is part of the process of `kubus up`. */
  readonly name: string;
  readonly pid: number | undefined;
}
interface Member {
  readonly slot: number;
  readonly replica: Replica;
}
/** The first replica is part of the process of `kubus up`. */
export const BASE = 1;
export const nameOf = (component: Scalable, slot: number): string =>
  slot === BASE ? component : `${component}-${slot}`;

/**
 * The replicas of each component. One change at a time and component; `start` begins one in a slot that is free, slot 1
 * being the one in the process of `kubus up`.
 */
export class Replicas {
  readonly #start: (component: Scalable, slot: number) => Replica;
  readonly #patienceMs: number;
  readonly #members = new Map<Scalable, Member[]>();
  readonly #closed = new Set<Scalable>();
  readonly #turns = new Map<Scalable, Promise<unknown>>();
  constructor(start: (component: Scalable, slot: number) => Replica, patienceMs = 60_000) {
    this.#start = start;
    this.#patienceMs = patienceMs;
  }
  /** The replica that the start of the cluster has begun. */
  adopt(component: Scalable, replica: Replica): void {
    this.#of(component).push({ slot: BASE, replica });
  }
  list(): ReplicaInfo[] {
    return SCALABLE.flatMap((component) =>
      this.#of(component).map(({ slot, replica }) => ({
        component,
        name: nameOf(component, slot),
        pid: replica.pid,
      })),
    );
  }
  count(component: Scalable): number {
    return this.#of(component).length;
  }
  /** Resolves when there are `wanted` that serve, and those beyond have drained and ended. */
  scale(component: Scalable, wanted: number): Promise<void> {
    return this.#inTurn(component, async () => {
      const members = this.#of(component);
      const begun: Member[] = [];
      while (members.length < wanted) begun.push(this.#begin(component));
      // The last to come is the first to go.
      const leaving = members.splice(wanted);
      await Promise.all([
        ...leaving.map(({ replica }) => replica.stop()),
        ...begun.map((member) => this.#whenReady(component, member)),
      ]);
    });
  }
  /**
   * Replaces each by another that serves before the old one is told to drain. The one in the process of `kubus up` comes
   * back there; whoever stood in for it then takes the place of the next.
   */
  restart(component: Scalable): Promise<void> {
    return this.#inTurn(component, async () => {
      let spare: Member | undefined;
      const before = this.#of(component).slice();
      for (const old of before) {
        spare ??= await this.#add(component);
        await this.#end(component, old);
        if (old.slot === BASE) await this.#add(component);
        else spare = undefined;
      }
      if (spare !== undefined) await this.#end(component, spare);
    });
  }
  /** For good: the cluster is going down. */
  async stop(component: Scalable): Promise<void> {
    this.#closed.add(component);
    const members = this.#of(component).splice(0);
    await Promise.allSettled(members.map(({ replica }) => replica.stop()));
  }

  #of(component: Scalable): Member[] {
    let members = this.#members.get(component);
    if (members === undefined) this.#members.set(component, (members = []));
    return members;
  }
  #begin(component: Scalable): Member {
    if (this.#closed.has(component)) throw new Error('the cluster is going down');
    const members = this.#of(component);
    let slot = BASE;
    while (members.some((m) => m.slot === slot)) slot++;
    const member = { slot, replica: this.#start(component, slot) };
    members.push(member);
    members.sort((a, b) => a.slot - b.slot);
    return member;
  }
  async #add(component: Scalable): Promise<Member> {
    const member = this.#begin(component);
    await this.#whenReady(component, member);
    return member;
  }
  async #end(component: Scalable, member: Member): Promise<void> {
    const members = this.#of(component);
    members.splice(members.indexOf(member), 1);
    await member.replica.stop();
  }
  /** One that does not come to serve is taken away again: the others go on as before. */
  async #whenReady(component: Scalable, member: Member): Promise<void> {
    const name = nameOf(component, member.slot);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`${name} does not serve within ${this.#patienceMs / 1000} s`)),
      this.#patienceMs,
    );
    try {
      await Promise.race([member.replica.ready, late.promise]);
    } catch (error) {
      await this.#end(component, member);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  #inTurn(component: Scalable, change: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(component) ?? Promise.resolve();
    const turn = before.then(change, change);
    this.#turns.set(
      component,
      turn.catch(() => undefined),
    );
    return turn;
  }
}
