import { delay, type Clock } from '../../../bus/world.ts';
import type { StreamStatus } from '../../../bus/protocol/node.ts';
import type { RemoteProcess } from '../interface.ts';
import type { Course } from './course.ts';
import { linesOf } from './lines.ts';

type Output = Awaited<ReturnType<AsyncIterator<{ readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }>['next']>>['value']; // prettier-ignore
const encoder = new TextEncoder();

/** What a command that has run says with its exit code. Source: cri-streaming remotecommand ServeExec. */
export const exitStatus = (code: number): StreamStatus =>
  code === 0
    ? { metadata: {}, status: 'Success' }
    : {
        metadata: {},
        status: 'Failure',
        message: `command terminated with non-zero exit code: exit status ${code}`,
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
      };

/** A process whose course is known: its lines come at their time. `ends`: the container has ended. */
export function processOf(clock: Clock, course: Course, ends: Promise<unknown>): RemoteProcess {
  const stop = new AbortController();
  void ends.then(() => stop.abort());
  const began = clock.now();
  const wait = (atMs: number): Promise<void> => delay(clock, Math.max(began + atMs - clock.now(), 0), stop.signal);
  let code = 137;
  return run(stop, async function* () {
    for (const { atMs, text, isOpen } of linesOf({ logs: undefined, logEveryMs: undefined }, course)) {
      if (began + atMs > clock.now()) await wait(atMs);
      yield { stream: 'stdout', bytes: encoder.encode(isOpen ? text : `${text}\n`) };
    }
    if (course.exitAfterMs === undefined) await new Promise((_, reject) => stop.signal.addEventListener('abort', reject)); // prettier-ignore
    else if (began + course.exitAfterMs > clock.now()) await wait(course.exitAfterMs);
    code = course.exitCode;
  }, () => exitStatus(code)); // prettier-ignore
}
/** `cat`: says what it is told, until it is told no more. */
export function echoProcess(ends: Promise<unknown>): RemoteProcess {
  const stop = new AbortController();
  void ends.then(() => stop.abort());
  const told: Uint8Array[] = [];
  let isOver = false;
  let wake: (() => void) | undefined;
  let taken: (() => void) | undefined;
  const process = run(stop, async function* () {
    for (;;) {
      const bytes = told.shift();
      if (bytes !== undefined) {
        yield { stream: 'stdout', bytes };
        taken?.();
      } else if (isOver) return;
      else if (stop.signal.aborted) throw stop.signal.reason;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }, () => exitStatus(isOver ? 0 : 137)); // prettier-ignore
  const rouse = (): void => wake?.();
  stop.signal.addEventListener('abort', () => (rouse(), taken?.()));
  return {
    ...process,
    write: (bytes) => {
      if (stop.signal.aborted || isOver) return Promise.resolve();
      told.push(bytes);
      rouse();
      return new Promise((resolve) => (taken = resolve));
    },
    endInput: () => {
      isOver = true;
      rouse();
    },
  };
}
/** A process that cannot be begun. Source: cri-streaming remotecommand ServeExec, apimachinery NewInternalError. */
export function failedProcess(why: string): RemoteProcess {
  const cause = `error executing command in container: ${why}`;
  const status: StreamStatus = {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${cause}`,
    reason: 'InternalError',
    details: { causes: [{ message: cause }] },
    code: 500,
  };
  return run(new AbortController(), async function* () {}, () => status); // prettier-ignore
}
/** What a container prints from now on, until it ends. */
export function followed(lines: AsyncIterable<{ readonly text: string }>, stop: AbortController): RemoteProcess {
  return run(stop, async function* () {
    for await (const { text } of lines) yield { stream: 'stdout', bytes: encoder.encode(`${text}\n`) };
  }, () => exitStatus(0)); // prettier-ignore
}
function run(stop: AbortController, output: () => AsyncGenerator<Output>, status: () => StreamStatus): RemoteProcess {
  const ended = Promise.withResolvers<StreamStatus>();
  async function* read(): AsyncGenerator<Output> {
    try {
      yield* output();
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      ended.resolve(status());
    }
  }
  return {
    write: () => Promise.resolve(),
    endInput: () => undefined,
    resize: () => undefined,
    output: read(),
    ended: ended.promise,
    close: () => stop.abort(),
  };
}
