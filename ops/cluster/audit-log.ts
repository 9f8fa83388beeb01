import {
  appendFileSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { AuditBackend } from '../../actors/apiserver/audit/batching.ts';
import type { AuditParts } from '../../actors/apiserver/audit/sink.ts';
import { UserError } from '../cli/output.ts';

/** As kube-apiserver's flags --audit-log-*, with their defaults in. */
export interface AuditLogOptions {
  /** `-`: standard output. */
  readonly path: string;
  /** Megabytes of a file before the next; 0: it is one. */
  readonly maxSize: number;
  /** Older files that are kept; 0: all. */
  readonly maxBackups: number;
  /** Days that they are; 0: for good. */
  readonly maxAge: number;
  /** Older files are zipped. */
  readonly compress: boolean;
}
const MEGABYTE = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Lines go to a file. Thrown: UserError if it cannot be written. */
export function auditLog(options: AuditLogOptions): AuditBackend {
  const write = options.path === '-' ? (bytes: Buffer) => void writeSync(1, bytes) : fileOf(options);
  let parts: AuditParts | undefined;
  return {
    isRemote: false,
    begin: (given) => void (parts = given),
    process(lines) {
      try {
        write(Buffer.from(`${lines.join('\n')}\n`));
        return true;
      } catch (error) {
        parts?.failed('log', lines.length, (error as Error).message);
        return false;
      }
    },
    close: () => Promise.resolve(),
  };
}
function fileOf(options: AuditLogOptions): (bytes: Buffer) => void {
  const { path } = options;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    appendFileSync(path, '', { mode: 0o600 });
  } catch (error) {
    throw new UserError(`ensureLogFile: failed to open audit log ${path}: ${(error as Error).message}`);
  }
  const file = new LogFile(options);
  return (bytes) => file.write(bytes);
}

/**
 * A file that is put aside once it is full, under a name with the time. Other API servers of this machine may write to
 * it too: what is written is one write, and who finds the file replaced goes on in the new one.
 */
class LogFile {
  readonly #options: AuditLogOptions;
  readonly #most: number;
  #descriptor: number;
  #size: number;
  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#most = options.maxSize === 0 ? Infinity : options.maxSize * MEGABYTE;
    this.#descriptor = openSync(options.path, 'a', 0o600);
    this.#size = fstatSync(this.#descriptor).size;
  }
  write(bytes: Buffer): void {
    if (this.#size + bytes.length > this.#most) this.#turn();
    writeSync(this.#descriptor, bytes);
    this.#size += bytes.length;
  }
  #turn(): void {
    const { path, compress } = this.#options;
    const own = fstatSync(this.#descriptor);
    closeSync(this.#descriptor);
    // Unless another process has put it aside already.
    if (existsSync(path) && statSync(path).ino === own.ino) {
      const aside = this.#aside();
      renameSync(path, aside);
      this.#forget();
      if (compress) void zip(aside);
    }
    this.#descriptor = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#descriptor).size;
  }
  #aside(): string {
    const { path } = this.#options;
    const ending = extname(path);
    const time = new Date().toISOString().replaceAll(':', '-').replace('Z', '');
    return join(dirname(path), `${basename(path, ending)}-${time}${ending}`);
  }
  #forget(): void {
    const { path, maxBackups: most, maxAge: days } = this.#options;
    const ending = extname(path);
    const folder = dirname(path);
    const aside = readdirSync(folder)
      .filter((name) => name.startsWith(`${basename(path, ending)}-`))
      .filter((name) => name.endsWith(ending) || name.endsWith(`${ending}.gz`))
      .toSorted()
      .toReversed();
    for (const [i, name] of aside.entries()) {
      const file = join(folder, name);
      const old = days > 0 && Date.now() - statSync(file).mtimeMs > days * DAY_MS;
      if ((most > 0 && i >= most) || old) rmSync(file, { force: true });
    }
  }
}
/** What cannot be zipped stays as it is. */
async function zip(file: string): Promise<void> {
  const zipped = `${file}.gz`;
  try {
    await pipeline(createReadStream(file), createGzip(), createWriteStream(zipped, { mode: 0o600 }));
    rmSync(file, { force: true });
  } catch {
    rmSync(zipped, { force: true });
  }
}
