import type { TimerId } from '../../../bus/world.ts';
import type { Container, Pod, PodCondition } from '../../../schemas/generated/core-v1.ts';
import { podQuantities } from '../../../schemas/helpers/pod-quantities.ts';
import { amount } from '../../../schemas/helpers/pod-resources.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { isRunning, type ContainerRecord } from '../container/record.ts';
import type { ContainerWorker } from '../container/worker.ts';
import type { NodeContext } from '../context.ts';
import { effective, isSame, type PodLevel, type Resources } from './pod-level.ts';

/** Source: kubelet allocation retryDelay, backOffPeriod. */
const ADMIT_AGAIN_MS = 180_000;
const ACTUATE_AGAIN_MS = 10_000;

/** Which of `pod`'s containers ask for other resources than they were given. */
export const asksForMore = (records: readonly ContainerRecord[], specs: ReadonlyMap<string, Container>): boolean =>
  records.some(({ role, spec }) => role !== 'ephemeral' && !isSame(spec.resources, specs.get(spec.name)?.resources));

interface Shown {
  readonly reason: string;
  readonly message: string;
  readonly generation: number;
  readonly since: string;
}
export interface ResizeHost {
  readonly node: NodeContext;
  /** Newest version of the pod. */
  pod(): Pod;
  containers(): readonly ContainerWorker[];
  readonly level: PodLevel;
  /** Why the node cannot take the pod as it is now wanted; it takes it if it can. */
  take(): { readonly reason: string; readonly message: string } | undefined;
  changed(): void;
}

/**
 * A change of what a running pod may use: it waits until the node has room, then the runtime is told, container by
 * container; those whose policy says so run again instead. Made when a pod is resized for the first time.
 * Source: kubelet pkg/kubelet/allocation, kuberuntime doPodResizeAction.
 */
export class Resizing {
  readonly #host: ResizeHost;
  #pending: Shown | undefined;
  #progress: Shown | undefined;
  #timer: TimerId | undefined;
  #acting = false;
  /** What the pod as a whole may use is still to be set. */
  #isDue = false;

