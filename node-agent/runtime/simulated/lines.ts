import type { ContainerScript } from './script.ts';
import type { Course, Line } from './course.ts';

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

/** Source: the kubelet's MaxContainerTerminationMessageLogLength and -Lines. */
const [MOST_CHARACTERS, MOST_LINES] = [2_048, 80];
/** The end of what a container has printed in its first `ms`. */
export function tailOf(lines: Iterable<Line>, ms: number): string {
  const last: Line[] = [];
  for (const line of lines) {
    if (line.atMs > ms) break;
    last.push(line);
    if (last.length > MOST_LINES) last.shift();
  }
  return last
    .map(({ text, isOpen }) => (isOpen ? text : `${text}\n`))
    .join('')
    .slice(-MOST_CHARACTERS);
}
