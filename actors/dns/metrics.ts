/** What CoreDNS counts, by its names. Source: coredns plugin/metrics, plugin/forward, plugin/cache, plugin/kubernetes. */
import type { Registry } from '../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../runtime/metrics/series.ts';
import type { ForwardMetrics } from './forward/forwarder.ts';
import type { Via } from './server.ts';
import { rcodeText, typeText } from './wire/codes.ts';

export interface DnsMetrics {
  /** `type`: undefined where the question could not be read. */
  answered(via: Via, type: number | undefined, answer: Buffer, ms: number): void;
  panicked(): void;
  readonly forward: ForwardMetrics;
}
const SECONDS = exponentialBuckets(0.00025, 2, 16);
const BYTES = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8191, 16_000, 32_000, 48_000, 64_000];

/** `server`: its address as it was asked for; `cached`: how many answers of others are kept. */
export function dnsMetrics(registry: Registry, server: string, cached: () => number): DnsMetrics {
  // Of the address's family, as CoreDNS numbers it.
  const family = server.includes('[') ? '2' : '1';
  const of = (name: string, help: string) => ({ name: `coredns_${name}`, stability: 'ALPHA', help }) as const;
  const requests = registry.counter(of('dns_requests_total', 'Counter of DNS requests made per zone, protocol and family.')); // prettier-ignore
  const responses = registry.counter(of('dns_responses_total', 'Counter of response status codes.'));
  const durations = registry.histogram(of('dns_request_duration_seconds', 'Histogram of the time (in seconds) each request took per zone.'), SECONDS); // prettier-ignore
  const sizes = registry.histogram(of('dns_response_size_bytes', 'Size of the returned response in bytes.'), BYTES);
  const panics = registry.counter(of('panics_total', 'A metrics that counts the number of panics.')).at({});
  const forwarded = registry.histogram(of('forward_request_duration_seconds', 'Histogram of the time each request took.'), SECONDS); // prettier-ignore
  const failures = registry.counter(of('forward_healthcheck_failures_total', 'Counter of the number of failed healthchecks.')); // prettier-ignore
  const rejects = registry.counter(of('forward_max_concurrent_rejects_total', 'Counter of the number of queries rejected because the concurrent queries were at maximum.')); // prettier-ignore
  const hits = registry.counter(of('cache_hits_total', 'The count of cache hits.'));
  const misses = registry.counter(of('cache_misses_total', 'The count of cache misses. Deprecated, derive misses from cache hits/requests counters.')).at({ server }); // prettier-ignore
  registry.gauge(of('cache_entries', 'The number of elements in the cache.'), () => [[{ server }, cached()]]);

  const perType = new Map<string, { n: number }>();
  const perRcode = new Map<number, { n: number }>();
  const timed = { udp: durations.at({ server, zone: '.' }), tcp: durations.at({ server, zone: '.' }) };
  const sized = { udp: sizes.at({ proto: 'udp', server, zone: '.' }), tcp: sizes.at({ proto: 'tcp', server, zone: '.' }) }; // prettier-ignore
  const requestsOf = (via: Via, type: number | undefined): { n: number } => {
    const text = type === undefined ? 'other' : typeText(type);
    const key = via + text;
    let cell = perType.get(key);
    if (cell === undefined) perType.set(key, (cell = requests.at({ family, proto: via, server, type: text, zone: '.' }))); // prettier-ignore
    return cell;
  };
  return {
    answered(via, type, answer, ms) {
      requestsOf(via, type).n++;
      const rcode = answer[3]! & 0xf;
      let cell = perRcode.get(rcode);
      if (cell === undefined) perRcode.set(rcode, (cell = responses.at({ plugin: '', rcode: rcodeText(rcode), server, zone: '.' }))); // prettier-ignore
      cell.n++;
      timed[via].add(ms / 1_000);
      sized[via].add(answer.length);
    },
    panicked: () => void panics.n++,
    forward: {
      asked: (to, rcode, ms) => forwarded.at({ rcode: rcodeText(rcode), to }).add(ms / 1_000),
      failed: (to) => void failures.at({ to }).n++,
      refused: () => void rejects.at({}).n++,
      cache: (hit, denial) => {
        if (hit) hits.at({ server, type: denial ? 'denial' : 'success' }).n++;
        else misses.n++;
      },
    },
  };
}
