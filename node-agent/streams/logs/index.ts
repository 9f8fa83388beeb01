import type { LogRequest } from '../../../bus/protocol/node.ts';
import { nanosOf } from './line.ts';

export { readLogFile } from './read.ts';

const NS_PER_MS = 1_000_000n;
/** From when on a log is wanted, ns since the epoch; undefined: from its begin. */
export function sinceNanos({ sinceSeconds, sinceTime }: LogRequest, now: number): bigint | undefined {
  if (sinceSeconds !== undefined) return BigInt(Math.round(now - sinceSeconds * 1_000)) * NS_PER_MS;
  return sinceTime === undefined ? undefined : nanosOf(Buffer.from(sinceTime));
}
