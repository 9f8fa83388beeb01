import type { World } from '../../bus/world.ts';
import type { StatsSummary } from '../../bus/protocol/node.ts';
import { parseTime } from '../../schemas/meta/time.ts';

/** What a node said is good for so long. Source: metrics-server --metric-resolution. */
const RESOLUTION_MS = 15_000;
/** Nodes that are asked at once. */
const AT_ONCE = 64;
/** What a node said, less what nobody reads. */
export interface NodeUsage {
  /** In ms since the epoch. */
  readonly at: number;
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, PodUsage>;
}
export interface PodUsage {
  readonly uid: string;
  readonly containers: readonly ContainerUsage[];
}
interface ContainerUsage {
  readonly name: string;
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}
export interface Scraper {
  /** Of each node that answers, in time, said at most so long ago; one that does not has no metrics. */
  read(nodes: Iterable<string>, maxAgeMs?: number): Promise<ReadonlyMap<string, NodeUsage>>;
  forget(): void;
}
interface Kept {
  readonly since: number;
  readonly usage: Promise<NodeUsage | undefined>;
}
/**
 * Asks nodes what they use, each at most once in a while however many want to know, and never so many at once that their
 * answers fill the memory. `ask` rejects: the node is not there, or too slow.
 */
export function createScraper(world: Pick<World, 'clock' | 'log'>, ask: (node: string) => Promise<StatsSummary>): Scraper {
  const kept = new Map<string, Kept>();
  const waiting: (() => void)[] = [];
  let free = AT_ONCE;
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  }
  const measured = (node: string): Promise<NodeUsage | undefined> =>
    inTurn(async () => usageOf(await ask(node))).catch((error: unknown) => {
      world.log.debug('a node does not say what it uses', { node, err: error });
      return undefined;
    });
  return {
    async read(nodes, maxAgeMs = RESOLUTION_MS) {
      const now = world.clock.now();
      const names = [...new Set(nodes)];
      const found = await Promise.all(
        names.map(async (node) => {
          let one = kept.get(node);
          if (one === undefined || one.since + maxAgeMs <= now) kept.set(node, (one = { since: now, usage: measured(node) }));
          const usage = await one.usage;
          // Who was away is asked again at the next occasion.
          if (usage === undefined && kept.get(node) === one) kept.delete(node);
          return [node, usage] as const;
        }),
      );
      return new Map(found.flatMap(([node, usage]) => (usage === undefined ? [] : [[node, usage] as const])));
    },
    forget: () => kept.clear(),
  };
} // prettier-ignore

/** Throws for what is no summary. */
function usageOf({ node, pods }: StatsSummary): NodeUsage {
  const amounts = ({ cpu, memory }: Pick<StatsSummary['node'], 'cpu' | 'memory'>) => ({
    cpuNanoCores: amount(cpu.usageNanoCores),
    memoryBytes: amount(memory.workingSetBytes),
  });
  return {
    at: parseTime(node.cpu.time) ?? 0,
    ...amounts(node),
    pods: new Map(
      pods.map(({ podRef, containers }) => [
        `${podRef.namespace}/${podRef.name}`,
        { uid: podRef.uid, containers: containers.map((c) => ({ name: c.name, ...amounts(c) })) },
      ]),
    ),
  };
}
function amount(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no amount`);
  return value;
}
