/** What a component asks the API for. Source: component-base metrics/prometheus/restclient. */
import type { Clock } from '../../../bus/world.ts';
import type { Verb } from '../../../bus/protocol/api.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import type { Registry } from './registry.ts';
import type { Histogram } from './series.ts';

const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
/** There is no server that one asks: whichever of them hears it on the bus answers. */
const HOST = 'bus';
const METHODS: Partial<Record<Verb, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE' }; // prettier-ignore

export interface RequestMetrics {
  /** Call the result with what the request failed with, if it did. */
  begun(verb: Verb): (error?: unknown) => void;
  /** A watch was opened, or was not. */
  watched(error?: unknown): void;
}
export function requestMetrics(registry: Registry, clock: Clock): RequestMetrics {
  const elapsed = clock.elapsed ?? (() => clock.now());
  const requests = registry.counter({
    name: 'rest_client_requests_total',
    stability: 'ALPHA',
    help: 'Number of HTTP requests, partitioned by status code, method, and host.',
  });
  const durations = registry.histogram(
    {
      name: 'rest_client_request_duration_seconds',
      stability: 'ALPHA',
      help: 'Request latency in seconds. Broken down by verb, and host.',
    },
    BUCKETS,
  );
  interface Method {
    latency?: Histogram;
    readonly codes: Map<number, { n: number }>;
  }
  const methods = new Map<string, Method>();
  const methodOf = (name: string): Method => {
    let found = methods.get(name);
    if (found === undefined)
      methods.set(name, (found = { codes: new Map() }));
    return found;
  };
  const count = (name: string, method: Method, code: number): void => {
    let cell = method.codes.get(code);
    if (cell === undefined)
      // As client-go says of what nobody answered.
      method.codes.set(code, (cell = requests.at({ code: code === 0 ? '<error>' : String(code), host: HOST, method: name })));
    cell.n++;
  };
  const codeOf = (error: unknown): number => statusOf(error)?.code ?? 0;
  return {
    begun(verb) {
      const began = elapsed();
      return (error) => {
        const name = METHODS[verb] ?? 'GET';
        const method = methodOf(name);
        (method.latency ??= durations.at({ host: HOST, verb: name })).add((elapsed() - began) / 1_000);
        count(name, method, error !== undefined ? codeOf(error) : verb === 'create' ? 201 : 200);
      };
    },
    watched: (error) => count('GET', methodOf('GET'), error === undefined ? 200 : codeOf(error)),
  };
} // prettier-ignore
