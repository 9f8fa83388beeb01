import { gunzipSync } from 'node:zlib';

/** One entry of an archive; what it says of a folder or a link has no content. */
export interface TarEntry {
  /** Without a leading slash. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link';
  /** Permission bits; default 0755 for folders, 0644 else. */
  readonly mode?: number;
  readonly content?: Uint8Array;
  /** Of a symbolic link. */
  readonly target?: string;
  readonly uid?: number;
  readonly gid?: number;
}
const BLOCK = 512;
const TYPES: Readonly<Record<TarEntry['type'], string>> = { file: '0', folder: '5', link: '2' };
const MODES: Readonly<Record<TarEntry['type'], number>> = { file: 0o644, folder: 0o755, link: 0o777 };

/** An archive in the POSIX format, the same bytes for the same entries: nothing in it has a date. */
export function tar(entries: Iterable<TarEntry>): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const { path, target = '' } = entry;
    const name = entry.type === 'folder' ? `${path}/` : path;
    const long = pax({ ...(fits(name) ? {} : { path: name }), ...(bytesOf(target) > 100 ? { linkpath: target } : {}) });
    if (long.length > 0) add(parts, header({ path: 'pax', type: 'file' }, long.length, 'x'), long);
    const content = entry.type === 'file' ? (entry.content ?? new Uint8Array()) : new Uint8Array();
    add(parts, header(entry, content.length, TYPES[entry.type]), content);
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return Buffer.concat(parts);
}
const bytesOf = (text: string): number => Buffer.byteLength(text);
const fits = (name: string): boolean => bytesOf(name) <= 100;
function add(parts: Uint8Array[], head: Buffer, content: Uint8Array): void {
  parts.push(head, content);
  if (content.length % BLOCK > 0) parts.push(new Uint8Array(BLOCK - (content.length % BLOCK)));
}
function header(entry: TarEntry, size: number, type: string): Buffer {
  const head = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void =>
    void head.write(value.toString(8).padStart(length - 1, '0'), at);
  Buffer.from(entry.type === 'folder' ? `${entry.path}/` : entry.path).copy(head, 0, 0, 100);
  octal(entry.mode ?? MODES[entry.type], 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  head.write('        ', 148);
  head.write(type, 156);
  Buffer.from(entry.target ?? '').copy(head, 157, 0, 100);
  head.write('ustar', 257);
  head.write('00', 263);
  let sum = 0;
  for (const byte of head) sum += byte;
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}
/** Records of what an old header has no room for. Source: POSIX pax, `<length> <key>=<value>\n`. */
function pax(values: Readonly<Record<string, string>>): Buffer {
  const records = Object.entries(values).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = bytesOf(rest) + 1;
    while (bytesOf(String(length)) + bytesOf(rest) !== length) length = bytesOf(String(length)) + bytesOf(rest);
    return `${length}${rest}`;
  });
  return Buffer.from(records.join(''));
}

/** Thrown: Error with what is wrong with the archive. */
export function* untar(archive: Uint8Array): Iterable<{ readonly path: string; readonly content: Uint8Array }> {
  const bytes = isGzip(archive) ? gunzipSync(archive) : Buffer.from(archive.buffer, archive.byteOffset, archive.length);
  const text = (from: number, to: number): string => bytes.toString('utf8', from, to).split('\0')[0]!;
  let longName: string | undefined;
  let at = 0;
  while (at + BLOCK <= bytes.length && bytes[at] !== 0) {
    if (text(at + 257, at + 262) !== 'ustar') throw new Error('it is no tar archive');
    const size = Number.parseInt(text(at + 124, at + 136).trim(), 8);
    const type = text(at + 156, at + 157);
    const from = at + BLOCK;
    if (!Number.isSafeInteger(size) || from + size > bytes.length) throw new Error(CUT);
    const content = bytes.subarray(from, from + size);
    const prefix = text(at + 345, at + 500);
    const name = longName ?? (prefix === '' ? text(at, at + 100) : `${prefix}/${text(at, at + 100)}`);
    longName = undefined;
    if (type === 'L') longName = content.toString().split('\0')[0];
    else if (type === 'x') longName = /\d+ path=(.*)\n/.exec(content.toString())?.[1];
    else if (type === '0' || type === '') yield { path: name.replace(/^\.\//, ''), content };
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  if (at < bytes.length && bytes[at] !== 0) throw new Error(CUT);
}
const CUT = 'it is cut off, or damaged';
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
