import { delay, type TimerId, type World } from '../../../bus/world.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { nodes } from '../../../actors/runtime/resources.ts';
import type { ContainerRuntime } from '../../runtime/interface.ts';
import { nodeLabels, nodeObject, nodeStatus, type NodeFacts } from './object.ts';

/** Source: KubeletConfiguration nodeStatusReportFrequency, nodeStatusUpdateFrequency. */
const REPORT_MS = 5 * 60_000;
const CHECK_MS = 10_000;
/** How often the Node is read while it has no range of addresses yet. */
const POD_CIDR_MS = 100;

/** The Node object: made or found, and reported on every five minutes or when something changed. */
export interface Registration {
  /** Resolves with the Node as the API has it. */
  register(signal: AbortSignal): Promise<Node>;
  /** The Node as last seen. */
  readonly node: Node | undefined;
  /** Resolves with the range of its pods' addresses once the cluster has given it one. */
  podCIDR(signal: AbortSignal): Promise<string>;
  /** Reads it again. */
  refresh(): Promise<Node | undefined>;
  startReporting(): void;
  /** An image came or went: worth a report within ten seconds. */
  imagesChanged(): void;
  stop(): void;
}
export function createRegistration(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly facts: NodeFacts;
}): Registration {
  const { world, client, runtime, facts } = o;
  const { clock } = world;
  const { name } = facts.spec;
  let node: Node | undefined;
  let timer: TimerId | undefined;
  let dueAt = Infinity;
  let stopped = false;

  const report = async (signal?: AbortSignal): Promise<Node> => {
    const now = formatTime(clock.now());
    const status = nodeStatus(facts, runtime.images(), node?.status?.conditions ?? [], now);
    return client.patch<Node>(nodes, name, undefined, 'strategic', { status }, { subresource: 'status', signal });
  };
  function arm(ms: number): void {
    const at = clock.now() + ms;
    if (stopped || (timer !== undefined && dueAt <= at)) return;
    if (timer !== undefined) clock.clearTimeout(timer);
    dueAt = at;
    timer = clock.setTimeout(() => {
      timer = undefined;
      report().then(
        (latest) => {
          node = latest;
          arm(REPORT_MS * (0.96 + 0.08 * world.random()));
        },
        (error: unknown) => {
          // A node that was deleted stays away until its kubelet starts again, as with the original.
          if (reasonOf(error) !== 'NotFound') world.log.debug('node status not written', { node: name, err: error });
          arm(CHECK_MS);
        },
      );
    }, ms);
  }
  return {
    async register(signal) {
      const fresh = nodeObject(facts, formatTime(clock.now()));
      try {
        node = await client.create<Node>(nodes, fresh, { signal });
      } catch (error) {
        if (reasonOf(error) !== 'AlreadyExists') throw error;
        node = await client.get<Node>(nodes, name, undefined, { signal });
        const labels = nodeLabels(facts);
        const missing = Object.entries(labels).filter(([key, value]) => node!.metadata.labels?.[key] !== value);
        if (missing.length > 0)
          await client.patch(nodes, name, undefined, 'merge', { metadata: { labels: Object.fromEntries(missing) } }, { signal }); // prettier-ignore
        node = await report(signal);
      }
      return node;
    },
    get node() {
      return node;
    },
    async podCIDR(signal) {
      for (;;) {
        if (node?.spec?.podCIDR) return node.spec.podCIDR;
        await delay(clock, POD_CIDR_MS, signal);
        node = await client.get<Node>(nodes, name, undefined, { signal });
      }
    },
    async refresh() {
      node = await client.get<Node>(nodes, name).catch(() => node);
      return node;
    },
    startReporting: () => arm(REPORT_MS * (0.5 + 0.5 * world.random())),
    imagesChanged: () => arm(CHECK_MS),
    stop() {
      stopped = true;
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}
