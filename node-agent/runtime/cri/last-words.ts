import { open } from 'node:fs/promises';
import { messageOf } from './labels.ts';
import type { CriContainerStatus } from './messages.ts';

/** Source: kubelet container MaxContainerTerminationMessageLength, ...LogLength, ...LogLines. */
const MOST_BYTES = 4_096;
const MOST_LOG_BYTES = 2_048;
const MOST_LOG_LINES = 80;
/** 80 lines that together hold 2,048 bytes, with what the log says of each (some 45 bytes). */
const LOG_TAIL_BYTES = 16 * 1024;

/** What a container that has ended left to be told: its termination message, or the end of its log. Source: kuberuntime getTerminationMessage. */
export async function lastWords(status: CriContainerStatus): Promise<string> {
  const { path, fallsBackToLogs } = messageOf(status.annotations);
  const usesLog = fallsBackToLogs && status.exitCode !== 0 && status.reason !== 'ContainerCannotRun';
  const mount = path === '' ? undefined : status.mounts.find(({ containerPath }) => containerPath === path);
  if (mount !== undefined) {
    try {
      const said = (await tailOf(mount.hostPath, MOST_BYTES)).toString();
      if (said !== '') return said;
    } catch (error) {
      if (!isMissing(error)) return `Error on reading termination log ${mount.hostPath}: ${goText(error)}`;
    }
  }
  if (!usesLog) return '';
  try {
    return lastLines(await tailOf(status.logPath, LOG_TAIL_BYTES));
  } catch (error) {
    return `Error on reading termination message from logs: failed to try resolving symlinks in path ${JSON.stringify(status.logPath)}: ${goText(error)}`;
  }
}
/** The text of the last lines of a log in the CRI's format: `<time> <stream> <F|P> <text>`. */
export function lastLines(log: Buffer): string {
  const lines = log.toString('latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  const texts = lines.slice(-MOST_LOG_LINES).flatMap((line) => {
    const [, tag, text] = /^\S+ (?:stdout|stderr) (\S+) (.*)$/s.exec(line) ?? [];
    return tag === undefined ? [] : [tag.startsWith('P') ? text! : `${text!}\n`];
  });
  return Buffer.from(texts.join(''), 'latin1').subarray(-MOST_LOG_BYTES).toString();
}
async function tailOf(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const out = Buffer.alloc(length);
    const { bytesRead } = await file.read(out, 0, length, size - length);
    return out.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const goText = (error: unknown): string => {
  const { code, syscall, path, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? `${syscall === 'open' ? 'lstat' : syscall} ${path}: no such file or directory` : message;
};
