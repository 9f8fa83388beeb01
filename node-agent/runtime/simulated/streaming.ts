import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import type { Clock } from '../../../bus/world.ts';
import { RuntimeError, type ContainerStreaming, type LogLine, type RemoteProcess } from '../interface.ts';
import type { Course } from './course.ts';
import { echoProcess, failedProcess, followed, processOf } from './processes.ts';

/** What of a simulated runtime its streams need. */
export interface Reached {
  readonly clock: Clock;
  /** What a command would do in the container; undefined: it is not understood. */
  course(id: string, argv: readonly string[]): Course | undefined;
  /** Writes what the course writes, at its time. */
  begin(id: string, course: Course): void;
  /** Resolves when the container has ended. */
  ended(id: string): Promise<unknown>;
  lines(id: string, signal: AbortSignal): AsyncIterable<LogLine>;
  listener(podUid: string, port: number): ((stream: Duplex) => void) | undefined;
}
/** Whatever stdin says comes back from it. */
const ECHO = /^(?:\/(?:usr\/)?bin\/)?cat$/;

/** Commands that the simulated shell understands, run in simulated containers; ports that they listen on. */
export const simulatedStreaming = (at: Reached): ContainerStreaming => ({
  async exec(id, { command, stdin }): Promise<RemoteProcess> {
    if (stdin && command.length === 1 && ECHO.test(command[0]!)) return echoProcess(at.ended(id));
    const course = at.course(id, command);
    if (course === undefined)
      return failedProcess(`a simulated container cannot run ${JSON.stringify(command.join(' '))}: it knows sh -c with simple commands (echo, cat, sleep, test, touch, rm, ...)`); // prettier-ignore
    at.begin(id, course);
    return processOf(at.clock, course, at.ended(id));
  },
  async attach(id, _, signal) {
    const stop = new AbortController();
    signal.addEventListener('abort', () => stop.abort());
    return followed(at.lines(id, stop.signal), stop);
  },
  async portForward(sandbox, podUid, port) {
    const take = at.listener(podUid, port);
    if (take === undefined)
      throw new RuntimeError('PortForwardError', `error forwarding port ${port} to pod ${sandbox}, uid : dial tcp4 127.0.0.1:${port}: connect: connection refused`); // prettier-ignore
    const [near, far] = duplexPair();
    take(far);
    return near;
  },
});
