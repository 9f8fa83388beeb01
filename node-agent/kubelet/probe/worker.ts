import type { Probe } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import type { ProbeKind, ProbeResult } from '../../runtime/interface.ts';
import type { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import type { ProbeError } from '../handlers.ts';
import { PROBE_NAMES } from './counts.ts';
import type { probeMachine } from './machine.ts';

/** Asks one probe of one run of a container, and tells the container what it concludes. */
export class ProbeWorker {
  readonly id: string;
  readonly #node: NodeContext;
  readonly #container: ContainerWorker;
  readonly kind: ProbeKind;
  readonly #probe: Probe;
  readonly #actor: RunningActor<typeof probeMachine>;

  constructor(node: NodeContext, container: ContainerWorker, kind: ProbeKind, probe: Probe) {
    this.#node = node;
    this.#container = container;
    this.kind = kind;
    this.#probe = probe;
    this.id = `${container.id}/${kind}`;
    node.probes.set(this.id, this);
    this.#actor = startActor(node.logic.probe, {
      world: node.world,
      id: `probe/${this.id}`,
      machine: 'probe',
      input: {
        id: this.id,
        initialDelayMs: this.#delayMs(),
        periodMs: (probe.periodSeconds ?? 10) * 1_000,
        failureThreshold: probe.failureThreshold ?? 3,
        successThreshold: probe.successThreshold ?? 1,
        concludesOn: kind === 'startup' ? 'any' : kind === 'liveness' ? 'failure' : 'never',
      },
      inspection: node.inspection,
    });
  }
  async ask(signal: AbortSignal): Promise<ProbeResult> {
    const { clock } = this.#node.world;
    const began = clock.now();
    const result = await this.#ask(signal);
    this.#container.probeCounts.add(this.kind, result.success, (clock.now() - began) / 1_000);
    return result;
  }
  async #ask(signal: AbortSignal): Promise<ProbeResult> {
    const { handlers, runtime, world } = this.#node;
    if (this.#isIdle) {
      queueMicrotask(() => this.stop());
      throw new Error('the pod ends');
    }
    if (handlers !== undefined) return handlers.probe(this.#container.asked, this.kind, this.#probe, signal);
    const timeout = new AbortController();
    const seconds = this.#probe.timeoutSeconds ?? 1;
    const timer = world.clock.setTimeout(() => timeout.abort(new Error('timeout')), seconds * 1_000);
    try {
      const both = AbortSignal.any([signal, timeout.signal]);
      return await runtime.probe(this.#container.record.id ?? '', this.kind, this.#probe, both);
    } catch (error) {
      if (!timeout.signal.aborted) throw error;
      const command = goQuote((this.#probe.exec?.command ?? []).join(' '));
      return { success: false, output: `command timed out: ${command} timed out after ${seconds}s` };
    } finally {
      world.clock.clearTimeout(timer);
    }
  }
  tellResult({ success, warning, output }: ProbeResult): void {
    const name = PROBE_NAMES[this.kind];
    if (this.#isIdle) return;
    if (!success) this.#container.event('Warning', 'Unhealthy', `${name} probe failed: ${output}`);
    else if (warning === true) this.#container.event('Warning', 'ProbeWarning', `${name} probe warning: ${output}`);
  }
  tellError(error: unknown): void {
    if ((error as Error).name !== 'ProbeError') return;
    const { message, state } = error as ProbeError;
    const text = `${PROBE_NAMES[this.kind]} probe errored and resulted in ${state} state: ${message}`;
    this.#container.event('Warning', 'Unhealthy', text);
  }
  tellVerdict(success: boolean): void {
    queueMicrotask(() => this.#container.judge(this.kind, success));
  }
  stop(): void {
    this.#actor.stop();
    if (this.#node.probes.get(this.id) === this) this.#node.probes.delete(this.id);
  }
  /** Nobody is killed any more, so nothing but readiness is asked. Source: prober/worker.go doProbe. */
  get #isIdle(): boolean {
    return this.kind !== 'readiness' && this.#container.isEnding;
  }
  /** Counts from the container's start, whoever saw it. After its own start a kubelet spreads what it finds. */
  #delayMs(): number {
    const { handlers, runtime, world } = this.#node;
    const now = world.clock.now();
    const startedAt = runtime.containerStatus(this.#container.record.id ?? '')?.startedAt ?? now;
    const left = Math.max(startedAt + (this.#probe.initialDelaySeconds ?? 0) * 1_000 - now, 0);
    const periodMs = (this.#probe.periodSeconds ?? 10) * 1_000;
    const isFound = handlers !== undefined && startedAt < handlers.since && now - handlers.since < periodMs;
    return isFound ? Math.max(left, world.random() * periodMs) : left;
  }
}
