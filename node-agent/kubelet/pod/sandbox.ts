import { delay } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { runtimeReason, type Sandbox } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';
import { claimsReady } from '../resource-claims.ts';

/** Source: kubelet backOffPeriod. */
const STOP_RETRY_MS = 10_000;

/** The sandbox that a pod has, one that died and is not ended yet, and the last one, which is kept for its logs. */
export class PodSandbox {
  current: Sandbox | undefined;
  /** Of no use any more; what is in it is not ended yet. */
  stranded: Sandbox | undefined;
  #last: Sandbox | undefined;
  readonly #node: NodeContext;
  readonly #uid: string;

  constructor(node: NodeContext, uid: string) {
    this.#node = node;
    this.#uid = uid;
  }
  /** Makes one, once what the pod is to have of the node is there; `pod`: its newest version. */
  async create(pod: () => Pod, signal: AbortSignal): Promise<void> {
    const mounting = this.#node.volumes.mount(pod(), signal);
    if (mounting !== undefined) await mounting;
    const claims = claimsReady(this.#node, pod(), signal);
    if (claims !== undefined) await claims;
    this.current = await this.#node.runtime.runPodSandbox(pod(), signal);
  }
  /** Takes up what an earlier kubelet left. */
  adopt(pod: Pod): void {
    const found = this.#node.runtime.adopt(pod);
    if (found?.isDead === true) this.stranded = found;
    else this.current = found;
    if (this.current !== undefined) this.#node.volumes.adopt(pod);
  }
  /** It has died; `end` ends what runs in it. */
  async leave(end: () => Promise<unknown>): Promise<void> {
    const old = this.current ?? this.stranded;
    this.stranded = old;
    this.current = undefined;
    await end();
    if (old !== undefined) await this.#node.runtime.stopPodSandbox(old.id);
    this.stranded = undefined;
  }
  /** All addresses, the first one first. */
  get ips(): readonly string[] {
    return this.current?.ips ?? (this.current?.ip === undefined ? [] : [this.current.ip]);
  }
  async stop(): Promise<void> {
    const sandbox = this.current ?? this.stranded;
    this.current = undefined;
    this.stranded = undefined;
    if (sandbox !== undefined) {
      this.#last = sandbox;
      await this.#node.runtime.stopPodSandbox(sandbox.id);
    }
    this.#node.volumes.unmount(this.#uid);
  }
  /** As often as it takes, unless the kubelet stops. */
  async stopForGood(pod: Pod, isHalted: () => boolean): Promise<void> {
    const { recorder, world } = this.#node;
    const sandbox = this.current ?? this.stranded;
    for (;;)
      try {
        return await this.stop();
      } catch (error) {
        if (isHalted()) return;
        this.current = sandbox;
        world.log.warn('pod sandbox not stopped', { pod: pod.metadata.name, err: error });
        const why = `error killing pod: failed to "KillPodSandbox" for "${this.#uid}" with KillPodSandboxError: "${(error as Error).message}"`;
        recorder.event(pod, 'Warning', 'FailedKillPod', why);
        await delay(world.clock, STOP_RETRY_MS);
      }
  }
  /** Nothing is to be left of it. */
  discard(): void {
    const { runtime, world } = this.#node;
    const failed = (error: unknown): void => world.log.warn('pod not removed from the runtime', { uid: this.#uid, err: error }); // prettier-ignore
    if (runtime.removePod !== undefined) void runtime.removePod(this.#uid).catch(failed);
    else if (this.#last !== undefined) void runtime.removePodSandbox(this.#last.id);
  }
}
/** What the event says. */
export function sandboxFailure(error: unknown): string {
  const said = (error as Error).message;
  // What the runtime was never asked for comes without its words.
  const isBare = said.startsWith('rpc error:') || runtimeReason(error) === 'ConfigPodSandboxError';
  return `Failed to create pod sandbox: ${isBare ? '' : 'rpc error: code = Unknown desc = '}${said}`;
}
