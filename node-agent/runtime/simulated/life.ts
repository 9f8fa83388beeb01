import type { TimerId, World } from '../../../bus/world.ts';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import type { ProbeKind, RuntimeStatus, Sandbox } from '../interface.ts';
import type { createCommands } from './commands.ts';
import type { Course } from './course.ts';
import { linesOf, tailOf } from './lines.ts';
import type { Connections } from './listeners.ts';
import type { ContainerScript, Run } from './script.ts';

export interface SimSandbox extends Sandbox {
  ip: string | undefined;
  readonly podUid: string;
  readonly containers: Set<string>;
}
export interface SimContainer {
  readonly id: string;
  readonly sandbox: string;
  readonly podUid: string;
  readonly pod: Pod;
  readonly container: Container;
  readonly script: ContainerScript;
  readonly run: Run;
  /** What its command does, if that is understood; worked out as it starts. */
  course: Course | undefined;
  readonly podIP: string | undefined;
  status: RuntimeStatus;
  readonly timers: TimerId[];
  /** Resolves when it has ended. */
  readonly ended: PromiseWithResolvers<void>;
  readonly probed: Record<ProbeKind, number>;
}

/** Longer than any timer; what would happen later does not happen. */
export const MOST_MS = 2 ** 31 - 1;

/** How simulated containers begin, act at their times, and end. */
export interface Life {
  begin(c: SimContainer, startedAt: number): void;
  /** By itself. */
  end(c: SimContainer, run: Run): void;
  /** Whatever ended it; once. */
  exit(c: SimContainer, code: number, reason: string, message?: string): void;
  stopTimers(c: SimContainer): void;
}
export function createLife({
  clock,
  commands,
  connections,
  ended,
}: {
  readonly clock: World['clock'];
  readonly commands: ReturnType<typeof createCommands>;
  readonly connections: Connections;
  /** Hears of each that ended. */
  readonly ended: (id: string) => void;
}): Life {
  function exit(c: SimContainer, code: number, reason: string, message = ''): void {
    if (c.status.state === 'exited') return;
    stopTimers(c);
    c.status = { ...c.status, state: 'exited', finishedAt: clock.now(), exitCode: code, reason, message };
    c.ended.resolve();
    connections.ended(c.id);
    ended(c.id);
  }
  function stopTimers({ timers }: SimContainer): void {
    for (const timer of timers.splice(0)) clock.clearTimeout(timer);
  }
  const end = (c: SimContainer, { exitCode, reason, message }: Run): void => {
    const asks = exitCode !== 0 && c.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    const said = commands.lastWords(c) || (asks ? tailOf(linesOf(c.script, c.course), clock.now() - c.status.startedAt) : ''); // prettier-ignore
    exit(c, exitCode, reason ?? (exitCode === 0 ? 'Completed' : 'Error'), message ?? said);
  };
  function begin(c: SimContainer, startedAt: number): void {
    c.status = { ...c.status, state: 'running', startedAt };
    c.course = c.script.command && commands.course(c.script.command, c, true);
    const after = (ms: number, act: () => void): void => {
      const left = startedAt + ms - clock.now();
      if (left > MOST_MS) return;
      c.timers.push(clock.setTimeout(act, Math.max(left, 0)));
    };
    for (const write of c.course?.writes ?? [])
      if (write.atMs === 0) commands.write(c, write);
      else after(write.atMs, () => commands.write(c, write));
    const run = c.course ?? c.run;
    if (run.exitAfterMs !== undefined) after(run.exitAfterMs, () => end(c, run));
  }
  return { begin, end, exit, stopTimers };
}
