import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Each gets what the other sends, and hears of its end; nothing waits in memory. One that breaks off takes the other with
 * it, as broken off: what was sent in part must not look whole.
 */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.pipe(to);
    from.on('error', () => breakOff(to));
    from.once('close', () => {
      // Else what was sent whole is still on its way to the other.
      if (!from.readableEnded || !from.writableFinished) breakOff(to);
    });
  }
} // prettier-ignore
function breakOff(stream: Duplex): void {
  if ('resetAndDestroy' in stream) (stream as Socket).resetAndDestroy();
  else stream.destroy();
}
