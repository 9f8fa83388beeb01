import type { Registry } from '../../../actors/runtime/metrics/registry.ts';
import type { Clock } from '../../../bus/world.ts';
import { bucketOf } from './attributes.ts';

/** Prometheus' own. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const METHODS: ReadonlySet<string> = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']);
const of = (what: string, help: string) => ({ name: `kubelet_http_${what}`, stability: 'ALPHA', help }) as const;

/** Counts requests; what it returns is told that one has its answer. Source: kubelet pkg/server/metrics, ServeHTTP. */
export function countRequests(registry: Registry, { now }: Pick<Clock, 'now'>): (method: string, path: string) => () => void {
  const requests = registry.counter(of('requests_total', 'Number of the http requests received since the server started'));
  const durations = registry.histogram(of('requests_duration_seconds', 'Duration in seconds to serve http requests'), SECONDS);
  const underWay = new Map<string, { readonly labels: Readonly<Record<string, string>>; n: number }>();
  registry.gauge(of('inflight_requests', 'Number of the inflight http requests'), () =>
    [...underWay.values()].map(({ labels, n }) => [labels, n]));
  return (method, path) => {
    const bucket = bucketOf(path);
    const labels = { long_running: String(bucket.isLong), method: METHODS.has(method) ? method : 'other', path: bucket.path, server_type: 'readwrite' };
    const key = JSON.stringify(labels);
    const same = underWay.get(key) ?? { labels, n: 0 };
    underWay.set(key, same);
    same.n++;
    requests.at(labels).n++;
    const began = now();
    return () => {
      same.n--;
      durations.add(labels, (now() - began) / 1_000);
    };
  };
} // prettier-ignore
