/** Asks the metrics APIs. Source: pkg/controller/podautoscaler/metrics client.go, k8s.io/metrics pkg/client. */
import type { MetricSpec } from '../../../schemas/generated/autoscaling-v2.ts';
import type { GroupVersionResource, KubeList, KubeObject, LabelSelector } from '../../../schemas/meta/object.ts';
import { parseDuration } from '../../../schemas/meta/duration.ts';
import { formatSelector } from '../../../schemas/meta/selectors.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import type { ApiClient, ListOptions } from '../../runtime/api-client.ts';
import type { Kinds } from '../../runtime/kinds.ts';
import type { PodValue } from './calculation.ts';
import type { Reading } from './metric.ts';
import { MAX_INT64, milliOf } from './quantities.ts';

const POD_METRICS: GroupVersionResource = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' };
const CUSTOM = 'custom.metrics.k8s.io';
/** The newer one first. */
const CUSTOM_VERSIONS = ['v1beta2', 'v1beta1'];
const EXTERNAL = { group: 'external.metrics.k8s.io', version: 'v1beta1' };
/** Source: metricServerDefaultMetricWindow. */
const WINDOW_MS = 60_000;
const NANOS_OF_MS = 1_000_000n;
const TIMEOUT_MS = 30_000;

type Quantity = string | number;
interface PodMetrics extends KubeObject {
  readonly timestamp?: string;
  readonly window?: string;
  readonly containers?: readonly { readonly name?: string; readonly usage?: Readonly<Record<string, Quantity>> }[];
}
interface MetricValue {
  readonly describedObject?: { readonly name?: string };
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  /** Of older versions. */
  readonly window?: number;
  readonly value?: Quantity;
}
type Values = { readonly items?: readonly MetricValue[] | null } & KubeObject;

