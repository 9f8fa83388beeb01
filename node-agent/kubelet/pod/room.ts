import type { Container, Pod, PodCondition, PodStatus } from '../../../schemas/generated/core-v1.ts';
import type { ContainerRecord } from '../container/record.ts';
import type { NodeContext } from '../context.ts';
import type { PodContainers } from './containers.ts';
import type { PodHome } from './home.ts';
import { asksForAnything, PodLevel, toldOf } from './pod-level.ts';
import { actuatedPod, allocatedPod, asksForMore, Resizing } from './resize.ts';

/** Why a node cannot take a pod. */
export interface Rejected {
  readonly reason: string;
  readonly message: string;
}
interface Placed {
  readonly uid: string;
  /** Newest version seen. */
  readonly pod: Pod;
}
/** What one pod takes of its node, and may take from now on. */
export class PodRoom {
  readonly #node: NodeContext;
  readonly #worker: Placed;
  readonly #containers: PodContainers;
  readonly #home: Pick<PodHome, 'request'>;
  readonly #level: PodLevel;
  /** undefined: it never was resized. */
  #resizing: Resizing | undefined;

  constructor(node: NodeContext, worker: Placed, containers: PodContainers, home: Pick<PodHome, 'request'>) {
    this.#node = node;
    this.#worker = worker;
    this.#containers = containers;
    this.#home = home;
    this.#level = new PodLevel(worker.pod);
  }
  conditions(): readonly PodCondition[] | undefined {
    return this.#resizing?.conditions();
  }
  asksForMore(specs: ReadonlyMap<string, Container>): boolean {
    return asksForMore(this.#records, specs) || this.#level.isAsked(this.#worker.pod);
  }
  get allocated(): Pod {
    const { pod } = this.#worker;
    return this.#level.isAsked(pod) ? allocatedPod(pod, this.#containers.records, this.#level) : pod;
  }
  shown(): Pick<PodStatus, 'resources' | 'allocatedResources'> {
    const { pod } = this.#worker;
    if (!asksForAnything(pod)) return {};
    const { records } = this.#containers;
    return toldOf(allocatedPod(pod, records, this.#level), actuatedPod(pod, records, this.#level));
  }
  /** What it may use has perhaps changed. */
  resize(specs: ReadonlyMap<string, Container>): void {
    // Of what has not begun there is nothing to change.
    if (!this.#containers.areMade) this.#level.given = this.#worker.pod.spec?.resources;
    if (this.#resizing === undefined) {
      if (!this.asksForMore(specs)) return this.#node.ledger.add(this.#worker.pod);
      this.#resizing = new Resizing({
        node: this.#node,
        pod: () => this.#worker.pod,
        containers: () => this.#containers.all,
        level: this.#level,
        take: () => this.#take(),
        changed: () => this.#home.request(true),
      });
    }
    this.#consider();
  }
  /** A container runs anew. */
  settled(): void {
    this.#resizing?.settled();
  }
  /** It takes nothing any more; those that wait for room may have it. */
  give(): void {
    this.#resizing?.stop();
    this.#node.ledger.give(this.#worker.uid);
  }

  get #records(): readonly ContainerRecord[] {
    return this.#containers.all.map((c) => c.record);
  }
  #consider(): void {
    const { ledger } = this.#node;
    this.#resizing?.consider();
    if (this.#resizing?.isPending === true) ledger.waiting.set(this.#worker.uid, () => this.#consider());
    else ledger.waiting.delete(this.#worker.uid);
  }
  #take(): Rejected | undefined {
    const { admit, ledger } = this.#node;
    const { pod } = this.#worker;
    ledger.remove(this.#worker.uid);
    const refusal = admit(pod);
    ledger.add(refusal === undefined ? pod : allocatedPod(pod, this.#containers.records, this.#level));
    return refusal;
  }
}
