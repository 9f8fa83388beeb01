import type { Container } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import { runtimeReason, type ProbeKind } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';
import type { Asked } from '../handlers.ts';
import type { PodWorker } from '../pod/worker.ts';
import { ProbeCounts } from '../probe/counts.ts';
import { beginAnew, LOST, terminatedState } from './ending.ts';
import { ensureImage } from './image.ts';
import { launch } from './launch.ts';
import type { containerMachine } from './machine.ts';
import { Probing } from './probing.ts';
import { isRunning, type ContainerRecord } from './record.ts';
import { referenceOf } from './reference.ts';
import { Stopping } from './stopping.ts';
import { backoffMs, FORGIVEN_AFTER_MS, goDuration, isLast, restarts, restartsAll } from './restart.ts';

/** Does what one container's chart says, and keeps its record. */
export class ContainerWorker {
  readonly id: string;
  readonly record: ContainerRecord;
  readonly probeCounts = new ProbeCounts();
  readonly #node: NodeContext;
  readonly #pod: PodWorker;
  readonly #actor: RunningActor<typeof containerMachine>;
  readonly #probing: Probing;
  readonly #stopping: Stopping;
  #terminated = Promise.withResolvers<void>();
  #pullError = '';
  #ranLong = false;
  /** That its newest run has ended is counted. */
  #hasEnded: boolean;

