import type { TimerId } from '../../../bus/world.ts';
import type { Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { formatTime, parseTime } from '../../../schemas/meta/time.ts';
import { pods } from '../../../actors/runtime/resources.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import type { Sandbox } from '../../runtime/interface.ts';
import { claimsReady } from '../resource-claims.ts';
import { recordsOf } from '../container/record.ts';
import { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import { podStatus, rejectedStatus } from '../status/generate.ts';
import type { podMachine } from './machine.ts';
import { plan } from './plan.ts';

export interface Rejected {
  readonly reason: string;
  readonly message: string;
}
/** Does what one pod's chart says; holds what the chart must not: the object, the sandbox, the containers. */
export class PodWorker {
  readonly uid: string;
  readonly key: string;
  /** Newest version seen. */
  pod: Pod;
  sandbox: Sandbox | undefined;
  isEnding = false;
  readonly #node: NodeContext;
  readonly #rejected: Rejected | undefined;
  readonly #startTime: string;
  readonly #containers: ContainerWorker[] = [];
  #actor!: RunningActor<typeof podMachine>;
  #failure: Rejected | undefined;
  #endsAt: number | undefined;
  #isClosed = false;
  #isTold = false;
  /** Kept for its logs until the pod leaves the API. */
  #stopped: Sandbox | undefined;
  #deadline: TimerId | undefined;

  constructor(node: NodeContext, pod: Pod, rejected: Rejected | undefined) {
    this.#node = node;
    this.pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.key = keyOf(pod);
    this.#rejected = rejected;
    this.#startTime = formatTime(node.world.clock.now());
    node.pods.set(this.uid, this);
    if (rejected === undefined && !isTerminal(pod)) node.ledger.add(pod);
  }
  /** Begins, or takes up what the pod's status says an earlier kubelet had begun. */
  start(): void {
    const { runtime } = this.#node;
    if (!isTerminal(this.pod) && this.#rejected === undefined) this.sandbox = runtime.adopt(this.pod);
    if (this.sandbox !== undefined) this.#node.volumes.adopt(this.pod);
    this.#actor = startActor(this.#node.logic.pod, {
      world: this.#node.world,
      id: `pod/${this.key}`,
      machine: 'pod',
      input: { uid: this.uid },
      inspection: this.#node.inspection,
      onDone: () => undefined,
    });
    this.#armDeadline();
  }
  get state(): string {
    return this.#actor.state();
  }
  get hasRejection(): boolean {
    return this.#rejected !== undefined;
  }
  get isAdopted(): boolean {
    return this.sandbox !== undefined;
  }
  /** The API says that it has ended. */
  get isOver(): boolean {
    return isTerminal(this.pod);
  }
  get isDeleted(): boolean {
    return this.pod.metadata.deletionTimestamp !== undefined;
  }
  /** A newer version of the object has come. */
  see(pod: Pod): void {
    const before = this.pod;
    if (Number(pod.metadata.resourceVersion) < Number(before.metadata.resourceVersion)) return;
    this.pod = pod;
    if (this.isDeleted) {
      const grace = pod.metadata.deletionGracePeriodSeconds ?? 30;
      const sooner = grace < (before.metadata.deletionGracePeriodSeconds ?? Infinity);
      if (before.metadata.deletionTimestamp === undefined) this.#actor.send({ type: 'pod.deleted' });
      else if (sooner) this.#actor.send({ type: 'grace.shortened' });
      return;
    }
    if (before.metadata.generation !== pod.metadata.generation && !this.isEnding && this.#rejected === undefined)
      this.#node.ledger.add(pod);
    if (before.metadata.generation === pod.metadata.generation && !gatesChanged(before, pod)) return;
    for (const worker of this.#containers) {
      const spec = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((c) => c.name === worker.record.spec.name); // prettier-ignore
      if (spec !== undefined) worker.record.spec = spec;
    }
    this.#armDeadline();
    this.#node.writer.request(this, false);
  }
  lost(): void {
    this.#actor.send({ type: 'pod.lost' });
  }
  halt(): void {
    this.#actor.send({ type: 'stop' });
  }
  /** Several changes of one turn are one event. Charts never act within each other's transitions. */
  containerChanged(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      if (this.#isClosed) return;
      this.#actor.send({ type: 'container.changed' });
      this.#node.writer.request(this, this.#isSettled());
    });
  }
  container(name: string): ContainerWorker | undefined {
    return this.#containers.find((c) => c.record.spec.name === name);
  }
  /** Whether a main container has ever run. */
  get hasBegun(): boolean {
    return this.#containers.some((c) => c.record.role === 'main' && c.record.runs > 0);
  }
  /** Seconds that a container may still take to end. */
  graceSeconds(): number {
    if (this.#endsAt !== undefined) return Math.max((this.#endsAt - this.#node.world.clock.now()) / 1_000, 0);
    return this.pod.metadata.deletionGracePeriodSeconds ?? this.pod.spec?.terminationGracePeriodSeconds ?? 30;
  }
  /** The status to write now. */
  status(): PodStatus {
    const { runtime, nodeIP, world } = this.#node;
    if (this.#rejected !== undefined)
      return rejectedStatus(this.pod, this.#rejected.reason, this.#rejected.message, this.#startTime);
    return podStatus({
      pod: this.pod,
      records: this.#records(),
      runtime: runtime.name,
      hostIP: nodeIP,
      podIP: this.sandbox?.ip,
      startTime: this.#startTime,
      hasSandbox: this.sandbox !== undefined,
      ending: this.isEnding,
      over: this.#isClosed,
      failure: this.#failure,
      now: formatTime(world.clock.now()),
    });
  }

  // What the chart asks for.

  reject(): void {
    const { reason, message } = this.#rejected!;
    this.#node.recorder.event(this.pod, 'Warning', reason, message);
  }
  showPending(): void {
    this.#node.writer.request(this, false);
  }
  async createSandbox(signal: AbortSignal): Promise<void> {
    const mounting = this.#node.volumes.mount(this.pod, signal);
    if (mounting !== undefined) await mounting;
    const claims = claimsReady(this.#node, this.pod, signal);
    if (claims !== undefined) await claims;
    this.sandbox = await this.#node.runtime.runPodSandbox(this.pod, signal);
    this.#node.metrics.podStarted();
  }
  showSandboxError(error: unknown): void {
    const message = `Failed to create pod sandbox: rpc error: code = Unknown desc = ${(error as Error).message}`;
    this.#node.metrics.podFailedToStart();
    this.#node.recorder.event(this.pod, 'Warning', 'FailedCreatePodSandBox', message);
    this.#node.writer.request(this, false);
  }
  startDue(): void {
    queueMicrotask(() => {
      if (this.#isClosed || this.isEnding) return;
      this.#makeContainers();
      for (const record of plan(this.pod.spec!, this.#records()).start) this.container(record.spec.name)?.start();
    });
  }
  stage(): 'initializing' | 'running' | 'completed' {
    return plan(this.pod.spec!, this.#records()).stage;
  }
  failByDeadline(): void {
    this.#failure = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    };
    this.#node.recorder.event(this.pod, 'Normal', this.#failure.reason, this.#failure.message);
    this.#node.writer.request(this, true);
  }
  /** Main containers together, then sidecars in reverse order, all within the pod's grace. */
  async endContainers(): Promise<void> {
    this.isEnding = true;
    this.#endsAt = this.#node.world.clock.now() + this.graceSeconds() * 1_000;
    this.#makeContainers();
    const sidecars = this.#containers.filter((c) => c.record.role === 'sidecar');
    const others = this.#containers.filter((c) => c.record.role !== 'sidecar');
    for (const c of others) c.end();
    await Promise.all(others.map((c) => c.whenTerminated));
    for (const c of sidecars.toReversed()) {
      c.end();
      await c.whenTerminated;
    }
  }
  shortenGrace(): void {
    this.#endsAt = this.#node.world.clock.now() + (this.pod.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
    for (const c of this.#containers) c.hurry();
  }
  async killContainers(): Promise<void> {
    this.isEnding = true;
    for (const c of this.#containers) c.stop();
    await this.#stopSandbox();
  }
  close(): void {
    this.#disarmDeadline();
    this.#node.ledger.remove(this.uid);
    this.isEnding = true;
    this.#isClosed = true;
    for (const c of this.#containers) c.stop();
    void this.#stopSandbox();
    this.#node.writer.request(this, true);
  }
  async removeFromApi(signal: AbortSignal): Promise<void> {
    await this.#node.writer.flush(this);
    signal.throwIfAborted();
    const { name, namespace } = this.pod.metadata;
    try {
      await this.#node.client.delete(pods, name!, namespace, {
        gracePeriodSeconds: 0,
        preconditions: { uid: this.uid },
        signal,
      });
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== 'NotFound' && reason !== 'Conflict') throw error;
    }
  }
  forget(): void {
    this.#isClosed = true;
    this.#disarmDeadline();
    this.#node.ledger.remove(this.uid);
    for (const c of this.#containers) c.stop();
    this.#node.writer.drop(this);
    if (this.#stopped !== undefined) void this.#node.runtime.removePodSandbox(this.#stopped.id);
    if (this.#node.pods.get(this.uid) === this) this.#node.pods.delete(this.uid);
  }

  #records() {
    return this.#containers.length > 0 ? this.#containers.map((c) => c.record) : recordsOf(this.pod);
  }
  #makeContainers(): void {
    if (this.#containers.length > 0) return;
    for (const record of recordsOf(this.pod)) {
      if (this.isEnding && record.runs > 0 && record.state.running !== undefined && this.sandbox === undefined)
        continue;
      this.#containers.push(new ContainerWorker(this.#node, this, record));
    }
  }
  /** Whether the status says something that will stay for a while. */
  #isSettled(): boolean {
    const { stage, start } = plan(this.pod.spec!, this.#records());
    return stage !== 'initializing' && start.length === 0 && this.#containers.every((c) => c.isSettled);
  }
  async #stopSandbox(): Promise<void> {
    const { sandbox } = this;
    this.sandbox = undefined;
    if (sandbox === undefined) return this.#node.volumes.unmount(this.uid);
    this.#stopped = sandbox;
    await this.#node.runtime.stopPodSandbox(sandbox.id);
    this.#node.volumes.unmount(this.uid);
  }
  #armDeadline(): void {
    this.#disarmDeadline();
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || isTerminal(this.pod)) return;
    const { clock } = this.#node.world;
    const since = parseTime(this.pod.status?.startTime ?? this.#startTime) ?? clock.now();
    const left = Math.max(since + seconds * 1_000 - clock.now(), 0);
    this.#deadline = clock.setTimeout(() => this.#actor.send({ type: 'deadline.exceeded' }), left);
  }
  #disarmDeadline(): void {
    if (this.#deadline !== undefined) this.#node.world.clock.clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}
/** Readiness gates and other people's conditions are part of what we report. */
const gatesChanged = (before: Pod, now: Pod): boolean =>
  (now.spec?.readinessGates?.length ?? 0) > 0 &&
  JSON.stringify(before.status?.conditions) !== JSON.stringify(now.status?.conditions);
