/** Log files of a node, at `/logs/`. Source: kubelet ServeLogs, InstallSystemLogHandler; net/http FileServer. */
import { constants } from 'node:fs';
import { open, readdir, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Session } from '../../bus/bus.ts';
import type { NodeAnswerHead, NodeRequest } from '../../bus/protocol/node.ts';
import type { NodeContext } from './context.ts';

const PREFIX = '/logs/';
const TEXT = 'text/plain; charset=utf-8';
const FRAME_BYTES = 64 * 1024;
/** Source: net/http sniffLen. */
const SNIFFED_BYTES = 512;
const INDEX = 'index.html';

/** A file or folder below the one that is served. */
interface Found {
  readonly handle: FileHandle;
  /** Where it may be read however its name is changed meanwhile. */
  readonly path: string;
}
/** Answers with a file, or with what is in a folder. Simulated nodes have no files. */
export async function serveNodeLogs(node: Pick<NodeContext, 'logFolder' | 'housekeeping'>, request: NodeRequest, session: Session): Promise<void> {
  const { method, target } = request;
  if (node.housekeeping?.configuration.enableSystemLogHandler === false) return say(session, 405, 'logs endpoint is disabled.\n');
  if (method !== 'GET') return say(session, 405, '405: Method Not Allowed');
  const mark = target.indexOf('?');
  const [asked, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark)];
  const name = decoded(asked);
  if (name === undefined) return say(session, 400, '400 Bad Request');
  if (!name.startsWith(PREFIX) || node.logFolder === undefined) return say(session, 404, '404 page not found\n');
  if (name.endsWith(`/${INDEX}`)) return redirect(session, `./${query}`);
  const path = posix.normalize(`/${name.slice(PREFIX.length)}`);
  let found: Found;
  try {
    found = await openBelow(node.logFolder, path);
  } catch (error) {
    return say(session, ...failure(error));
  }
  try {
    const isFolder = (await found.handle.stat()).isDirectory();
    const hasSlash = path.endsWith('/');
    const base = encodeURIComponent(posix.basename(path));
    if (isFolder && !hasSlash) return await redirect(session, `${base}/${query}`);
    if (!isFolder && hasSlash) return await redirect(session, `../${base}${query}`);
    return await (isFolder ? sendFolder(node.logFolder, path, found, session) : sendFile(found, session));
  } finally {
    await found.handle.close();
  }
} // prettier-ignore
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
/**
 * Opens what lies at a path below a folder. Whoever writes logs could put a link there that leads to any file of the node,
 * which the kubelet may read and who asks may not: links are followed as long as they stay below the folder, and it is asked
 * of what was opened, not of its name. Upstream follows them anywhere.
 */
async function openBelow(root: string, path: string): Promise<Found> {
  // What waits for a writer, as pipes do, is not waited for.
  const handle = await open(posix.join(root, path).replace(/\/$/, ''), constants.O_RDONLY | constants.O_NONBLOCK);
  const own = `/proc/self/fd/${handle.fd}`;
  try {
    const [top, real, stat] = await Promise.all([realpath(root), readlink(own), handle.stat()]);
    const isBelow = real === top || real.startsWith(`${top}/`);
    if (!isBelow || !(stat.isFile() || stat.isDirectory())) throw Object.assign(new Error('not there'), { code: 'ENOENT' });
    return { handle, path: own };
  } catch (error) {
    await handle.close();
    throw error;
  }
} // prettier-ignore

async function sendFile({ handle }: Found, session: Session): Promise<void> {
  const { size, mtime } = await handle.stat();
  const first = Buffer.alloc(Math.min(SNIFFED_BYTES, size));
  await handle.read(first, 0, first.length, 0);
  const head: NodeAnswerHead = {
    status: 200,
    headers: ['Content-Type', typeOf(first), 'Content-Length', String(size), 'Last-Modified', mtime.toUTCString()],
  };
  await session.send(head);
  // As long as it was: it may grow meanwhile, and where it shrinks the rest is missing.
  for (let at = 0; at < size;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(FRAME_BYTES, size - at)), 0, null, at);
    if (bytesRead === 0) throw new Error('the file was cut off while it was read');
    await session.send(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
/** Source: net/http DetectContentType, as far as logs go. */
function typeOf(first: Buffer): string {
  if (first[0] === 0x1f && first[1] === 0x8b) return 'application/x-gzip';
  const isBinary = first.some((byte) => byte <= 8 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f)); // prettier-ignore
  return isBinary ? 'application/octet-stream' : TEXT;
}
/** Source: net/http dirList. */
async function sendFolder(root: string, path: string, found: Found, session: Session): Promise<void> {
  const index = await openBelow(root, posix.join(path, INDEX)).catch(() => undefined);
  if (index !== undefined)
    try {
      return await sendFile(index, session);
    } finally {
      await index.handle.close();
    }
  const entries = await readdir(found.path, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  const lines = names.toSorted((a, b) => (a < b ? -1 : 1)).map((name) => `<a href="${linkTo(name)}">${escaped(name)}</a>\n`);
  const page = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`;
  return say(session, 200, page, 'text/html; charset=utf-8');
} // prettier-ignore
function linkTo(name: string): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  return escaped(path.split('/')[0]!.includes(':') ? `./${path}` : path);
}
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);

/** Source: net/http toHTTPError. */
function failure(error: unknown): [status: number, text: string] {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE') return [404, '404 page not found\n'];
  return code === 'EACCES' || code === 'EPERM' ? [403, '403 Forbidden\n'] : [500, '500 Internal Server Error\n'];
}
const redirect = (session: Session, to: string): Promise<void> => say(session, 301, '', TEXT, ['Location', to]);
async function say(session: Session, status: number, text: string, type = TEXT, more: readonly string[] = []): Promise<void> {
  const bytes = Buffer.from(text);
  const head: NodeAnswerHead = { status, headers: ['Content-Type', type, 'Content-Length', String(bytes.length), ...more] };
  await session.send(head);
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) await session.send(bytes.subarray(at, at + FRAME_BYTES));
} // prettier-ignore