  constructor(node: NodeContext, pod: PodWorker, record: ContainerRecord) {
    this.#node = node;
    this.#pod = pod;
    this.record = record;
    this.#hasEnded = record.state.terminated !== undefined;
    this.id = `${pod.uid}/${record.spec.name}`;
    node.containers.set(this.id, this);
    this.#probing = new Probing(node, this);
    this.#stopping = new Stopping(node, this);
    const resumes = !record.inSandbox ? 'waiting' : isRunning(record) ? 'running' : 'exited';
    this.#actor = startActor(node.logic.container, {
      world: node.world,
      id: `container/${pod.key}/${record.spec.name}`,
      machine: 'container',
      input: { id: this.id, resumes, crashes: Math.max(record.restartCount - 1, 0) },
      inspection: node.inspection,
    });
  }
  get state(): string {
    return this.#actor.state();
  }
  /** Whether nothing more is about to happen to it by itself. */
  get isSettled(): boolean {
    const state = this.#actor.state();
    return state === 'running' ? this.record.ready : state !== 'pulling' && state !== 'launching';
  }
  get pod(): PodWorker {
    return this.#pod;
  }
  /** Of whom probes and hooks are. */
  get asked(): Asked {
    const { pod, sandbox } = this.#pod;
    const tell: Asked['tell'] = (type, reason, message) => this.#node.recorder.event(pod, type, reason, message);
    return { pod, container: this.record.spec, id: this.record.id ?? '', ip: sandbox?.ip ?? this.#node.nodeIP, tell };
  }
  /** Its pod ends. */
  get isEnding(): boolean {
    return this.#pod.isEnding;
  }
  /** Id of the run before the newest. */
  get previous(): string | undefined {
    return this.record.previous;
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
  /** The pod ends; resolves with `whenTerminated`. `turn`: who waits for it is asked to end then. */
  end(turn?: Promise<unknown>): void {
    this.#stopping.turn = turn;
    this.#actor.send({ type: 'pod.ending' });
  }
  /** Ends its run; it waits to be started again, in another sandbox. */
  async leaveSandbox(): Promise<void> {
    const { record } = this;
    this.#actor.send({ type: 'sandbox.lost' });
    await this.endRun();
    this.#noteEnd();
    record.inSandbox = false;
    this.#terminated = Promise.withResolvers<void>();
    this.changed();
  }
  /** A newer version of the pod has come. */
  redefine(spec: Container): void {
    const { record } = this;
    const isOther = spec.image !== record.spec.image;
    const { resources: _, ...rest } = spec;
    // What it may use is given to it by and by, see pod/resize.ts.
    record.spec = record.spec.resources === undefined ? rest : { ...rest, resources: record.spec.resources };
    if (!isOther || record.role === 'ephemeral') return;
    if (!isRunning(record)) return this.#actor.send({ type: 'definition.changed' });
    if (record.role === 'init') return;
    this.restart(record.role === 'sidecar' ? `Init container ${spec.name} definition changed` : `Container ${spec.name} definition changed, will be restarted`); // prettier-ignore
  }
  /** Ends its run, for another one whatever its policy. */
  restart(message: string): void {
    this.record.again = true;
    this.#actor.send({ type: 'kill', message });
  }
  /** It begins anew with all containers of its pod; nothing of it stays but its logs. Source: kubelet ContainersToReset. */
  async reset(): Promise<void> {
    const { record } = this;
    const { id, previous } = record;
    this.#actor.send({ type: 'sandbox.lost' });
    if (id !== undefined && this.#node.runtime.containerStatus(id)?.state === 'running') {
      this.event('Normal', 'Killing', 'killing');
      await this.#stopping.terminate(id, 0);
    }
    for (const run of [previous, id])
      if (run !== undefined) await this.#node.runtime.removeContainer(run, { keepsLogs: true });
    beginAnew(record);
    this.#terminated = Promise.withResolvers<void>();
  }
  hurry(): void {
    this.#actor.send({ type: 'grace.shortened' });
  }
  stop(): void {
    this.#probing.stopAll();
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
    const { record } = this;
    this.#stopping.renew();
    const id = await launch(this.#node, this.#pod, record, (type, reason, message) => this.event(type, reason, message), signal); // prettier-ignore
    const hook = record.spec.lifecycle?.postStart;
    if (hook === undefined) return;
    try {
      await this.#stopping.runHook(id, 'postStart', hook, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
      await this.kill('FailedPostStartHook');
      throw error;
    }
  }
  tellLaunchError(error: unknown): void {
    this.#pod.noteFailedStart();
    if (runtimeReason(error) !== 'PostStartHookError') this.event('Warning', 'Failed', `Error: ${(error as Error).message}`); // prettier-ignore
  }
  showLaunchError(error: unknown): void {
    const reason = runtimeReason(error) ?? 'RunContainerError';
    const message = (error as Error).message;
    this.tellLaunchError(error);
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
    this.#probing.start();
  }
  stopProbes(): void {
    this.#probing.stop();
  }
  /** A probe has made up its mind. */
  judge(kind: ProbeKind, success: boolean): void {
    this.#probing.judge(kind, success, (message) => this.#actor.send({ type: 'kill', message }));
  }
  hasExited(): boolean {
    const { id } = this.record;
    return id === undefined || this.#node.runtime.containerStatus(id)?.state !== 'running';
  }
  hasRestart(): boolean {
    const { spec, role, again } = this.record;
    return !this.#pod.isEnding && !this.#endsAll() && (again === true || restarts(spec, role, this.#pod.pod.spec!, this.#exitCode())); // prettier-ignore
  }
  hasEndedForGood(): boolean {
    const status = this.#node.runtime.containerStatus(this.record.id ?? '');
    return status?.state === 'exited' && isLast(this.record, this.#pod.pod.spec!, status);
  }
  hasRunLong(): boolean {
    return this.#ranLong || this.record.again === true;
  }
  noteExit(): void {
    this.#probing.stopAll();
    this.#noteEnd();
    this.changed();
    if (this.#endsAll()) queueMicrotask(() => void this.#pod.restartAll(this));
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
  kill(message: string): Promise<void> {
    return this.#stopping.end(message, this.#pod);
  }
  /** The pod ends: with what is left of its grace. */
  endRun(): Promise<void> {
    return this.#stopping.end(`Stopping container ${this.record.spec.name}`, this.#pod, this.#pod.graceSeconds());
  }
  /** Its sandbox has ended, and it with it, where ending it alone failed. False: that is known. */
  noteLateEnd(): boolean {
    if (this.record.state.running === undefined) return false;
    this.#noteEnd();
    this.changed();
    return true;
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
    const { role, state } = this.record;
    if (state.terminated !== undefined && !this.#hasEnded) this.#node.metrics.containerTerminated(role, state.terminated); // prettier-ignore
    this.#hasEnded = state.terminated !== undefined;
    this.#pod.containerChanged();
  }
  event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#node.recorder.event(referenceOf(this.#pod.pod, this.record), type, reason, message);
  }

  #exitCode(): number {
    return (this.record.state.terminated ?? this.record.lastState?.terminated)?.exitCode ?? 0;
  }
  /** Its end is that of all containers of its pod, by a rule of its own. */
  #endsAll(): boolean {
    const { role, spec, state, again } = this.record;
    return role !== 'ephemeral' && !this.#pod.isEnding && again !== true && state.terminated !== undefined && restartsAll(spec, state.terminated.exitCode); // prettier-ignore
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
  #wait(reason: string, message: string): void {
    this.record.state = { waiting: { reason, message } };
    this.record.started = false;
    this.record.ready = false;
    this.changed();
  }
}
