import type { Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import type { Sandbox } from '../../runtime/interface.ts';
import type { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import { gatesChanged } from '../status/conditions.ts';
import { podStatus, rejectedStatus, type Failure } from '../status/generate.ts';
import type { podMachine } from './machine.ts';
import { PodContainers } from './containers.ts';
import { apiHome, type PodHome } from './home.ts';
import { specsOf } from './resize.ts';
import { PodRoom, type Rejected } from './room.ts';
import { PodSandbox, sandboxFailure } from './sandbox.ts';
import { OVERDUE, TimeLeft } from './time-left.ts';

/** Does what one pod's chart says; holds what the chart must not: the object, the sandbox, the containers. */
export class PodWorker {
  readonly uid: string;
  readonly key: string;
  /** Newest version seen. */
  pod: Pod;
  isEnding = false;
  readonly #node: NodeContext;
  readonly #home: PodHome;
  readonly #rejected: Rejected | undefined;
  readonly #time: TimeLeft;
  readonly #containers: PodContainers;
  readonly #room: PodRoom;
  #actor!: RunningActor<typeof podMachine>;
  #failure: Failure | undefined;
  /** Nothing of it runs, and nothing will. */
  #isClosed = false;
  /** The kubelet stops, and leaves it as it is. */
  #isHalted = false;
  #isTold = false;
  readonly #sandbox: PodSandbox;
  #hasFailedStart = false;
  #isAbandoned = false;
  #isRestartingAll = false;
  /** Resolves when nothing of it runs. */
  #stopping: Promise<void> | undefined;

  constructor(node: NodeContext, pod: Pod, rejected: Rejected | undefined, home?: PodHome) {
    this.#node = node;
    this.#home = home ?? apiHome(node, this);
    this.pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.key = keyOf(pod);
    this.#sandbox = new PodSandbox(node, this.uid);
    this.#containers = new PodContainers(node, this);
    this.#room = new PodRoom(node, this, this.#containers, this.#home);
    this.#rejected = rejected;
    this.#time = new TimeLeft(node, () => this.#actor.send({ type: 'deadline.exceeded' }));
    node.pods.set(this.uid, this);
    if (rejected === undefined && !isTerminal(pod)) node.ledger.add(pod);
  }
  /** Begins, or takes up what the pod's status says an earlier kubelet had begun. */
  start(): void {
    if (this.#rejected === undefined) this.#sandbox.adopt(this.pod);
    this.#actor = startActor(this.#node.logic.pod, {
      world: this.#node.world,
      id: `pod/${this.key}`,
      machine: 'pod',
      input: { uid: this.uid },
      inspection: this.#node.inspection,
      onDone: () => undefined,
    });
    this.#time.watch(this.pod);
  }
  get sandbox(): Sandbox | undefined {
    return this.#sandbox.current;
  }
  get state(): string {
    return this.#actor.state();
  }
  get hasRejection(): boolean {
    return this.#rejected !== undefined;
  }
  get isStranded(): boolean {
    return this.#sandbox.stranded !== undefined;
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
    this.#node.volumes.see?.(pod);
    if (this.isDeleted) {
      const grace = pod.metadata.deletionGracePeriodSeconds ?? 30;
      const sooner = grace < (before.metadata.deletionGracePeriodSeconds ?? Infinity);
      if (before.metadata.deletionTimestamp === undefined) this.#actor.send({ type: 'pod.deleted' });
      else if (sooner) this.#actor.send({ type: 'grace.shortened' });
      return;
    }
    if (before.metadata.generation === pod.metadata.generation && !gatesChanged(before, pod)) return;
    const specs = specsOf(pod);
    this.#containers.redefine(specs);
    if (!this.isEnding && this.#rejected === undefined) this.#room.resize(specs);
    if (this.#containers.areMade && !this.isEnding && this.#containers.addEphemeral(pod)) this.startDue();
    this.#time.watch(this.pod);
    this.#home.request(false);
  }
  /** As it was let in, whatever it asks for since. */
  get allocated(): Pod {
    return this.#room.allocated;
  }
  lost(): void {
    this.#actor.send({ type: 'pod.lost' });
  }
  /** The node gives it up: it has failed, and has this long to end, in seconds. False: it has ended, or is about to. */
  evict(why: Failure, graceSeconds: number): boolean {
    if (this.isEnding || this.#isClosed || this.isOver || this.#failure !== undefined) return false;
    this.#failure = why;
    this.#time.endIn(graceSeconds);
    this.#actor.send({ type: 'deadline.exceeded' });
    return true;
  }
  get hasEnded(): boolean {
    return this.#isClosed;
  }
  /** The runtime says that its sandbox has died. */
  sandboxLost(): void {
    if (this.sandbox !== undefined && !this.isEnding) this.#actor.send({ type: 'sandbox.lost' });
  }
  halt(): void {
    this.#isHalted = true;
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
      this.#room.settled();
      this.#home.request(this.#containers.areSettled);
    });
  }
  container(name: string): ContainerWorker | undefined {
    return this.#containers.named(name);
  }
  /** Whether a main container has ever run. */
  get hasBegun(): boolean {
    return this.#containers.haveBegun;
  }
  /** Seconds that a container may still take to end. */
  graceSeconds(): number {
    return this.#time.graceSeconds(this.pod);
  }
  /** The status to write now. */
  status(): PodStatus {
    const { runtime, nodeIPs, world } = this.#node;
    const { startTime } = this.#time;
    if (this.#rejected !== undefined) return rejectedStatus(this.pod, this.#rejected, startTime);
    return podStatus({
      pod: this.pod,
      records: this.#containers.records,
      runtime: runtime.name,
      detailsOf: runtime.sweep && ((id) => runtime.containerStatus(id)?.details),
      resizing: this.#room.conditions(),
      podLevel: this.#room.shown(),
      restartingAll: this.#isRestartingAll,
      hostIPs: nodeIPs,
      podIPs: this.#sandbox.ips,
      startTime,
      hasSandbox: this.sandbox !== undefined,
      ending: this.isEnding,
      over: this.#isClosed,
      failure: this.#failure,
      now: formatTime(world.clock.now()),
    });
  }

  // What the chart asks for.
  reject(): void {
    this.#node.recorder.event(this.pod, 'Warning', this.#rejected!.reason, this.#rejected!.message);
  }
  showPending(): void {
    this.#home.request(false);
  }
  /** Of pods with users of their own it is counted, once a sandbox. Source: kuberuntime StartedUserNamespacedPodsErrorsTotal. */
  noteFailedStart(): void {
    if (this.pod.spec?.hostUsers !== false || this.#hasFailedStart) return;
    this.#hasFailedStart = true;
    this.#node.metrics.userPodFailed();
  }
  async createSandbox(signal: AbortSignal): Promise<void> {
    this.#hasFailedStart = false;
    await this.#sandbox.create(() => this.pod, signal);
    this.#node.metrics.podStarted(this.pod.spec?.hostUsers === false);
  }
  /** Ends what is left in a sandbox that died; those containers wait for the next one. */
  async replaceSandbox(): Promise<void> {
    this.#makeContainers();
    this.#isAbandoned = this.pod.spec?.restartPolicy === 'Never' && this.#containers.all.some((c) => c.record.runs > 0);
    if (!this.#isAbandoned)
      this.#node.recorder.event(this.pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.'); // prettier-ignore
    await this.#sandbox.leave(() => {
      this.#home.request(false);
      return Promise.all(this.#containers.all.map((c) => c.leaveSandbox()));
    });
  }
  isAbandoned(): boolean {
    return this.#isAbandoned || this.stage() === 'completed';
  }
  showSandboxError(error: unknown): void {
    this.#node.metrics.podFailedToStart();
    this.noteFailedStart();
    this.#node.recorder.event(this.pod, 'Warning', 'FailedCreatePodSandBox', sandboxFailure(error));
    this.#home.request(false);
  }
  startDue(): void {
    queueMicrotask(() => {
      if (this.#isClosed || this.isEnding || this.#isRestartingAll) return;
      this.#makeContainers();
      this.#containers.startDue();
    });
  }
  stage(): 'initializing' | 'running' | 'completed' {
    return this.#containers.plan.stage;
  }
  failByDeadline(): void {
    if (this.#failure !== undefined) return this.#home.request(true);
    this.#failure = OVERDUE;
    this.#node.recorder.event(this.pod, 'Normal', OVERDUE.reason, OVERDUE.message);
    this.#home.request(true);
  }
  /** All within the pod's grace. */
  async endContainers(): Promise<void> {
    this.isEnding = true;
    this.#time.endIn(this.graceSeconds());
    this.#makeContainers();
    await this.#containers.end();
  }
  shortenGrace(): void {
    this.#time.endIn(this.pod.metadata.deletionGracePeriodSeconds ?? 0);
    for (const c of this.#containers.all) c.hurry();
  }
  async killContainers(): Promise<void> {
    // Whoever deletes a pod at once takes it from the API; on its node it has its grace all the same.
    if (this.#node.runtime.sweep !== undefined && !this.#isClosed) await this.endContainers();
    this.isEnding = true;
    this.#containers.stop();
    await this.#sandbox.stop();
  }
  close(): void {
    this.#time.stop();
    this.#room.give();
    this.isEnding = true;
    this.#isClosed = true;
    this.#containers.stop();
    this.#stopping = this.#stopForGood();
    this.#home.request(true);
  }
  async removeFromApi(signal: AbortSignal): Promise<void> {
    if (this.#stopping !== undefined) await this.#stopping;
    await this.flush();
    // Who comes after it may need what it had. Source: kubelet SyncTerminatedPod.
    const unmounted = this.#node.volumes.whenUnmounted(this.uid);
    if (unmounted !== undefined) await unmounted;
    signal.throwIfAborted();
    await this.#home.remove(signal);
  }
  forget(): void {
    this.#isClosed = true;
    this.#time.stop();
    this.#room.give();
    this.#containers.stop();
    this.#home.drop();
    // Who stops the kubelet leaves pods as they are.
    if (!this.#isHalted) this.#sandbox.discard();
    if (this.#node.pods.get(this.uid) === this) this.#node.pods.delete(this.uid);
    if (!this.#isHalted) this.#node.volumes.forget(this.uid);
  }

  /** Resolves when its newest status is written. */
  flush(): Promise<void> {
    return this.#home.flush();
  }
  async #stopForGood(): Promise<void> {
    await this.#sandbox.stopForGood(this.pod, () => this.#isHalted);
    if (this.#containers.noteLateEnds()) this.#home.request(true);
  }
  #makeContainers(): void {
    if (!this.#containers.make() || this.isEnding) return;
    const specs = specsOf(this.pod);
    // What it was given by the kubelet before this one may not be what it asks for now.
    if (this.#room.asksForMore(specs)) queueMicrotask(() => this.#room.resize(specs));
  }
  /** All its containers begin anew, in the sandbox that there is; `source`: whose end made them. */
  async restartAll(source: ContainerWorker): Promise<void> {
    if (this.#isRestartingAll || this.isEnding || this.#isClosed) return;
    this.#isRestartingAll = true;
    this.#home.request(true);
    await this.#containers.reset(source);
    this.#isRestartingAll = false;
    this.#home.request(true);
    this.startDue();
  }
}