export interface Readings {
  /** What a metric is now, for pods of a namespace that a selector chooses. Never rejects but when it is aborted. */
  read(spec: MetricSpec, namespace: string, selector: string, signal: AbortSignal): Promise<Reading>;
}
export function createReadings(client: ApiClient, kinds: Pick<Kinds, 'byKind'>): Readings {
  async function ofResource(name: string, container: string, namespace: string, selector: string, signal: AbortSignal): Promise<Reading> {
    const { items } = await asked('resource', 'pods.metrics.k8s.io', () =>
      client.list<PodMetrics>(POD_METRICS, { namespace, labelSelector: selector, signal, timeoutMs: TIMEOUT_MS }),
    );
    if (items.length === 0) throw new Error('no metrics returned from resource metrics API');
    return { pods: new Map(items.flatMap((item) => {
      const value = usageOf(item, name, container);
      return value === undefined ? [] : [[item.metadata.name ?? '', { value, at: timeOf(item.timestamp), windowMs: windowOf(item.window) }] as const];
    })) };
  } // prettier-ignore
  async function custom(resource: string, name: string, namespace: string, metric: string, query: Record<string, string>, signal: AbortSignal): Promise<readonly MetricValue[]> {
    let last: unknown;
    for (const version of CUSTOM_VERSIONS) {
      const gvr = { group: CUSTOM, version, resource };
      try {
        return itemsOf(await client.get<Values>(gvr, name, namespace, { subresource: metric, query, signal, timeoutMs: TIMEOUT_MS }));
      } catch (error) {
        signal.throwIfAborted();
        if (!isUnserved(error)) throw new Error(`unable to fetch metrics from custom metrics API: ${(error as Error).message}`, { cause: error });
        last = error;
      }
    }
    throw new Error(`unable to fetch metrics from custom metrics API: no custom metrics API (${CUSTOM}) registered`, { cause: last });
  } // prettier-ignore
  const resourceOf = (apiVersion: string, kind: string): string => {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    const found = kinds.byKind(group, kind);
    if (found === undefined)
      throw new Error(`unable to fetch metrics from custom metrics API: unable to map kind ${group === '' ? kind : `${kind}.${group}`} to resource: no matches for kind "${kind}" in group "${group}"`);
    return group === '' ? found.gvr.resource : `${found.gvr.resource}.${group}`;
  }; // prettier-ignore

  const OF: Readonly<Record<string, (spec: MetricSpec, namespace: string, selector: string, signal: AbortSignal) => Promise<Reading>>> = {
    Resource: ({ resource }, namespace, selector, signal) => ofResource(resource!.name, '', namespace, selector, signal),
    ContainerResource: ({ containerResource: of }, namespace, selector, signal) => ofResource(of!.name, of!.container, namespace, selector, signal),
    Pods: async ({ pods }, namespace, selector, signal) => {
      const { name, selector: of } = pods!.metric;
      const items = await custom('pods', '*', namespace, name, { labelSelector: selector, ...metricSelector(of) }, signal);
      if (items.length === 0) throw new Error('no metrics returned from custom metrics API');
      return { pods: new Map(items.map((item) => [item.describedObject?.name ?? '', valueOf(item)])) };
    },
    Object: async ({ object }, namespace, _selector, signal) => {
      const { describedObject: { apiVersion = '', kind, name }, metric } = object!;
      const isNamespace = kind === 'Namespace' && !apiVersion.includes('/');
      const query = metricSelector(metric.selector);
      const items = isNamespace
        ? await custom('metrics', metric.name, namespace, '', query, signal)
        : await custom(resourceOf(apiVersion, kind), name, namespace, metric.name, query, signal);
      if (items.length !== 1) throw new Error(`unable to fetch metrics from custom metrics API: the custom metrics API server returned ${items.length} results when we asked for exactly one`);
      return { value: milliOf(items[0]!.value ?? '0') };
    },
    External: async ({ external }, namespace, _selector, signal) => {
      const { name, selector } = external!.metric;
      const options: ListOptions = { namespace, labelSelector: formatSelector(selector), signal, timeoutMs: TIMEOUT_MS };
      const { items } = await asked('external', `${name}.${EXTERNAL.group}`, () => client.list<KubeObject & MetricValue>({ ...EXTERNAL, resource: name }, options));
      if (items.length === 0) throw new Error('no metrics returned from external metrics API');
      const sum = items.reduce((total, item) => total + milliOf(item.value ?? '0'), 0n);
      return { value: sum > MAX_INT64 ? MAX_INT64 : sum };
    },
  }; // prettier-ignore
  return {
    async read(spec, namespace, selector, signal) {
      try {
        return (await OF[spec.type]?.(spec, namespace, selector, signal)) ?? { failure: 'unknown metric source' };
      } catch (error) {
        signal.throwIfAborted();
        return { failure: (error as Error).message };
      }
    },
  };
}
/** In client-go's words where nobody serves the group, or nobody answers. */
async function asked<T extends KubeObject>(which: string, what: string, ask: () => Promise<KubeList<T>>): Promise<KubeList<T>> {
  try {
    return await ask();
  } catch (error) {
    const { message } = error as Error;
    const told = message === NOT_SERVED || message === UNAVAILABLE ? `${message} (get ${what})` : message;
    throw new Error(`unable to fetch metrics from ${which} metrics API: ${told}`, { cause: error });
  }
} // prettier-ignore
const NOT_SERVED = 'the server could not find the requested resource';
const UNAVAILABLE = 'the server is currently unable to handle the request';
const isUnserved = (error: unknown): boolean =>
  reasonOf(error) === 'NotFound' && (error as Error).message.startsWith(NOT_SERVED);
const itemsOf = ({ items }: Values): readonly MetricValue[] => items ?? [];
const metricSelector = (selector: LabelSelector | undefined): Record<string, string> => {
  const text = formatSelector(selector);
  return selector === undefined || text === '' ? {} : { metricLabelSelector: text };
};
/** Of all containers, or of one; undefined where it is not known of all that count. */
function usageOf({ containers = [] }: PodMetrics, resource: string, container: string): bigint | undefined {
  const chosen = container === '' ? containers : containers.filter(({ name }) => name === container);
  if (chosen.length === 0) return undefined;
  let sum = 0n;
  for (const { usage } of chosen) {
    const used = usage?.[resource];
    if (used === undefined) return undefined;
    sum += milliOf(used);
  }
  return sum;
}
const timeOf = (time: string | undefined): number => parseTime(time ?? '') ?? 0;
function windowOf(text: string | undefined): number {
  const nanos = parseDuration(text ?? '0s');
  return typeof nanos === 'string' ? 0 : Number(nanos / NANOS_OF_MS);
}
const valueOf = ({ value, timestamp, windowSeconds, window }: MetricValue): PodValue => {
  const seconds = windowSeconds ?? window;
  return {
    value: milliOf(value ?? '0'),
    at: timeOf(timestamp),
    windowMs: seconds === undefined ? WINDOW_MS : seconds * 1_000,
  };
};
