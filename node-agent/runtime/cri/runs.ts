import { delay, type World } from '../../../bus/world.ts';
import { grpcCode } from '../../grpc/client.ts';
import type { RuntimeStatus } from '../interface.ts';
import { containerNameOf, hashOf, podNameOf, podUidOf } from './labels.ts';
import { lastWords } from './last-words.ts';
import type { CriContainer, CriContainerStatus, CriSandbox, CriSandboxStatus } from './messages.ts';
import { CONTAINER_STATES, SANDBOX_READY } from './protocol.ts';
import type { CriService } from './service.ts';

export interface KnownContainer {
  readonly id: string;
  readonly sandbox: string;
  readonly podUid: string;
  readonly createdAt: number;
  status: RuntimeStatus;
}
export interface KnownSandbox {
  readonly id: string;
  readonly podUid: string;
  /** `namespace/name`. */
  readonly podName: string;
  readonly attempt: number;
  readonly createdAt: number;
  ready: boolean;
  ips: readonly string[];
}
/** A runtime that tells of what happens is still looked at, in case it forgot something. Source: kubelet PLEG relist periods. */
const LOOK_MS = 1_000;
const LOOK_WHEN_TOLD_MS = 10_000;
const NS_PER_MS = 1e6;
const RANK = { created: 0, running: 1, exited: 2 } as const;
/** A runtime hears of an end a little before it says so of the container, ms. */
const SETTLING_MS = [2, 5, 10, 20, 50, 100, 200, 400];

/**
 * What the runtime holds, as last heard of: containers and sandboxes with their states. Kept by the runtime's events where
 * it has any, by containerd's own where not, and by looking every second otherwise. Source: kubelet pkg/kubelet/pleg.
 */
export class Runs {
  readonly containers = new Map<string, KnownContainer>();
  readonly sandboxes = new Map<string, KnownSandbox>();
  readonly #world: World;
  readonly #cri: CriService;
  readonly #listeners = { exit: new Set<(id: string) => void>(), sandbox: new Set<(podUid: string) => void>() };
  readonly #stopped = new AbortController();
  #looking: Promise<void> | undefined;
  #isTold = false;
  #wake: AbortController | undefined;

