import { readFileSync } from 'node:fs';

/** The first child of a process: what a program that enters namespaces has started there. */
export function childOf(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]) || undefined;
  } catch {
    return undefined;
  }
}
/**
 * Ends what `pid` has started in namespaces, after which `pid` ends by itself: the other way round nobody might collect what
 * has ended there, and namespaces stay until somebody has.
 */
export function killInside(pid: number | undefined): void {
  const inner = childOf(pid) ?? pid;
  if (inner !== undefined) send(inner, 'SIGKILL');
  wake(pid);
}
/** Whoever enters namespaces stops with what it has started there, and would not see it end. */
export function wake(pid: number | undefined): void {
  if (pid !== undefined) send(pid, 'SIGCONT');
}
/** Asks what `pid` has started there to end. */
export function endInside(pid: number | undefined): void {
  const inner = childOf(pid);
  wake(pid);
  if (inner !== undefined) send(inner, 'SIGTERM');
}
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
