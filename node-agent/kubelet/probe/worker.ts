import type { Probe } from '../../../schemas/generated/core-v1.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import type { ProbeKind, ProbeResult } from '../../runtime/interface.ts';
import type { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import type { probeMachine } from './machine.ts';

const NAMES = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

/** Asks one probe of one run of a container, and tells the container what it concludes. */
export class ProbeWorker {
  readonly id: string;
  readonly #node: NodeContext;
  readonly #container: ContainerWorker;
  readonly #kind: ProbeKind;
  readonly #probe: Probe;
  readonly #actor: RunningActor<typeof probeMachine>;

  constructor(node: NodeContext, container: ContainerWorker, kind: ProbeKind, probe: Probe) {
    this.#node = node;
    this.#container = container;
    this.#kind = kind;
    this.#probe = probe;
    this.id = `${container.id}/${kind}`;
    node.probes.set(this.id, this);
    this.#actor = startActor(node.logic.probe, {
      world: node.world,
      id: `probe/${this.id}`,
      machine: 'probe',
      input: {
        id: this.id,
        initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1_000,
        periodMs: (probe.periodSeconds ?? 10) * 1_000,
        failureThreshold: probe.failureThreshold ?? 3,
        successThreshold: probe.successThreshold ?? 1,
        concludesOn: kind === 'startup' ? 'any' : kind === 'liveness' ? 'failure' : 'never',
      },
      inspection: node.inspection,
    });
  }
  async ask(signal: AbortSignal): Promise<ProbeResult> {
    const timeout = new AbortController();
    const seconds = this.#probe.timeoutSeconds ?? 1;
    const { clock } = this.#node.world;
    const timer = clock.setTimeout(() => timeout.abort(new Error('timeout')), seconds * 1_000);
    try {
      const both = AbortSignal.any([signal, timeout.signal]);
      return await this.#node.runtime.probe(this.#container.record.id ?? '', this.#kind, this.#probe, both);
    } catch (error) {
      if (timeout.signal.aborted) return { success: false, output: `command timed out after ${seconds}s` };
      throw error;
    } finally {
      clock.clearTimeout(timer);
    }
  }
  tellFailure({ success, output }: ProbeResult): void {
    if (!success) this.#container.event('Warning', 'Unhealthy', `${NAMES[this.#kind]} probe failed: ${output}`);
  }
  tellVerdict(success: boolean): void {
    queueMicrotask(() => this.#container.judge(this.#kind, success));
  }
  stop(): void {
    this.#actor.stop();
    if (this.#node.probes.get(this.id) === this) this.#node.probes.delete(this.id);
  }
}
