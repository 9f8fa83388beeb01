import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { AuditOptions, AuditSink } from '../../actors/apiserver/audit/trail.ts';
import { UserError } from '../cli/output.ts';
import { writePrivate } from './kubeconfig.ts';

/** As kube-apiserver's flags of these names. */
export interface AuditFlags {
  readonly auditPolicyFile?: string | undefined;
  /** `-`: standard output. */
  readonly auditLogPath?: string | undefined;
  /** Megabytes that a file may have before another is begun; default 100. */
  readonly auditLogMaxsize?: number | undefined;
  /** Files that are kept beside the newest; default all. */
  readonly auditLogMaxbackup?: number | undefined;
  /** Days that they are kept; default for good. */
  readonly auditLogMaxage?: number | undefined;
}
const MEGABYTE = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;
const placeOf = (dir: string): string => join(dir, 'audit.json');

/** Takes over what the cluster's API servers are to note, from their next start on. Thrown: UserError. */
export async function adoptAudit(dir: string, flags: AuditFlags): Promise<void> {
  if (!isAsked(flags)) return;
  const whole = await checked(flags);
  writePrivate(placeOf(dir), `${JSON.stringify({ ...whole, policy: readFileSync(whole.auditPolicyFile!, 'utf8') })}\n`);
}
/** Thrown: UserError, for what is wrong with the flags or the policy. */
export async function checkAudit(flags: AuditFlags): Promise<void> {
  if (isAsked(flags)) await checked(flags);
}
const isAsked = (flags: AuditFlags): boolean => flags.auditPolicyFile !== undefined || flags.auditLogPath !== undefined;
async function checked(flags: AuditFlags): Promise<AuditFlags> {
  const { auditPolicyFile, auditLogPath } = flags;
  if (auditPolicyFile === undefined || auditLogPath === undefined)
    throw new UserError('--audit-policy-file and --audit-log-path go together: what is noted, and where', 2);
  await policyFrom(auditPolicyFile);
  return {
    ...flags,
    auditPolicyFile: resolve(auditPolicyFile),
    auditLogPath: auditLogPath === '-' ? '-' : resolve(auditLogPath),
  };
}
/** What an API server is to note: by the flags given, or as its cluster was told. Thrown: UserError. */
export async function auditOf(dir: string, flags: AuditFlags): Promise<AuditOptions | undefined> {
  const own = placeOf(dir);
  if (isAsked(flags)) {
    const whole = await checked(flags);
    return { evaluate: (await policyFrom(whole.auditPolicyFile!)).evaluate, sink: sinkOf(whole) };
  }
  if (!existsSync(own)) return undefined;
  const kept = JSON.parse(readFileSync(own, 'utf8')) as AuditFlags & { readonly policy: string };
  return { evaluate: (await policyFrom(kept.auditPolicyFile!, kept.policy)).evaluate, sink: sinkOf(kept) };
}
async function policyFrom(file: string, text = contentOf(file)): Promise<Pick<AuditOptions, 'evaluate'>> {
  const [{ parseYaml }, { evaluator, readAuditPolicy }] = await Promise.all([
    import('../../schemas/codec/yaml.ts'),
    import('../../actors/apiserver/audit/policy.ts'),
  ]);
  try {
    return { evaluate: evaluator(readAuditPolicy((await parseYaml(text)).value)) };
  } catch (error) {
    throw new UserError(`loading audit policy file: ${(error as Error).message}: from file ${file}`);
  }
}
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message; // prettier-ignore
    throw new UserError(`loading audit policy file: failed to read file path ${JSON.stringify(file)}: open ${file}: ${why}`); // prettier-ignore
  }
}
function sinkOf(flags: AuditFlags): AuditSink {
  const path = flags.auditLogPath!;
  if (path === '-') return { write: (line) => void writeSync(1, `${line}\n`) };
  try {
    appendFileSync(path, '', { mode: 0o600 });
  } catch (error) {
    throw new UserError(`ensureLogFile: failed to open audit log ${path}: ${(error as Error).message}`);
  }
  return new LogFile(path, flags);
}

/**
 * A file that is put aside once it is full, under a name with the time. Other API servers of this machine may write to
 * it too: each line is one write, and who finds the file replaced goes on in the new one.
 */
class LogFile implements AuditSink {
  readonly #path: string;
  readonly #flags: AuditFlags;
  readonly #most: number;
  #descriptor: number;
  #size: number;
  constructor(path: string, flags: AuditFlags) {
    this.#path = path;
    this.#flags = flags;
    this.#most = (flags.auditLogMaxsize || 100) * MEGABYTE;
    this.#descriptor = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#descriptor).size;
  }
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#size + bytes.length > this.#most) this.#turn();
    writeSync(this.#descriptor, bytes);
    this.#size += bytes.length;
  }
  #turn(): void {
    const own = fstatSync(this.#descriptor);
    closeSync(this.#descriptor);
    // Unless another process has put it aside already.
    if (existsSync(this.#path) && statSync(this.#path).ino === own.ino) {
      renameSync(this.#path, this.#aside());
      this.#forget();
    }
    this.#descriptor = openSync(this.#path, 'a', 0o600);
    this.#size = fstatSync(this.#descriptor).size;
  }
  #aside(): string {
    const ending = extname(this.#path);
    const time = new Date().toISOString().replaceAll(':', '-').replace('Z', '');
    return join(dirname(this.#path), `${basename(this.#path, ending)}-${time}${ending}`);
  }
  #forget(): void {
    const { auditLogMaxbackup: most = 0, auditLogMaxage: days = 0 } = this.#flags;
    const ending = extname(this.#path);
    const folder = dirname(this.#path);
    const aside = readdirSync(folder)
      .filter((name) => name.startsWith(`${basename(this.#path, ending)}-`) && name.endsWith(ending))
      .toSorted()
      .toReversed();
    for (const [i, name] of aside.entries()) {
      const file = join(folder, name);
      const old = days > 0 && Date.now() - statSync(file).mtimeMs > days * DAY_MS;
      if ((most > 0 && i >= most) || old) rmSync(file, { force: true });
    }
  }
}