  constructor(world: World, cri: CriService) {
    this.#world = world;
    this.#cri = cri;
  }
  /** Resolves when all is known that is there; from then on it is kept up. */
  async start(): Promise<void> {
    await this.look();
    void this.#keepLooking();
    void this.#listen();
  }
  stop(): void {
    this.#stopped.abort(new Error('the runtime is closed'));
    this.#listeners.exit.clear();
    this.#listeners.sandbox.clear();
  }
  onExit(listener: (id: string) => void): () => void {
    this.#listeners.exit.add(listener);
    return () => void this.#listeners.exit.delete(listener);
  }
  onSandboxChange(listener: (podUid: string) => void): () => void {
    this.#listeners.sandbox.add(listener);
    return () => void this.#listeners.sandbox.delete(listener);
  }
  /** Ids of the pod's containers, newest last. */
  ofPod(podUid: string): readonly KnownContainer[] {
    return [...this.containers.values()].filter((c) => c.podUid === podUid).sort((a, b) => a.createdAt - b.createdAt);
  }
  /** Where running containers write their logs. */
  *logs(): Generator<{ readonly id: string; readonly path: string }, void> {
    for (const { id, status } of this.containers.values())
      if (status.state === 'running' && status.details?.logPath) yield { id, path: status.details.logPath };
  }
  /** The pod's sandboxes, newest last. */
  sandboxesOf(podUid: string): readonly KnownSandbox[] {
    return [...this.sandboxes.values()].filter((s) => s.podUid === podUid).sort((a, b) => a.attempt - b.attempt || a.createdAt - b.createdAt); // prettier-ignore
  }
  /** Compares all that there is with what is known; several who ask at once ask once. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }
  async #look(): Promise<void> {
    const known = new Set(this.containers.keys());
    const knownSandboxes = new Set(this.sandboxes.keys());
    const [containers, sandboxes] = await Promise.all([this.#cri.containers(), this.#cri.sandboxes()]);
    const there = new Set<string>();
    const asked: Promise<unknown>[] = [];
    for (const sandbox of sandboxes) {
      there.add(sandbox.id);
      const before = this.sandboxes.get(sandbox.id);
      if (before === undefined || before.ready !== (sandbox.state === SANDBOX_READY))
        asked.push(this.#learnSandbox(sandbox));
    }
    for (const container of containers) {
      there.add(container.id);
      const before = this.containers.get(container.id);
      if (before === undefined || before.status.state !== stateOf(container.state))
        asked.push(this.refresh(container.id, container));
    }
    await Promise.all(asked);
    for (const id of known) if (!there.has(id)) this.forget(id);
    for (const id of knownSandboxes) if (!there.has(id)) this.forgetSandbox(id);
  }
  /** Asks how a container is; undefined: it is no more. */
  async refresh(id: string, listed?: CriContainer): Promise<KnownContainer | undefined> {
    const status = await this.#cri.containerStatus(id);
    if (status === undefined) {
      this.forget(id);
      return undefined;
    }
    const state = stateOf(status.state);
    const told =
      state === 'exited' && this.containers.get(id)?.status.state !== 'exited' ? await lastWords(status) : '';
    // Asked after the last await: whoever was told meanwhile of something newer is right.
    const before = this.containers.get(id);
    if (before !== undefined && RANK[before.status.state] >= RANK[state] && before.status.details !== undefined) {
      if (before.status.state === state && state !== 'exited')
        before.status = statusOf(status, state, '', before.sandbox);
      return before;
    }
    const sandbox = before?.sandbox ?? listed?.podSandboxId ?? '';
    const known: KnownContainer = { id, sandbox, podUid: podUidOf(status.labels), createdAt: status.createdAt, status: statusOf(status, state, told, sandbox) }; // prettier-ignore
    this.containers.set(id, known);
    if (state === 'exited') this.#tellExit(id);
    return known;
  }
  /** What was made a moment ago and is not asked for yet. */
  add(container: Omit<KnownContainer, 'status' | 'createdAt'>): void {
    const { id } = container;
    const status: RuntimeStatus = { id, state: 'created', startedAt: 0, finishedAt: 0, exitCode: 0, reason: '', message: '' }; // prettier-ignore
    this.containers.set(id, { ...container, createdAt: this.#world.clock.now() * NS_PER_MS, status });
  }
  addSandbox(status: CriSandboxStatus): KnownSandbox {
    const known: KnownSandbox = {
      id: status.id,
      podUid: podUidOf(status.labels),
      podName: podNameOf(status.labels),
      attempt: status.metadata?.attempt ?? 0,
      createdAt: status.createdAt,
      ready: status.state === SANDBOX_READY,
      ips: [status.network?.ip ?? '', ...(status.network?.additionalIps ?? []).map(({ ip }) => ip)].filter(
        (ip) => ip !== '',
      ),
    };
    this.sandboxes.set(status.id, known);
    return known;
  }
  forget(id: string): void {
    const known = this.containers.get(id);
    if (known === undefined) return;
    this.containers.delete(id);
    if (known.status.state !== 'exited') this.#tellExit(id);
  }
  forgetSandbox(id: string): void {
    const known = this.sandboxes.get(id);
    this.sandboxes.delete(id);
    if (known?.ready === true) this.#tellSandbox(known.podUid);
  }
  /** Resolves once the container is known to have ended, or after a second. */
  async untilExited(id: string): Promise<void> {
    for (const ms of SETTLING_MS) {
      const known = await this.refresh(id);
      if (known === undefined || known.status.state === 'exited') return;
      await delay(this.#world.clock, ms, this.#stopped.signal);
    }
  }
  async #learnSandbox(sandbox: CriSandbox): Promise<void> {
    const before = this.sandboxes.get(sandbox.id);
    try {
      this.addSandbox(await this.#cri.sandboxStatus(sandbox.id));
    } catch (error) {
      if (grpcCode(error) !== 'NotFound') throw error;
      return this.forgetSandbox(sandbox.id);
    }
    const now = this.sandboxes.get(sandbox.id)!;
    if (before?.ready === true && !now.ready) this.#tellSandbox(now.podUid);
  }
  #tellExit(id: string): void {
    for (const listener of this.#listeners.exit) listener(id);
  }
  #tellSandbox(podUid: string): void {
    for (const listener of this.#listeners.sandbox) listener(podUid);
  }
  async #keepLooking(): Promise<void> {
    const { clock, log } = this.#world;
    const { signal } = this.#stopped;
    let failing = false;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await delay(
        clock,
        this.#isTold ? LOOK_WHEN_TOLD_MS : LOOK_MS,
        AbortSignal.any([signal, this.#wake.signal]),
      ).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.look();
        if (failing) log.info('container runtime answers again');
        failing = false;
      } catch (error) {
        if (!failing) log.warn('container runtime does not answer', { err: error });
        failing = true;
      }
    }
  }
  async #listen(): Promise<void> {
    const { signal } = this.#stopped;
    const sources = [
      { stream: () => this.#cri.events(signal), act: (id: string) => this.#happened(id, false) },
      { stream: () => this.#cri.containerdExits(signal), act: (id: string) => this.#happened(id, true) },
    ];
    while (!signal.aborted && sources.length > 0) {
      const { stream, act } = sources[0]!;
      try {
        this.#isTold = true;
        // Between the last look and the first word something may have happened.
        this.#lookSoon();
        for await (const id of stream()) act(id);
      } catch (error) {
        if (grpcCode(error) === 'Unimplemented') {
          sources.shift();
          if (sources.length > 0) continue;
        }
      }
      this.#isTold = false;
      this.#lookSoon();
      await delay(this.#world.clock, LOOK_MS, signal).catch(() => undefined);
    }
  }
  #lookSoon(): void {
    this.#wake?.abort(new Error('look now'));
  }
  #happened(id: string, hasEnded: boolean): void {
    const act = async (): Promise<void> => {
      if (this.containers.has(id)) return hasEnded ? this.untilExited(id) : void (await this.refresh(id));
      const sandbox = this.sandboxes.get(id);
      // What is being stopped on purpose is no news.
      if (sandbox?.ready !== true) return;
      for (const ms of SETTLING_MS) {
        const status = await this.#cri.sandboxStatus(id).catch(() => undefined);
        if (status?.state !== SANDBOX_READY) {
          sandbox.ready = false;
          return this.#tellSandbox(sandbox.podUid);
        }
        if (!hasEnded) return;
        await delay(this.#world.clock, ms, this.#stopped.signal);
      }
    };
    void act().catch(() => this.#lookSoon());
  }
}
/** A state that the runtime does not know is not one that anything can be done with. */
const stateOf = (state: number): RuntimeStatus['state'] => {
  const name = CONTAINER_STATES[state] ?? 'unknown';
  return name === 'unknown' ? 'exited' : name;
};
function statusOf(
  status: CriContainerStatus,
  state: RuntimeStatus['state'],
  told: string,
  sandbox: string,
): RuntimeStatus {
  // prettier-ignore
  const isUnknown = CONTAINER_STATES[status.state] === 'unknown';
  return {
    id: status.id,
    state,
    startedAt: status.startedAt / NS_PER_MS,
    finishedAt: status.finishedAt / NS_PER_MS,
    exitCode: isUnknown ? 255 : status.exitCode,
    reason: isUnknown ? 'ContainerStatusUnknown' : status.reason,
    message: [status.message, told].filter((text) => text !== '').join(': '),
    details: {
      name: containerNameOf(status.labels),
      sandbox,
      attempt: status.metadata?.attempt ?? 0,
      hash: hashOf(status.annotations),
      image: status.image?.image ?? '',
      imageID: status.imageRef,
      logPath: status.logPath,
      resources: status.resources?.linux,
      user: status.user?.linux,
      recursiveReadOnly: recursiveOf(status),
    },
  };
}
/** Most containers have none, so nothing is kept of them. */
function recursiveOf({ mounts = [] }: Partial<Pick<CriContainerStatus, 'mounts'>>): readonly string[] | undefined {
  const paths = mounts.filter((mount) => mount.recursiveReadOnly === true).map(({ containerPath }) => containerPath);
  return paths.length === 0 ? undefined : paths;
}
