import type { Rejection } from './plugins/plugin.ts';
import type { Diagnosis } from './schedule.ts';

/**
 * The sentence that users read in `kubectl describe pod`: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had
 * untolerated taint(s). preemption: ...`. Source: scheduler framework FitError.Error.
 */
export function fitError(d: Diagnosis, preemption = ''): string {
  if (d.nodes === 0) return 'no nodes available to schedule pods';
  const why = d.reason ?? histogram([...d.perNode.values()].flatMap((r: Rejection) => r.reasons));
  return `0/${d.nodes} nodes are available:${why === '' ? '' : ` ${why}.`}${preemption === '' ? '' : ` ${preemption}`}`;
}
/** `2 a, 1 b`, sorted as text. */
export function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, n]) => `${n} ${reason}`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join(', ');
}
/** Longest event note. Source: events.k8s.io validation NoteLengthLimit, truncateMessage. */
export const truncateNote = (text: string): string => (text.length <= 1024 ? text : `${text.slice(0, 1020)} ...`);
