import { lstat, readFile, readlink } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';

/**
 * The value of one variable in a file of `NAME='value'` lines: quoted in single quotes, over several lines if need be;
 * '' if it is not there. Throws: Error, what is no such file. Source: kubelet util/env ParseEnv.
 */
export function valueInEnvFile(text: string, key: string): string {
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
  const bad = (line: number, why: string): Error =>
    new Error(`invalid environment variable format at line ${line}: ${why}`);
  for (let i = 0; i < lines.length; i++) {
    const line = lineAt(lines, i).replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 0) throw bad(i + 1, "missing '='");
    const name = line.slice(0, equals);
    if (name.trim() === '') throw bad(i + 1, 'empty variable name');
    if (/[ \t]$/.test(name)) throw bad(i + 1, "whitespace before '=' is not allowed");
    let rest = line.slice(equals + 1);
    if (/^[ \t]/.test(rest)) {
      if (name === key) return '';
      continue;
    }
    if (!rest.startsWith("'")) throw bad(i + 1, 'value must be enclosed in single quotes');
    const begin = i + 1;
    let value = '';
    rest = rest.slice(1);
    let close: number;
    while ((close = rest.indexOf("'")) < 0) {
      value += `${rest}\n`;
      if (++i >= lines.length)
        throw new Error(`invalid environment variable format starting at line ${begin}: unclosed single quote`);
      rest = lineAt(lines, i);
    }
    const after = rest.slice(close + 1).replace(/^[ \t]+/, '');
    if (after !== '' && !after.startsWith('#')) throw bad(i + 1, 'unexpected content after closing quote');
    if (name === key) return value + rest.slice(0, close);
  }
  return '';
}
const lineAt = (lines: readonly string[], i: number): string => lines[i]!.replace(/\r$/, '');

/** Longer is refused rather than read. */
const MAX_BYTES = 1024 * 1024;
const MAX_LINKS = 255;

/** The text of a file. Rejects as node:fs does, and where it is none that is to be read. */
export async function readEnvFile(file: string): Promise<string> {
  const found = await lstat(file);
  if (!found.isFile() || found.size > MAX_BYTES) throw new Error(`${file}: no file of at most ${MAX_BYTES} bytes`);
  return readFile(file, 'utf8');
}
/** The file that a path means below `root`, whatever links a container has laid there: they lead as if `root` were all. Source: cyphar/filepath-securejoin SecureJoin. */
export async function within(root: string, path: string): Promise<string> {
  let left = path.split(sep);
  let at: string = sep;
  for (let links = 0; left.length > 0;) {
    const [part = '', ...others] = left;
    left = others;
    if (part === '' || part === '.') continue;
    const next = normalize(join(at, part));
    const target = await readlink(join(root, next)).catch(() => undefined);
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++links > MAX_LINKS) throw new Error(`${path}: too many levels of symbolic links`);
    if (isAbsolute(target)) at = sep;
    left = [...target.split(sep), ...left];
  }
  return join(root, at);
}
