import type { Duplex } from 'node:stream';

/** Each gets what the other sends, and hears of its end; one that breaks takes the other with it. Nothing waits in memory. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    // What was sent whole is still on its way to the other.
    from.once('close', () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    });
  }
} // prettier-ignore
