import type { ContainerScript } from './script.ts';
import type { Course, Line } from './shell.ts';

/** What a container prints, in order, without an end where it repeats itself; times in ms from its start. */
export function* linesOf(
  { logs, logEveryMs }: Pick<ContainerScript, 'logs' | 'logEveryMs'>,
  course: Course | undefined,
): Iterable<Line> {
  const lines = logs?.map((text) => ({ atMs: 0, text })) ?? course?.lines ?? [];
  yield* lines;
  const ofScript = logEveryMs && { from: lines.length - 1, everyMs: logEveryMs };
  const loop = ofScript || (logs ? undefined : course?.loop);
  if (!loop || lines.length === 0) return;
  for (let after = loop.everyMs; ; after += loop.everyMs)
    for (const { atMs, text } of lines.slice(loop.from)) yield { atMs: atMs + after, text };
}
