/** What is told of nodes and pods. Source: metrics-server pkg/api, pkg/storage. */
import { API_VERSION } from '../../schemas/metrics/discovery.ts';
import { addQuantities, formatQuantity } from '../../schemas/meta/quantity.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { Present } from './present.ts';
import type { NodeUsage } from './scrape.ts';

/** What kubelets average over. */
const WINDOW = '10s';
type Quantities = Readonly<Record<'cpu' | 'memory', string>>;
interface Measured {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly timestamp: string;
  readonly window: string;
}
export interface NodeMetrics extends Measured {
  readonly usage: Quantities;
}
export interface PodMetrics extends Measured {
  readonly containers: readonly { readonly name: string; readonly usage: Quantities }[];
}
export type Metrics = NodeMetrics | PodMetrics;

const quantities = (cpuNanoCores: number, memoryBytes: number): Quantities => ({
  cpu: formatQuantity({ nano: BigInt(cpuNanoCores), format: 'DecimalSI' }),
  memory: formatQuantity({ nano: BigInt(memoryBytes) * 1_000_000_000n, format: 'BinarySI' }),
});
const measured = (kind: string, { name, namespace, labels }: Present, at: number, now: number): Measured => ({
  kind,
  apiVersion: API_VERSION,
  metadata: {
    name,
    ...(namespace !== undefined && { namespace }),
    creationTimestamp: formatTime(now),
    ...(labels && { labels }),
  },
  timestamp: formatTime(at),
  window: WINDOW,
});
/** undefined: it has not said anything. */
export function nodeMetrics(node: Present, usage: NodeUsage | undefined, now: number): NodeMetrics | undefined {
  if (usage === undefined) return undefined;
  const { at, cpuNanoCores, memoryBytes } = usage;
  return { ...measured('NodeMetrics', node, at, now), usage: quantities(cpuNanoCores, memoryBytes) };
}
/** undefined: it does not run, or its node knows nothing of it, or not of all of its containers. */
export function podMetrics(pod: Present, usage: NodeUsage | undefined, now: number): PodMetrics | undefined {
  if (usage === undefined || !pod.isRunning) return undefined;
  const found = usage.pods.get(`${pod.namespace}/${pod.name}`);
  if (found === undefined || found.uid !== pod.uid) return undefined;
  const containers = found.containers.map((c) => ({ name: c.name, usage: quantities(c.cpuNanoCores, c.memoryBytes) }));
  return { ...measured('PodMetrics', pod, usage.at, now), containers };
}
/** In the order in which the API lists them. */
export const inOrder = <T extends Metrics>(items: readonly T[]): T[] =>
  items.toSorted(
    ({ metadata: a }, { metadata: b }) => compare(a.namespace ?? '', b.namespace ?? '') || compare(a.name, b.name),
  );
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type IncludeObject = 'None' | 'Metadata' | 'Object';
const COLUMNS = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name of the resource', priority: 0 },
  { name: 'cpu', type: 'string', format: 'quantity', description: '', priority: 0 },
  { name: 'memory', type: 'string', format: 'quantity', description: '', priority: 0 },
  { name: 'Window', type: 'string', format: 'duration', description: '', priority: 0 },
];
/** Of nothing there are no columns either. Source: metrics-server pkg/api/table.go. */
export function tableOf(items: readonly Metrics[], include: IncludeObject): object {
  const rows = items.map((item) => {
    const { cpu, memory } = usageOf(item);
    return { cells: [item.metadata.name, cpu, memory, item.window], object: shown(item, include) };
  });
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: {}, columnDefinitions: rows.length > 0 ? COLUMNS : null, rows: rows.length > 0 ? rows : null };
} // prettier-ignore
function usageOf(item: Metrics): Quantities {
  if ('usage' in item) return item.usage;
  const sum = (of: keyof Quantities): string => item.containers.reduce((total, c) => addQuantities(total, c.usage[of]), '0');
  return { cpu: sum('cpu'), memory: sum('memory') };
} // prettier-ignore
function shown(item: Metrics, include: IncludeObject): object | null {
  if (include === 'None') return null;
  if (include === 'Object') return item;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: item.metadata };
}
