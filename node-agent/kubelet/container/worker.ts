import type { ObjectReference, Probe } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import { RuntimeError, runtimeReason, type ProbeKind } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';
import type { PodWorker } from '../pod/worker.ts';
import { ProbeWorker } from '../probe/worker.ts';
import { LOST, stopGently, terminatedState } from './ending.ts';
import { ensureImage } from './image.ts';
import type { containerMachine } from './machine.ts';
import { isRunning, type ContainerRecord } from './record.ts';
import { backoffMs, FORGIVEN_AFTER_MS, goDuration, restarts } from './restart.ts';

/** Does what one container's chart says, and keeps its record. */
export class ContainerWorker {
  readonly id: string;
  readonly record: ContainerRecord;
  /** Id of the run before the newest; the runtime keeps its logs. */
  previous: string | undefined;
  readonly #node: NodeContext;
  readonly #pod: PodWorker;
  readonly #actor: RunningActor<typeof containerMachine>;
  readonly #probes: ProbeWorker[] = [];
  readonly #terminated = Promise.withResolvers<void>();
  #pullError = '';
  #hasRunPreStop = false;
  #ranLong = false;

  constructor(node: NodeContext, pod: PodWorker, record: ContainerRecord) {
    this.#node = node;
    this.#pod = pod;
    this.record = record;
    this.id = `${pod.uid}/${record.spec.name}`;
    node.containers.set(this.id, this);
    const resumes = record.runs === 0 ? 'waiting' : isRunning(record) ? 'running' : 'exited';
    this.#actor = startActor(node.logic.container, {
      world: node.world,
      id: `container/${pod.key}/${record.spec.name}`,
      machine: 'container',
      input: { id: this.id, resumes, crashes: Math.max(record.restartCount - 1, 0) },
      inspection: node.inspection,
    });
  }
  get hasTerminated(): boolean {
    return this.#actor.state() === 'terminated';
  }
  /** Whether nothing more is about to happen to it by itself. */
  get isSettled(): boolean {
    const state = this.#actor.state();
    return state === 'running' ? this.record.ready : state !== 'pulling' && state !== 'launching';
  }
  get whenTerminated(): Promise<void> {
    return this.#terminated.promise;
  }
  start(): void {
    this.#actor.send({ type: 'start' });
  }
  exited(): void {
    this.#actor.send({ type: 'container.exited' });
  }
  /** The pod ends; resolves with `whenTerminated`. */
  end(): void {
    this.#actor.send({ type: 'pod.ending' });
  }
  hurry(): void {
    this.#actor.send({ type: 'grace.shortened' });
  }
  stop(): void {
    this.stopProbes();
    this.#actor.stop();
    this.#node.containers.delete(this.id);
  }

  // What the chart asks for.

  async pull(signal: AbortSignal): Promise<void> {
    const image = await ensureImage(this.#node.runtime, this.#pod.pod, this.record.spec, signal, {
      now: () => this.#node.world.clock.now(),
      event: (type, reason, message) => this.event(type, reason, message),
    });
    this.record.image = image.name;
    this.record.imageID = image.id;
  }
  showPullError(error: unknown): void {
    const reason = runtimeReason(error) ?? 'ErrImagePull';
    const message = (error as Error).message;
    this.#pullError = `${reason}: ${message}`;
    this.event('Warning', 'Failed', `Error: ${reason}`);
    this.#wait(reason, message);
  }
  showPullBackoff(): void {
    const image = this.record.spec.image ?? '';
    if (!this.#pullError.startsWith('ErrImagePull')) return;
    const message = `Back-off pulling image "${image}"`;
    this.event('Normal', 'BackOff', message);
    this.event('Warning', 'Failed', 'Error: ImagePullBackOff');
    this.#wait('ImagePullBackOff', `${message}: ${this.#pullError}`);
  }
  async launch(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#node;
    const { record } = this;
    const sandbox = this.#pod.sandbox;
    if (sandbox === undefined) throw new RuntimeError('CreateContainerError', 'the pod has no sandbox');
    const attempt = record.runs;
    const config = { pod: this.#pod.pod, container: record.spec, attempt };
    const before = record.id;
    const id = await runtime.createContainer(sandbox.id, config, signal);
    if (signal.aborted) await runtime.removeContainer(id);
    signal.throwIfAborted();
    if (this.previous !== undefined) await runtime.removeContainer(this.previous);
    this.previous = before;
    record.id = id;
    record.runs++;
    record.restartCount = attempt;
    this.#hasRunPreStop = false;
    this.event('Normal', 'Created', 'Container created');
    await runtime.startContainer(id, signal);
    this.#node.metrics.containerStarted(record.role !== 'main');
    this.event('Normal', 'Started', 'Container started');
    const hook = record.spec.lifecycle?.postStart;
    if (hook === undefined) return;
    try {
      await runtime.runHook(id, 'postStart', hook, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
      await this.kill('FailedPostStartHook');
      throw error;
    }
  }
  showLaunchError(error: unknown): void {
    const reason = runtimeReason(error) ?? 'RunContainerError';
    const message = (error as Error).message;
    if (reason !== 'PostStartHookError') this.event('Warning', 'Failed', `Error: ${message}`);
    this.#noteEnd();
    if (this.record.state.terminated !== undefined)
      this.record.lastState = { terminated: this.record.state.terminated };
    this.#wait(reason, message);
  }
  showRunning(): void {
    const { record } = this;
    if (record.state.terminated !== undefined) record.lastState = { terminated: record.state.terminated };
    const status = this.#node.runtime.containerStatus(record.id ?? '');
    record.state = { running: { startedAt: formatTime(status?.startedAt ?? this.#node.world.clock.now()) } };
    record.started = record.spec.startupProbe === undefined;
    record.ready = record.started && record.spec.readinessProbe === undefined;
    this.changed();
  }
  startProbes(): void {
    const { startupProbe, readinessProbe, livenessProbe } = this.record.spec;
    if (startupProbe === undefined && readinessProbe === undefined && livenessProbe === undefined) return;
    const { id } = this.record;
    queueMicrotask(() => {
      if (this.record.id === id && this.#actor.state() === 'running') this.#startProbes();
    });
  }
  #startProbes(): void {
    const { startupProbe, readinessProbe, livenessProbe } = this.record.spec;
    if (!this.record.started && startupProbe !== undefined) return this.#probe('startup', startupProbe);
    if (readinessProbe !== undefined) this.#probe('readiness', readinessProbe);
    if (livenessProbe !== undefined) this.#probe('liveness', livenessProbe);
  }
  stopProbes(): void {
    for (const probe of this.#probes.splice(0)) probe.stop();
  }
  /** A probe has made up its mind. */
  judge(kind: ProbeKind, success: boolean): void {
    if (!isRunning(this.record)) return;
    if (kind === 'readiness') {
      if (this.record.ready === success) return;
      this.record.ready = success;
      return this.changed();
    }
    if (!success) {
      const message = `Container ${this.record.spec.name} failed ${kind} probe, will be restarted`;
      return this.#actor.send({ type: 'kill', message });
    }
    if (kind === 'liveness' || this.record.started) return;
    this.record.started = true;
    this.record.ready = this.record.spec.readinessProbe === undefined;
    this.stopProbes();
    this.startProbes();
    this.changed();
  }
  hasExited(): boolean {
    const { id } = this.record;
    return id === undefined || this.#node.runtime.containerStatus(id)?.state !== 'running';
  }
  hasRestart(): boolean {
    const exitCode = (this.record.state.terminated ?? this.record.lastState?.terminated)?.exitCode ?? 0;
    return !this.#pod.isEnding && restarts(this.record.spec, this.record.role, this.#pod.pod.spec!, exitCode);
  }
  hasRunLong(): boolean {
    return this.#ranLong;
  }
  noteExit(): void {
    this.#noteEnd();
    this.changed();
  }
  crashBackoffMs(crashes: number): number {
    const finishedAt = this.#node.runtime.containerStatus(this.record.id ?? '')?.finishedAt;
    const since = finishedAt === undefined ? 0 : this.#node.world.clock.now() - finishedAt;
    return Math.max(backoffMs(Math.max(crashes, 1)) - since, 0);
  }
  showCrashBackoff(crashes: number): void {
    const { name } = this.record.spec;
    const pod = `${this.#pod.pod.metadata.name}_${this.#pod.pod.metadata.namespace}(${this.#pod.uid})`;
    const wait = goDuration(backoffMs(Math.max(crashes, 1)));
    if (this.record.state.terminated !== undefined)
      this.record.lastState = { terminated: this.record.state.terminated };
    this.event('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${pod}`);
    this.#wait('CrashLoopBackOff', `back-off ${wait} restarting failed container=${name} pod=${pod}`);
  }
  async kill(message: string, graceSeconds?: number): Promise<void> {
    const { id } = this.record;
    if (id === undefined || this.#node.runtime.containerStatus(id)?.state === 'exited') return;
    this.event('Normal', 'Killing', message);
    await this.#terminate(id, graceSeconds ?? this.#probeGrace(message) ?? this.#pod.graceSeconds());
  }
  /** The pod ends: with what is left of its grace. */
  async endRun(): Promise<void> {
    const { id } = this.record;
    if (id === undefined || this.#node.runtime.containerStatus(id)?.state === 'exited') return;
    this.event('Normal', 'Killing', `Stopping container ${this.record.spec.name}`);
    await this.#terminate(id, this.#pod.graceSeconds());
  }
  settle(): void {
    const { record } = this;
    if (record.state.waiting !== undefined && this.#pod.isEnding) {
      if (record.lastState?.terminated !== undefined) {
        record.state = { terminated: record.lastState.terminated };
        record.lastState = undefined;
      } else if (record.role === 'main' && this.#pod.hasBegun) record.state = LOST;
    }
    this.#terminated.resolve();
    this.changed();
  }
  changed(): void {
    this.#pod.containerChanged();
  }
  event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#node.recorder.event(this.#reference(), type, reason, message);
  }

  async #terminate(id: string, graceSeconds: number): Promise<void> {
    const { runtime, world } = this.#node;
    const preStop = this.#hasRunPreStop ? undefined : this.record.spec.lifecycle?.preStop;
    this.#hasRunPreStop = true;
    const onHookFailed = (): void => this.event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
    await stopGently({ world, runtime, id, graceSeconds, preStop, onHookFailed });
  }
  #noteEnd(): void {
    const { record } = this;
    record.started = false;
    record.ready = false;
    if (record.id === undefined) return;
    const status = this.#node.runtime.containerStatus(record.id);
    if (status === undefined) {
      if (record.state.terminated === undefined && record.lastState?.terminated === undefined) record.state = LOST;
      return;
    }
    if (status.state !== 'exited') return;
    this.#ranLong = status.finishedAt - status.startedAt >= FORGIVEN_AFTER_MS;
    record.state = terminatedState(status, this.#node.runtime.name);
  }
  #probe(kind: ProbeKind, probe: Probe): void {
    this.#probes.push(new ProbeWorker(this.#node, this, kind, probe));
  }
  #probeGrace(message: string): number | undefined {
    const { livenessProbe, startupProbe } = this.record.spec;
    const probe = message.includes('liveness probe') ? livenessProbe : message.includes('startup probe') ? startupProbe : undefined; // prettier-ignore
    return probe?.terminationGracePeriodSeconds;
  }
  #wait(reason: string, message: string): void {
    this.record.state = { waiting: { reason, message } };
    this.record.started = false;
    this.record.ready = false;
    this.changed();
  }
  #reference(): ObjectReference {
    const { metadata } = this.#pod.pod;
    const list = this.record.role === 'main' ? 'containers' : 'initContainers';
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      fieldPath: `spec.${list}{${this.record.spec.name}}`,
    };
  }
}
