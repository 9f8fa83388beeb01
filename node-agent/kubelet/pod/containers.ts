import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { recall } from '../container/recall.ts';
import { recordOf, recordsOf, type ContainerRecord } from '../container/record.ts';
import { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import { endInOrder, resetInOrder } from './order.ts';
import { plan, type Plan } from './plan.ts';
import type { PodWorker } from './worker.ts';

/** The containers of one pod, once they are made: until then its status says what there is of them. */
export class PodContainers {
  readonly #node: NodeContext;
  readonly #pod: PodWorker;
  readonly #all: ContainerWorker[] = [];

  constructor(node: NodeContext, pod: PodWorker) {
    this.#node = node;
    this.#pod = pod;
  }
  get all(): readonly ContainerWorker[] {
    return this.#all;
  }
  get areMade(): boolean {
    return this.#all.length > 0;
  }
  get records(): readonly ContainerRecord[] {
    return this.areMade ? this.#all.map((c) => c.record) : recordsOf(this.#pod.pod);
  }
  get plan(): Plan {
    return plan(this.#pod.pod.spec!, this.records);
  }
  named(name: string): ContainerWorker | undefined {
    return this.#all.find((c) => c.record.spec.name === name);
  }
  /** Whether a main container has ever run. */
  get haveBegun(): boolean {
    return this.#all.some((c) => c.record.role === 'main' && c.record.runs > 0);
  }
  /** Whether nothing more is about to happen to any of them by itself. */
  get areSettled(): boolean {
    const { stage, start } = this.plan;
    return stage !== 'initializing' && start.length === 0 && this.#all.every((c) => c.isSettled);
  }
  /** Makes them, as the status and the runtime say. False: they are there. */
  make(): boolean {
    if (this.areMade) return false;
    const pod = this.#pod;
    const records = recordsOf(pod.pod);
    recall(records, this.#node.runtime, pod.pod, pod.sandbox?.id);
    for (const record of records) {
      const isLost = pod.isEnding && record.runs > 0 && record.state.running !== undefined && pod.sandbox === undefined;
      if (!isLost) this.#add(record);
    }
    return true;
  }
  /** Takes in those that were added to the pod since. False: there are none. */
  addEphemeral({ spec }: Pod): boolean {
    const added = (spec?.ephemeralContainers ?? []).filter(({ name }) => this.named(name) === undefined);
    for (const container of added) this.#add(recordOf(container, 'ephemeral', false, undefined));
    return added.length > 0;
  }
  /** A newer version of the pod has come. */
  redefine(specs: ReadonlyMap<string, Container>): void {
    for (const worker of this.#all) {
      const spec = specs.get(worker.record.spec.name);
      if (spec !== undefined) worker.redefine(spec);
    }
  }
  startDue(): void {
    this.make();
    for (const record of this.plan.start) this.named(record.spec.name)?.start();
  }
  end(): Promise<void> {
    this.make();
    return endInOrder(this.#all);
  }
  /** All of them but the ephemeral ones begin anew; `source`: whose end made them. Never rejects. */
  async reset(source: ContainerWorker): Promise<void> {
    try {
      await resetInOrder(this.#all, source);
    } catch (error) {
      this.#node.world.log.warn('container not reset', { pod: this.#pod.key, err: error });
    }
  }
  stop(): void {
    for (const c of this.#all) c.stop();
  }
  /** The sandbox has ended. False: nothing new is known of any of them by that. */
  noteLateEnds(): boolean {
    return this.#all.filter((c) => c.noteLateEnd()).length > 0;
  }
  #add(record: ContainerRecord): void {
    this.#all.push(new ContainerWorker(this.#node, this.#pod, record));
  }
}
