import { isFree } from '../cluster/ports.ts';

/** Below those that the system gives to outgoing connections: a port must still be free when its process starts again. */
const FIRST = 20_000;
const LAST = 32_000;
const given = new Set<number>();

/** A port on 127.0.0.1 that nothing listens on, and that nobody is given by chance later. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}
