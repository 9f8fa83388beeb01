import { delay, type World } from '../../../bus/world.ts';
import type { LogLine, LogOptions } from '../interface.ts';
import type { SimContainer } from './life.ts';
import { linesOf } from './lines.ts';
import { unlessAborted } from './unless-aborted.ts';

/** What a container has written so far, and what it writes from now on if it is followed. */
export async function* logLines(
  clock: World['clock'],
  container: () => SimContainer,
  { follow, signal }: LogOptions,
): AsyncGenerator<LogLine, void> {
  const c = container();
  for (const { atMs, text } of linesOf(c.script, c.course)) {
    const time = c.status.startedAt + atMs;
    if (time > clock.now() && c.status.state !== 'exited') {
      if (follow !== true) return;
      const tick = new AbortController();
      const next = delay(clock, time - clock.now(), tick.signal).catch(() => undefined);
      try {
        await unlessAborted(Promise.race([next, c.ended.promise]), signal);
      } finally {
        tick.abort();
      }
    }
    if (c.status.state === 'exited' && time > c.status.finishedAt) return;
    yield { time, stream: 'stdout', text };
  }
  if (follow === true && c.status.state !== 'exited') await unlessAborted(c.ended.promise, signal);
}
/** Those that are written from `time` on. */
export async function* since(time: number, lines: AsyncIterable<LogLine>): AsyncGenerator<LogLine, void> {
  for await (const line of lines) if (line.time >= time) yield line;
}
