/** A failure that the user can mend: printed as `kubus: <message>` and nothing else. Cause first, then the next step. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
const colour = (stream: NodeJS.WriteStream, code: number, text: string): string =>
  stream.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb' ? `\u001b[${code}m${text}\u001b[0m` : text;
export const bold = (text: string): string => colour(process.stdout, 1, text);
export const dim = (text: string): string => colour(process.stdout, 2, text);

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
export const printError = (line: string): void => void process.stderr.write(`${line}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** Columns padded to their widest cell, as kubectl prints them. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]?.length ?? 0)));
  return [header, ...rows]
    .map((r) =>
      r
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** Steps of something that takes a while: one line each on stderr, rewritten in place on a terminal. */
export class Progress {
  readonly #quiet: boolean;
  constructor(quiet = false) {
    this.#quiet = quiet;
  }
  async step<T>(label: string, work: () => Promise<T> | T): Promise<T> {
    const began = Date.now();
    const tty = process.stderr.isTTY;
    if (!this.#quiet && tty) process.stderr.write(` • ${label} …`);
    try {
      const result = await work();
      if (!this.#quiet)
        process.stderr.write(
          `${tty ? '\r\u001b[K' : ''} ${colour(process.stderr, 32, '✓')} ${label} ${colour(process.stderr, 2, `${Date.now() - began} ms`)}\n`,
        );
      return result;
    } catch (error) {
      if (!this.#quiet)
        process.stderr.write(`${tty ? '\r\u001b[K' : ''} ${colour(process.stderr, 31, '✗')} ${label}\n`);
      throw error;
    }
  }
}
