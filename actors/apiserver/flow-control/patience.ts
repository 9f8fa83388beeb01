import { parseDuration } from '../../../schemas/meta/duration.ts';
import type { RequestInfo } from '../request.ts';

/** A request waits in its queue for a quarter of the time that it has. Source: priority-and-fairness.go getRequestWaitContext. */
const REQUEST_MS = 60_000;
const SHARE_OF_TIME = 4;

/** Source: kubernetes pkg/controlplane/apiserver config.go LongRunningFunc; a watch counts until it has begun. */
const LASTING: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
export const isLongRunning = ({ isResource, subresource, path, verb }: RequestInfo): boolean =>
  isResource ? verb !== 'watch' && LASTING.has(subresource) : path.startsWith('/debug/pprof/');

/** How long a request may wait in its queue. */
export function patienceMs(query: URLSearchParams): number {
  const given = query.get('timeout');
  const asked = given === null ? 0n : parseDuration(given);
  const ms = typeof asked === 'bigint' && asked > 0n ? Number(asked / 1_000_000n) : REQUEST_MS;
  return Math.min(ms, REQUEST_MS) / SHARE_OF_TIME;
}
