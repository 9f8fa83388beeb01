import type { Probe } from '../../../schemas/generated/core-v1.ts';
import type { ProbeKind } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';
import { ProbeWorker } from '../probe/worker.ts';
import { isRunning } from './record.ts';
import type { ContainerWorker } from './worker.ts';

/** The probes of one container's run, and what follows from what they say. */
export class Probing {
  readonly #node: NodeContext;
  readonly #container: ContainerWorker;
  readonly #probes: ProbeWorker[] = [];

  constructor(node: NodeContext, container: ContainerWorker) {
    this.#node = node;
    this.#container = container;
  }
  start(): void {
    const { startupProbe, readinessProbe, livenessProbe } = this.#container.record.spec;
    if (startupProbe === undefined && readinessProbe === undefined && livenessProbe === undefined) return;
    const { id } = this.#container.record;
    queueMicrotask(() => {
      if (this.#container.record.id === id && this.#container.state === 'running') this.#begin();
    });
  }
  #begin(): void {
    const { started, spec } = this.#container.record;
    if (!started && spec.startupProbe !== undefined) return this.#add('startup', spec.startupProbe);
    if (spec.readinessProbe !== undefined) this.#add('readiness', spec.readinessProbe);
    if (spec.livenessProbe !== undefined) this.#add('liveness', spec.livenessProbe);
  }
  #add(kind: ProbeKind, probe: Probe): void {
    this.#probes.push(new ProbeWorker(this.#node, this.#container, kind, probe));
  }
  /** Whether a pod that ends is still ready counts until its containers have ended. Source: prober_manager StopLivenessAndStartup. */
  stop(): void {
    const container = this.#container;
    const stays = container.isEnding && container.state !== 'terminated' && !container.hasExited();
    for (const probe of this.#probes.splice(0))
      if (stays && probe.kind === 'readiness') this.#probes.push(probe);
      else probe.stop();
  }
  stopAll(): void {
    for (const probe of this.#probes.splice(0)) probe.stop();
  }
  /** A probe has made up its mind. `kill`: the container is to be ended and run again. */
  judge(kind: ProbeKind, success: boolean, kill: (message: string) => void): void {
    const { record } = this.#container;
    if (!isRunning(record)) return;
    if (kind === 'readiness') {
      if (record.ready === success) return;
      record.ready = success;
      return this.#container.changed();
    }
    // Whoever is being ended is not killed for being unwell.
    if (this.#container.isEnding) return;
    if (!success) return kill(`Container ${record.spec.name} failed ${kind} probe, will be restarted`);
    if (kind === 'liveness' || record.started) return;
    record.started = true;
    record.ready = record.spec.readinessProbe === undefined;
    this.stop();
    this.start();
    this.#container.changed();
  }
}
