import type { Simulation } from '../../bus/memory/simulation.ts';

/** Real time for each simulated millisecond. */
const TURN_MS = 2;

/**
 * Waits for work that has something loaded (expressions of policies, what knows a process): that comes in real time, which
 * the simulated clock does not wait for; so it goes slowly meanwhile.
 */
export async function patiently<T>(simulation: Simulation, work: Promise<T>): Promise<T> {
  let settled = false;
  const finished = work.finally(() => (settled = true));
  finished.catch(() => undefined);
  while (!settled) {
    await simulation.advance(1);
    await new Promise((resolve) => void setTimeout(resolve, TURN_MS));
  }
  return finished;
}
