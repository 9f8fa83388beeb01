import type { LifecycleHandler } from '../../../schemas/generated/core-v1.ts';
import type { NodeContext } from '../context.ts';
import type { Asked } from '../handlers.ts';
import { stopGently } from './ending.ts';
import type { ContainerRecord } from './record.ts';

/** What ending a run needs of its container. */
export interface Stoppable {
  readonly record: ContainerRecord;
  readonly asked: Asked;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}
/** Runs the hooks of a container's run, and ends it. */
export class Stopping {
  readonly #node: NodeContext;
  readonly #container: Stoppable;
  #hasRunPreStop = false;
  /** Of a sidecar that ends: when those that need it have ended. */
  turn: Promise<unknown> | undefined;

  constructor(node: NodeContext, container: Stoppable) {
    this.#node = node;
    this.#container = container;
  }
  /** Another run begins. */
  renew(): void {
    this.#hasRunPreStop = false;
  }
  runHook(id: string, kind: 'postStart' | 'preStop', hook: LifecycleHandler, signal: AbortSignal): Promise<void> {
    const { handlers, runtime } = this.#node;
    return handlers === undefined
      ? runtime.runHook(id, kind, hook, signal)
      : handlers.hook({ ...this.#container.asked, id }, kind, hook, signal);
  }
  /** Says so and ends it, unless it has ended; `graceSeconds` as its probe or its pod has it by default. */
  async end(message: string, pod: { graceSeconds(): number }, graceSeconds?: number): Promise<void> {
    const { id } = this.#container.record;
    if (id === undefined || this.#node.runtime.containerStatus(id)?.state === 'exited') return;
    this.#container.event('Normal', 'Killing', message);
    await this.terminate(id, graceSeconds ?? this.#probeGrace(message) ?? pod.graceSeconds());
  }
  async terminate(id: string, graceSeconds: number): Promise<void> {
    const { runtime, world } = this.#node;
    const preStop = this.#hasRunPreStop ? undefined : this.#container.record.spec.lifecycle?.preStop;
    this.#hasRunPreStop = true;
    const runHook = (hook: LifecycleHandler, signal: AbortSignal) => this.runHook(id, 'preStop', hook, signal);
    const onHookFailed = (): void => this.#container.event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
    await stopGently({ world, runtime, id, graceSeconds, preStop, runHook, onHookFailed, turn: this.turn });
  }
  #probeGrace(message: string): number | undefined {
    const { livenessProbe, startupProbe } = this.#container.record.spec;
    const probe = message.includes('liveness probe') ? livenessProbe : message.includes('startup probe') ? startupProbe : undefined; // prettier-ignore
    return probe?.terminationGracePeriodSeconds;
  }
}
