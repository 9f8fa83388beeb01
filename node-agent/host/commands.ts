import { spawn } from 'node:child_process';
import type { World } from '../../bus/world.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface CommandOptions {
  /** Written to its standard input, which is then closed. */
  readonly input?: string | Uint8Array | undefined;
  /** Ends it with SIGKILL. */
  readonly signal?: AbortSignal | undefined;
  /** ms; default 30 s. */
  readonly timeoutMs?: number | undefined;
}
/** Programs of the machine (`nft`, `ip`, `mount`, ...): the one way in which the node agent runs any. */
export interface Commands {
  /** Resolves with what it said, whatever its exit status. Rejects with CommandError where it could not run, or not end in time. */
  run(program: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** The same, but an exit status other than 0 rejects too. Resolves with what it wrote. */
  must(program: string, args: readonly string[], options?: CommandOptions): Promise<string>;
}
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** undefined where it did not run to its end. */
  readonly result: CommandResult | undefined;
  constructor(message: string, result?: CommandResult, options?: ErrorOptions) {
    super(message, options);
    this.result = result;
  }
}
const TIMEOUT_MS = 30_000;

/** Of this process's own namespaces. `through`: what runs them instead, `['nsenter', '--net=...', '--']`. */
export function machineCommands(world: World, through: readonly string[] = []): Commands {
  const { clock } = world;
  const run: Commands['run'] = (program, args, { input, signal, timeoutMs = TIMEOUT_MS } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const [first = '', ...rest] = [...through, program, ...args];
      // A pipe that nothing is written to is not made.
      const child = spawn(first, rest, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      let why: Error | undefined;
      const end = (error: Error): void => {
        why ??= error;
        child.kill('SIGKILL');
      };
      const timer = clock.setTimeout(
        () => end(new CommandError(`${program} ${args.join(' ')}: not ended after ${timeoutMs / 1_000} s`)),
        timeoutMs,
      );
      const onAbort = (): void => end(signal!.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        clock.clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      child.stdout!.on('data', (bytes: Buffer) => stdout.push(bytes));
      child.stderr!.on('data', (bytes: Buffer) => stderr.push(bytes));
      child.once('error', (error) => {
        settle();
        reject(new CommandError(`${program}: ${error.message}`, undefined, { cause: error }));
      });
      child.once('close', (code, killer) => {
        settle();
        if (why !== undefined) return reject(why);
        const text = (parts: Buffer[]): string => Buffer.concat(parts).toString();
        if (code === null) return reject(new CommandError(`${program}: ended by ${killer}`));
        resolve({ code, stdout: text(stdout), stderr: text(stderr) });
      });
      // Who ends without having read all of it says why by its exit status.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  return {
    run,
    async must(program, args, options) {
      const result = await run(program, args, options);
      if (result.code === 0) return result.stdout;
      const said = result.stderr.trim() || result.stdout.trim() || `exit status ${result.code}`;
      throw new CommandError(`${program} ${args.join(' ')}: ${said}`, result);
    },
  };
}
