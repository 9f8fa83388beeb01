import type { TimerId, World } from '../../../bus/world.ts';
import type { Node, NodeStatus } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import type { EventRecorder } from '../../../actors/runtime/events.ts';
import { nodes } from '../../../actors/runtime/resources.ts';
import type { ContainerRuntime } from '../../runtime/interface.ts';
import { healthEvents, WELL, type NodeHealth } from './health.ts';
import { isNews, nodeLabels, nodeObject, nodeStatus, type NodeFacts } from './object.ts';
import type { WatchNode } from './shared-watch.ts';

/** Source: KubeletConfiguration nodeStatusReportFrequency, nodeStatusUpdateFrequency. */
const REPORT_MS = 5 * 60_000;
const CHECK_MS = 10_000;
/** What others write is answered so soon, and no more often. */
const ANSWER_MS = 1_000;

/**
 * A strategic merge takes addresses of one type for one address: of a node that has two they are all replaced. Source:
 * component-helpers node/util fixupPatchForNodeStatusAddresses.
 */
const replaced = ({ addresses }: NodeStatus): object =>
  addresses === undefined || new Set(addresses.map(({ type }) => type)).size === addresses.length
    ? {}
    : { addresses: [{ $patch: 'replace' }, ...addresses] };

/** The Node object: made or found, watched, and reported on every five minutes or when something changed. */
export interface Registration {
  /** Resolves with the Node as the API has it. */
  register(signal: AbortSignal): Promise<Node>;
  /** The Node as last seen. */
  readonly node: Node | undefined;
  /** Resolves with the range of its pods' addresses once the cluster has given it one. */
  podCIDR(signal: AbortSignal): Promise<string>;
  /** Reads it from the API, which may know more than the watch has told. */
  refresh(): Promise<Node | undefined>;
  startReporting(): void;
  /** An image came or went: worth a report within ten seconds. */
  imagesChanged(): void;
  /** What is wrong with the node may have changed: reported at once if so. */
  healthChanged(): void;
  stop(): void;
}
export function createRegistration(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly recorder: EventRecorder;
  readonly facts: NodeFacts;
  readonly watch: WatchNode;
  /** Of a real machine, looked at every ten seconds; default: nothing is ever wrong. */
  readonly health?: (() => NodeHealth) | undefined;
}): Registration {
  const { world, client, runtime, facts } = o;
  const { clock } = world;
  const { name } = facts.spec;
  const health = o.health ?? ((): NodeHealth => WELL);
  let node: Node | undefined;
  let unwatch: (() => void) | undefined;
  let timer: TimerId | undefined;
  let dueAt = Infinity;
  let reportBy = Infinity;
  let reports = false;
  let stopped = false;
  const waiting = new Set<(cidr: string) => void>();

  const statusOf = (): ReturnType<typeof nodeStatus> =>
    nodeStatus(facts, {
      health: health(),
      images: runtime.images(),
      before: node?.status,
      now: formatTime(clock.now()),
    });
  function tell(events: readonly string[]): void {
    const about = { kind: 'Node', name, uid: name, apiVersion: 'v1' };
    for (const reason of events) o.recorder.event(about, 'Normal', reason, `Node ${name} status is now: ${reason}`);
  }
  const report = async (signal?: AbortSignal): Promise<void> => {
    const before = node?.status?.conditions ?? [];
    const now = health();
    const status = statusOf();
    const patch = { status: { ...status, ...replaced(status) } };
    see(await client.patch<Node>(nodes, name, undefined, 'strategic', patch, { subresource: 'status', signal }));
    if (o.health !== undefined) tell(healthEvents(now, before));
  };
  /** Takes what is newer than what is known. */
  function see(latest: Node): void {
    const known = node;
    const isNewer = known === undefined || known.metadata.uid !== latest.metadata.uid || Number(latest.metadata.resourceVersion) > Number(known.metadata.resourceVersion); // prettier-ignore
    if (!isNewer) return;
    node = latest;
    const cidr = latest.spec?.podCIDR;
    if (cidr) for (const resolve of waiting) resolve(cidr);
    if (reports && isNews(statusOf(), latest.status)) arm(ANSWER_MS);
  }
  function arm(ms: number): void {
    const at = clock.now() + ms;
    if (stopped || !reports || (timer !== undefined && dueAt <= at)) return;
    if (timer !== undefined) clock.clearTimeout(timer);
    dueAt = at;
    timer = clock.setTimeout(() => {
      timer = undefined;
      look();
    }, ms);
  }
  /** A machine is looked at every ten seconds, and told of when there is news or it is time. */
  function look(): void {
    if (o.health !== undefined && clock.now() < reportBy && !isNews(statusOf(), node?.status)) return arm(CHECK_MS);
    report().then(
      () => {
        const wait = REPORT_MS * (0.96 + 0.08 * world.random());
        reportBy = clock.now() + wait;
        arm(o.health === undefined ? wait : CHECK_MS);
      },
      (error: unknown) => {
        // A node that was deleted stays away until its kubelet starts again, as with the original.
        if (reasonOf(error) !== 'NotFound') world.log.debug('node status not written', { node: name, err: error });
        arm(CHECK_MS);
      },
    );
  }
  return {
    async register(signal) {
      const fresh = nodeObject(facts, health(), formatTime(clock.now()));
      try {
        see(await client.create<Node>(nodes, fresh, { signal }));
        if (o.health !== undefined) tell(healthEvents(health(), []));
      } catch (error) {
        if (reasonOf(error) !== 'AlreadyExists') throw error;
        const found = await client.get<Node>(nodes, name, undefined, { signal });
        see(found);
        const labels = nodeLabels(facts);
        const missing = Object.entries(labels).filter(([key, value]) => found.metadata.labels?.[key] !== value);
        if (missing.length > 0)
          await client.patch(nodes, name, undefined, 'merge', { metadata: { labels: Object.fromEntries(missing) } }, { signal }); // prettier-ignore
        const booted = found.status?.nodeInfo?.bootID;
        await report(signal);
        if (o.health !== undefined && booted && booted !== facts.machine.bootID)
          o.recorder.event({ kind: 'Node', name, uid: name, apiVersion: 'v1' }, 'Warning', 'Rebooted', `Node ${name} has been rebooted, boot id: ${facts.machine.bootID}`); // prettier-ignore
      }
      if (!stopped) unwatch ??= o.watch(name, see);
      return node!;
    },
    get node() {
      return node;
    },
    podCIDR(signal) {
      if (node?.spec?.podCIDR) return Promise.resolve(node.spec.podCIDR);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.add(resolve);
      return promise.finally(() => {
        waiting.delete(resolve);
        signal.removeEventListener('abort', onAbort);
      });
    },
    async refresh() {
      await client.get<Node>(nodes, name).then(see, () => undefined);
      return node;
    },
    startReporting() {
      reports = true;
      const wait = REPORT_MS * (0.5 + 0.5 * world.random());
      reportBy = clock.now() + wait;
      arm(o.health === undefined ? wait : CHECK_MS);
      if (node !== undefined && isNews(statusOf(), node.status)) arm(ANSWER_MS);
    },
    imagesChanged: () => arm(CHECK_MS),
    healthChanged() {
      if (reports && isNews(statusOf(), node?.status)) arm(0);
    },
    stop() {
      stopped = true;
      unwatch?.();
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}
