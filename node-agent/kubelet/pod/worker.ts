import type { TimerId } from '../../../bus/world.ts';
import type { Container, Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';
import { runtimeReason, type Sandbox } from '../../runtime/interface.ts';
import { claimsReady } from '../resource-claims.ts';
import { recall } from '../container/recall.ts';
import { recordOf, recordsOf } from '../container/record.ts';
import { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import { podStatus, rejectedStatus, type Failure } from '../status/generate.ts';
import { armDeadline } from './deadline.ts';
import type { podMachine } from './machine.ts';
import { endInOrder, resetInOrder } from './order.ts';
import { plan } from './plan.ts';
import { removePod } from './removal.ts';
import { allocatedPod, asksForMore, Resizing, specsOf } from './resize.ts';
import { PodSandbox } from './sandbox.ts';

export interface Rejected {
  readonly reason: string;
  readonly message: string;
}
/** Where a pod is told of that is not the API's own. */
export interface PodHome {
  /** Its status is to be reported. */
  request(settled: boolean): void;
  flush(): Promise<void>;
  /** It has ended, and was to go. */
  remove(signal: AbortSignal): Promise<void>;
  /** Nothing is left of it. */
  drop(): void;
}
/** Does what one pod's chart says; holds what the chart must not: the object, the sandbox, the containers. */
export class PodWorker {
  readonly uid: string;
  readonly key: string;
  /** Newest version seen. */
  pod: Pod;
  isEnding = false;
  readonly #node: NodeContext;
  /** undefined: it is the API's. */
  readonly #home: PodHome | undefined;
  readonly #rejected: Rejected | undefined;
  readonly #startTime: string;
  readonly #containers: ContainerWorker[] = [];
  #actor!: RunningActor<typeof podMachine>;
  #failure: Failure | undefined;
  #endsAt: number | undefined;
  #isClosed = false;
  /** The kubelet stops, and leaves it as it is. */
  #isHalted = false;
  #isTold = false;
  readonly #sandbox: PodSandbox;
  #isAbandoned = false;
  #isRestartingAll = false;
  /** undefined: it never was resized. */
  #resizing: Resizing | undefined;
  /** Resolves when nothing of it runs. */
  #stopping: Promise<void> | undefined;
  #deadline: TimerId | undefined;

  constructor(node: NodeContext, pod: Pod, rejected: Rejected | undefined, home?: PodHome) {
    this.#node = node;
    this.#home = home;
    this.pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.key = keyOf(pod);
    this.#sandbox = new PodSandbox(node, this.uid);
    this.#rejected = rejected;
    this.#startTime = formatTime(node.world.clock.now());
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
    this.#armDeadline();
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
  get isAdopted(): boolean {
    return this.sandbox !== undefined;
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
    for (const worker of this.#containers) {
      const spec = specs.get(worker.record.spec.name);
      if (spec !== undefined) worker.redefine(spec);
    }
    if (!this.isEnding && this.#rejected === undefined) this.#resize(specs);
    if (this.#containers.length > 0 && !this.isEnding) this.#addEphemeral();
    this.#armDeadline();
    this.#report(false);
  }
  lost(): void {
    this.#actor.send({ type: 'pod.lost' });
  }
  /** The node gives it up: it has failed, and has this long to end, in seconds. False: it has ended, or is about to. */
  evict(why: Failure, graceSeconds: number): boolean {
    if (this.isEnding || this.#isClosed || this.isOver || this.#failure !== undefined) return false;
    this.#failure = why;
    this.#endsAt = this.#node.world.clock.now() + graceSeconds * 1_000;
    this.#actor.send({ type: 'deadline.exceeded' });
    return true;
  }
  /** Nothing of it runs, and nothing will. */
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
      this.#resizing?.settled();
      this.#report(this.#isSettled());
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
    const { runtime, nodeIPs, world } = this.#node;
    if (this.#rejected !== undefined)
      return rejectedStatus(this.pod, this.#rejected.reason, this.#rejected.message, this.#startTime);
    return podStatus({
      pod: this.pod,
      records: this.#records(),
      runtime: runtime.name,
      detailsOf: runtime.sweep && ((id) => runtime.containerStatus(id)?.details),
      resizing: this.#resizing?.conditions(),
      restartingAll: this.#isRestartingAll,
      hostIPs: nodeIPs,
      podIPs: this.#sandbox.ips,
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
    this.#report(false);
  }
  async createSandbox(signal: AbortSignal): Promise<void> {
    const mounting = this.#node.volumes.mount(this.pod, signal);
    if (mounting !== undefined) await mounting;
    const claims = claimsReady(this.#node, this.pod, signal);
    if (claims !== undefined) await claims;
    this.#sandbox.current = await this.#node.runtime.runPodSandbox(this.pod, signal);
    this.#node.metrics.podStarted();
  }
  /** Ends what is left in a sandbox that died; those containers wait for the next one. */
  async replaceSandbox(): Promise<void> {
    this.#makeContainers();
    this.#isAbandoned = this.pod.spec?.restartPolicy === 'Never' && this.#containers.some((c) => c.record.runs > 0);
    if (!this.#isAbandoned)
      this.#node.recorder.event(this.pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.'); // prettier-ignore
    await this.#sandbox.leave(() => {
      this.#report(false);
      return Promise.all(this.#containers.map((c) => c.leaveSandbox()));
    });
  }
  isAbandoned(): boolean {
    return this.#isAbandoned || this.stage() === 'completed';
  }
  showSandboxError(error: unknown): void {
    const said = (error as Error).message;
    // What the runtime was never asked for comes without its words.
    const isBare = said.startsWith('rpc error:') || runtimeReason(error) === 'ConfigPodSandboxError';
    const message = `Failed to create pod sandbox: ${isBare ? '' : 'rpc error: code = Unknown desc = '}${said}`;
    this.#node.metrics.podFailedToStart();
    this.#node.recorder.event(this.pod, 'Warning', 'FailedCreatePodSandBox', message);
    this.#report(false);
  }
  startDue(): void {
    queueMicrotask(() => {
      if (this.#isClosed || this.isEnding || this.#isRestartingAll) return;
      this.#makeContainers();
      for (const record of plan(this.pod.spec!, this.#records()).start) this.container(record.spec.name)?.start();
    });
  }
  stage(): 'initializing' | 'running' | 'completed' {
    return plan(this.pod.spec!, this.#records()).stage;
  }
  failByDeadline(): void {
    if (this.#failure !== undefined) return this.#report(true);
    this.#failure = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    };
    this.#node.recorder.event(this.pod, 'Normal', this.#failure.reason, this.#failure.message);
    this.#report(true);
  }
  /** All within the pod's grace. */
  async endContainers(): Promise<void> {
    this.isEnding = true;
    this.#endsAt = this.#node.world.clock.now() + this.graceSeconds() * 1_000;
    this.#makeContainers();
    await endInOrder(this.#containers);
  }
  shortenGrace(): void {
    this.#endsAt = this.#node.world.clock.now() + (this.pod.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
    for (const c of this.#containers) c.hurry();
  }
  async killContainers(): Promise<void> {
    // Whoever deletes a pod at once takes it from the API; on its node it has its grace all the same.
    if (this.#node.runtime.sweep !== undefined && !this.#isClosed) await this.endContainers();
    this.isEnding = true;
    for (const c of this.#containers) c.stop();
    await this.#sandbox.stop();
  }
  close(): void {
    this.#disarmDeadline();
    this.#makeRoom();
    this.isEnding = true;
    this.#isClosed = true;
    for (const c of this.#containers) c.stop();
    this.#stopping = this.#sandbox.stopForGood(this.pod, () => this.#isHalted);
    this.#report(true);
  }
  async removeFromApi(signal: AbortSignal): Promise<void> {
    if (this.#stopping !== undefined) await this.#stopping;
    await this.flush();
    // Who comes after it may need what it had. Source: kubelet SyncTerminatedPod.
    const unmounted = this.#node.volumes.whenUnmounted(this.uid);
    if (unmounted !== undefined) await unmounted;
    signal.throwIfAborted();
    if (this.#home !== undefined) return this.#home.remove(signal);
    await removePod(this.#node.client, this.pod, signal);
  }
  forget(): void {
    this.#isClosed = true;
    this.#disarmDeadline();
    this.#makeRoom();
    for (const c of this.#containers) c.stop();
    if (this.#home === undefined) this.#node.writer.drop(this);
    else this.#home.drop();
    // Who stops the kubelet leaves pods as they are.
    if (!this.#isHalted) this.#sandbox.discard();
    if (this.#node.pods.get(this.uid) === this) this.#node.pods.delete(this.uid);
    if (!this.#isHalted) this.#node.volumes.forget(this.uid);
  }

  /** Resolves when its newest status is written. */
  flush(): Promise<void> {
    return this.#home === undefined ? this.#node.writer.flush(this) : this.#home.flush();
  }
  #report(settled: boolean): void {
    if (this.#home === undefined) this.#node.writer.request(this, settled);
    else this.#home.request(settled);
  }
  #records() {
    return this.#containers.length > 0 ? this.#containers.map((c) => c.record) : recordsOf(this.pod);
  }
  #makeContainers(): void {
    if (this.#containers.length > 0) return;
    const records = recordsOf(this.pod);
    recall(records, this.#node.runtime, this.pod, this.sandbox?.id);
    for (const record of records) {
      if (this.isEnding && record.runs > 0 && record.state.running !== undefined && this.sandbox === undefined)
        continue;
      this.#containers.push(new ContainerWorker(this.#node, this, record));
    }
    const specs = specsOf(this.pod);
    if (!this.isEnding && asksForMore(records, specs)) queueMicrotask(() => this.#resize(specs));
  }
  /** What it may use has perhaps changed. */
  #resize(specs: ReadonlyMap<string, Container>): void {
    if (this.#resizing === undefined) {
      if (!asksForMore(this.#containers.map((c) => c.record), specs)) return this.#node.ledger.add(this.pod); // prettier-ignore
      this.#resizing = new Resizing({
        node: this.#node,
        pod: () => this.pod,
        containers: () => this.#containers,
        take: () => this.#take(),
        changed: () => this.#report(true),
      });
    }
    this.#resizing.consider();
  }
  #take(): Rejected | undefined {
    const { admit, ledger } = this.#node;
    ledger.remove(this.uid);
    const refusal = admit(this.pod);
    ledger.add(refusal === undefined ? this.pod : allocatedPod(this.pod, this.#records()));
    return refusal;
  }
  #makeRoom(): void {
    this.#node.ledger.remove(this.uid);
    this.#resizing?.stop();
    for (const other of this.#node.pods.values()) if (other !== this) other.roomMade();
  }
  /** The node has room that it had not. */
  roomMade(): void {
    if (this.#resizing?.isPending === true) this.#resizing.consider();
  }
  /** All its containers begin anew, in the sandbox that there is; `source`: whose end made them. */
  async restartAll(source: ContainerWorker): Promise<void> {
    if (this.#isRestartingAll || this.isEnding || this.#isClosed) return;
    this.#isRestartingAll = true;
    this.#report(true);
    try {
      await resetInOrder(this.#containers, source);
    } catch (error) {
      this.#node.world.log.warn('container not reset', { pod: this.key, err: error });
    }
    this.#isRestartingAll = false;
    this.#report(true);
    this.startDue();
  }
  /** Those that were added to the pod since. */
  #addEphemeral(): void {
    const known = new Set(this.#containers.map((c) => c.record.spec.name));
    const added = (this.pod.spec?.ephemeralContainers ?? []).filter((c) => !known.has(c.name));
    if (added.length === 0) return;
    for (const c of added) this.#containers.push(new ContainerWorker(this.#node, this, recordOf(c, 'ephemeral', false, undefined))); // prettier-ignore
    this.startDue();
  }
  /** Whether the status says something that will stay for a while. */
  #isSettled(): boolean {
    const { stage, start } = plan(this.pod.spec!, this.#records());
    return stage !== 'initializing' && start.length === 0 && this.#containers.every((c) => c.isSettled);
  }
  #armDeadline(): void {
    this.#disarmDeadline();
    this.#deadline = armDeadline(this.#node.world, this.pod, this.#startTime, () => this.#actor.send({ type: 'deadline.exceeded' })); // prettier-ignore
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