  constructor(host: ResizeHost) {
    this.#host = host;
  }
  get isPending(): boolean {
    return this.#pending !== undefined;
  }
  /** In the order in which a kubelet writes them. */
  conditions(): readonly PodCondition[] {
    const condition = (type: string, shown: Shown | undefined): PodCondition[] =>
      shown === undefined ? [] : [{ type, status: 'True', observedGeneration: shown.generation, lastProbeTime: shown.since, lastTransitionTime: shown.since, ...(shown.reason && { reason: shown.reason }), ...(shown.message && { message: shown.message }) }]; // prettier-ignore
    return [...condition('PodResizePending', this.#pending), ...condition('PodResizeInProgress', this.#progress)];
  }
  /** Something has changed: the pod, or the room that the node has. */
  consider(): void {
    const { node } = this.#host;
    const pod = this.#host.pod();
    const specs = specsOf(pod);
    const records = this.#host.containers().map((c) => c.record);
    if (!asksForMore(records, specs) && !this.#host.level.isAsked(pod)) {
      if (this.#pending !== undefined) this.#host.changed();
      this.#pending = undefined;
      return;
    }
    const refusal = this.#host.take();
    if (refusal !== undefined) return this.#wait(refusal);
    this.#pending = undefined;
    this.#isDue = true;
    this.#host.level.give(pod);
    for (const record of records) {
      const { resources } = specs.get(record.spec.name) ?? record.spec;
      if (isRunning(record)) record.actuated ??= record.spec.resources ?? {};
      const { resources: _, ...spec } = record.spec;
      record.spec = resources === undefined ? spec : { ...spec, resources };
    }
    this.#progress = this.#shown('', '', pod.metadata.generation ?? 0, undefined);
    node.recorder.event(pod, 'Normal', 'ResizeStarted', `Pod resize started: ${summary(pod)}`);
    this.#host.changed();
    void this.#actuate();
  }
  /** A container runs anew: it has what it asks for. */
  settled(): void {
    if (this.#progress !== undefined && !this.#acting) void this.#actuate();
  }
  stop(): void {
    this.#arm(undefined);
  }

  async #actuate(): Promise<void> {
    if (this.#acting) return;
    this.#acting = true;
    try {
      const left = this.#host.containers().filter(({ record }) => this.#isLeft(record));
      const again = left.filter(({ record }) => this.#mustRestart(record));
      const inPlace = left.filter((c) => !again.includes(c));
      if (again.length > 0) await this.#makeRoom();
      else if (inPlace.length > 0 || this.#isDue) await this.#resize(inPlace);
      for (const c of again) c.restart(`Container ${c.record.spec.name} resize requires restart`);
      if (again.length === 0) this.#complete();
    } catch (error) {
      this.#fail((error as Error).message);
    } finally {
      this.#acting = false;
    }
  }
  /** Those that run again need their room before they do, and give it back after: no container ever has more than its pod. */
  async #makeRoom(): Promise<void> {
    const { node, level } = this.#host;
    const all = this.#host.containers().map(({ record }) => record);
    const now = actuatedPod(this.#host.pod(), all, level);
    const wide = widestPod(allocatedPod(this.#host.pod(), all, level), now);
    const limits = (of: Pod): Resources => ({ limits: podQuantities(of, 'limits') });
    if (!isSame(limits(wide), limits(now))) await node.runtime.resize?.(wide, []);
  }
  async #resize(containers: readonly ContainerWorker[]): Promise<void> {
    const { runtime } = this.#host.node;
    const { level } = this.#host;
    const all = this.#host.containers().map(({ record }) => record);
    const pod = allocatedPod(this.#host.pod(), all, level);
    // A runtime that does not say so refuses in its own words what cannot be.
    const asked = await runtime.memoryOf?.(new Set(all.flatMap(({ id }) => id ?? []))).catch(() => undefined);
    const usedBy = (id = ''): number | undefined => asked?.get(id) ?? runtime.usage(id, pod)?.memoryBytes;
    const ofPod = amount('memory', level.given?.limits?.['memory']);
    const usedByPod = all.reduce((sum, { id }) => sum + (usedBy(id) ?? 0), 0);
    const tooLow = [
      ...(this.#shrinks() && ofPod > 0 && usedByPod >= ofPod ? [`attempting to set pod memory limit (${ofPod}) below current usage (${usedByPod})`] : []),
      ...containers.flatMap(({ record: { id, spec } }) => {
        const limit = amount('memory', effective(spec.resources, level.given).limits?.['memory']);
        const used = limit === 0 ? undefined : usedBy(id);
        return used === undefined || used < limit ? [] : [`attempting to set container "${spec.name}" memory limit (${limit}) below current usage (${used})`];
      }),
    ]; // prettier-ignore
    if (tooLow.length > 0) throw new Error(`cannot decrease memory limits: ${tooLow.length === 1 ? tooLow[0] : `[${tooLow.join(', ')}]`}`); // prettier-ignore
    await runtime.resize?.(pod, containers.map(({ record }) => ({ id: record.id ?? '', container: record.spec }))); // prettier-ignore
    for (const { record } of containers) delete record.actuated;
    if (all.some((record) => this.#isLeft(record))) return;
    this.#isDue = false;
    level.actuated = undefined;
  }
  #isLeft(record: ContainerRecord): boolean {
    if (record.actuated === undefined || !isRunning(record)) return false;
    const { actuated, given } = this.#host.level;
    return !isSame(effective(record.actuated, actuated ?? given), effective(record.spec.resources, given));
  }
  /** One of the resources that change cannot be changed while it runs. */
  #mustRestart({ actuated: has, spec: { resources: wants, resizePolicy = [] } }: ContainerRecord): boolean {
    const { actuated, given } = this.#host.level;
    const [before, now] = [effective(has, actuated ?? given), effective(wants, given)];
    return resizePolicy.some(
      ({ resourceName, restartPolicy }) =>
        restartPolicy === 'RestartContainer' &&
        (['requests', 'limits'] as const).some((list) => amount(resourceName, before[list]?.[resourceName]) !== amount(resourceName, now[list]?.[resourceName])), // prettier-ignore
    );
  }
  /** Whether all of the pod together may use less memory than before. */
  #shrinks(): boolean {
    const { level } = this.#host;
    const pod = this.#host.pod();
    const records = this.#host.containers().map((c) => c.record);
    const limit = (of: Pod): number => amount('memory', podQuantities(of, 'limits')['memory']) || Infinity;
    return limit(allocatedPod(pod, records, level)) < limit(actuatedPod(pod, records, level));
  }
  #complete(): void {
    if (this.#progress === undefined || this.#host.containers().some(({ record }) => this.#isLeft(record))) return;
    const { generation } = this.#progress;
    this.#progress = undefined;
    this.#arm(undefined);
    const pod = this.#host.pod();
    this.#host.node.recorder.event(
      pod,
      'Normal',
      'ResizeCompleted',
      `Pod resize completed: ${summary(pod, generation)}`,
    );
    this.#host.changed();
  }
  #fail(message: string): void {
    const before = this.#progress;
    if (before === undefined) return;
    this.#progress = this.#shown('Error', message, before.generation, before);
    if (before.reason !== 'Error' || before.message !== message) {
      const pod = this.#host.pod();
      this.#host.node.recorder.event(pod, 'Warning', 'ResizeError', `Pod resize error: ${summary(pod, before.generation, message)}`); // prettier-ignore
    }
    this.#host.changed();
    this.#arm(ACTUATE_AGAIN_MS, () => void this.#actuate());
  }
  #wait({ reason, message }: { readonly reason: string; readonly message: string }): void {
    const pod = this.#host.pod();
    const generation = pod.metadata.generation ?? 0;
    const before = this.#pending;
    this.#pending = this.#shown('Deferred', message, generation, before);
    if (before?.generation !== generation)
      this.#host.node.recorder.event(pod, 'Warning', 'ResizeDeferred', `Pod resize ${reason}: ${summary(pod, generation, message)}`); // prettier-ignore
    this.#host.changed();
    this.#arm(ADMIT_AGAIN_MS, () => this.consider());
  }
  #shown(reason: string, message: string, generation: number, before: Shown | undefined): Shown {
    const since = before?.reason === reason ? before.since : formatTime(this.#host.node.world.clock.now());
    return { reason, message, generation, since };
  }
  #arm(ms: number | undefined, act: () => void = () => undefined): void {
    const { clock } = this.#host.node.world;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer);
    this.#timer = ms === undefined ? undefined : clock.setTimeout(act, ms);
  }
}
export const specsOf = ({ spec }: Pod): ReadonlyMap<string, Container> =>
  new Map([...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => [c.name, c]));

/** What events say is wanted. Source: kubelet events/resize.go. */
function summary({ metadata, spec }: Pod, generation = metadata.generation ?? 0, error = ''): string {
  const list = (containers: readonly Container[] = []) => containers.map(({ name, resources = {} }) => ({ name, resources: orderOf(resources) })); // prettier-ignore
  const initContainers = list(spec?.initContainers);
  return JSON.stringify({
    ...(initContainers.length > 0 && { initContainers }),
    containers: list(spec?.containers),
    generation,
    ...(error !== '' && { error }),
  });
}
const sorted = (map: Readonly<Record<string, string | number>>) => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))); // prettier-ignore
const orderOf = ({ limits, requests }: NonNullable<Resources>) => ({ ...(limits && { limits: sorted(limits) }), ...(requests && { requests: sorted(requests) }) }); // prettier-ignore
/** The pod with what its containers have been given, where they ask for more. */
export function allocatedPod(pod: Pod, records: readonly ContainerRecord[], level: Pick<PodLevel, 'given'>): Pod {
  const given = new Map(records.map(({ spec }) => [spec.name, spec.resources]));
  const each = (containers: readonly Container[]): Container[] =>
    containers.map(({ resources, ...container }) => {
      const has = given.has(container.name) ? given.get(container.name) : resources;
      return has === undefined ? container : { ...container, resources: has };
    });
  const { resources: _, ...spec } = pod.spec!;
  return { ...pod, spec: { ...spec, ...(level.given && { resources: level.given }), containers: each(spec.containers), ...(spec.initContainers && { initContainers: each(spec.initContainers) }) } }; // prettier-ignore
}
/** The pod with what is in force of what its containers and it have been given. */
export const actuatedPod = (pod: Pod, records: readonly ContainerRecord[], { given, actuated }: Pick<PodLevel, 'given' | 'actuated'>): Pod =>
  allocatedPod(
    pod,
    records.map((record) => (record.actuated === undefined ? record : { ...record, spec: { ...record.spec, resources: record.actuated } })),
    { given: actuated ?? given },
  ); // prettier-ignore
/** The pod with the larger one of two limits everywhere; who has none in one of them has none. */
function widestPod(pod: Pod, other: Pod): Pod {
  const widest = (a: Resources, b: Resources): Resources => {
    const names = Object.keys(a?.limits ?? {}).filter((name) => b?.limits?.[name] !== undefined);
    const limits = names.map((name) => [name, amount(name, a!.limits![name]) < amount(name, b!.limits![name]) ? b!.limits![name] : a!.limits![name]]); // prettier-ignore
    return a && { ...a, limits: Object.fromEntries(limits) as Record<string, string> };
  };
  const others = specsOf(other);
  const each = (containers: readonly Container[]): Container[] =>
    containers.map((c) => (c.resources === undefined ? c : { ...c, resources: widest(c.resources, others.get(c.name)?.resources) })); // prettier-ignore
  const { resources, containers, initContainers } = pod.spec!;
  return {
    ...pod,
    spec: {
      ...pod.spec!,
      ...(resources && { resources: widest(resources, other.spec!.resources) }),
      containers: each(containers),
      ...(initContainers && { initContainers: each(initContainers) }),
    },
  };
}
