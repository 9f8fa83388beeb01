import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../bus/bus.ts';
import type { NodeAnswerHead } from '../../bus/protocol/node.ts';
import type { NodeContext } from './context.ts';
import { serveNodeLogs } from './node-logs.ts';

let top: string;
let logFolder: string;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'kbl-'));
  logFolder = join(top, 'log');
  await mkdir(join(logFolder, 'pods'), { recursive: true });
  await mkdir(join(top, 'log-of-others'));
  await writeFile(join(top, 'secret'), 'nobody reads this');
  await writeFile(join(top, 'log-of-others', 'a.log'), 'nor this');
  await writeFile(join(logFolder, 'syslog'), 'one\ntwo\n');
  await writeFile(join(logFolder, 'a <b>:c.log'), 'odd name');
  await writeFile(join(logFolder, 'old.gz'), Buffer.of(0x1f, 0x8b, 8, 0));
  await writeFile(join(logFolder, 'wtmp'), Buffer.of(0, 1, 2));
  await writeFile(join(logFolder, 'empty'), '');
  await writeFile(join(logFolder, 'pods', 'large.log'), 'x'.repeat(200_000));
  await symlink('../secret', join(logFolder, 'escape'));
  await symlink(top, join(logFolder, 'escape-folder'));
  await symlink('../log-of-others/a.log', join(logFolder, 'beside'));
  await symlink('syslog', join(logFolder, 'messages'));
  execFileSync('mkfifo', [join(logFolder, 'pipe')]);
});
afterAll(() => rm(top, { recursive: true }));

type Node = Parameters<typeof serveNodeLogs>[0];
async function ask(target: string, o: { method?: string; node?: Node; onFrame?: () => Promise<void> } = {}) {
  const { method = 'GET', node = { logFolder, housekeeping: undefined }, onFrame = async () => {} } = o;
  const frames: unknown[] = [];
  const session = { send: async (frame: unknown) => (frames.push(frame), onFrame()) } as unknown as Session;
  await serveNodeLogs(node, { method, target, headers: [], body: new Uint8Array() }, session);
  const [head, ...rest] = frames as [NodeAnswerHead, ...Uint8Array[]];
  const headers = Object.fromEntries(head.headers.flatMap((name, i) => (i % 2 === 0 ? [[name, head.headers[i + 1]]] : [])));
  return { status: head.status, headers, body: Buffer.concat(rest).toString(), frames: rest.length };
} // prettier-ignore

describe('log files of a machine', () => {
  it('are listed, folders with a slash, with names as they are', async () => {
    const { status, headers, body } = await ask('/logs/');
    expect([status, headers['Content-Type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('<a href="syslog">syslog</a>\n');
    expect(body).toContain('<a href="pods/">pods/</a>\n');
    expect(body).toContain('<a href="a%20%3Cb%3E%3Ac.log">a &lt;b&gt;:c.log</a>\n');
    expect(body.indexOf('messages')).toBeLessThan(body.indexOf('syslog'));
  });
  it.each([
    ['/logs/syslog', 'one\ntwo\n', 'text/plain; charset=utf-8'],
    ['/logs/syslog?query=kubelet', 'one\ntwo\n', 'text/plain; charset=utf-8'],
    ['/logs/./pods/../syslog', 'one\ntwo\n', 'text/plain; charset=utf-8'],
    ['/logs/messages', 'one\ntwo\n', 'text/plain; charset=utf-8'],
    ['/logs/a%20%3Cb%3E:c.log', 'odd name', 'text/plain; charset=utf-8'],
    ['/logs/empty', '', 'text/plain; charset=utf-8'],
    ['/logs/wtmp', '\0\x01\x02', 'application/octet-stream'],
  ])('%s is shown', async (target, body, type) => {
    const told = await ask(target);
    expect(told).toMatchObject({ status: 200, body, headers: { 'Content-Type': type, 'Content-Length': String(body.length) } }); // prettier-ignore
  });
  it('a large one comes in parts, and what is added meanwhile is not told', async () => {
    const onFrame = (): Promise<void> => appendFile(join(logFolder, 'pods', 'large.log'), 'more');
    const { body, headers, frames } = await ask('/logs/pods/large.log', { onFrame });
    expect([body.length, headers['Content-Length'], frames]).toEqual([200_000, '200000', 4]);
  });
  it('one of gzip is one', async () => {
    expect((await ask('/logs/old.gz')).headers['Content-Type']).toBe('application/x-gzip');
  });
  it.each([
    ['/logs/pods', 'pods/'],
    ['/logs/pods?x=y', 'pods/?x=y'],
    ['/logs/syslog/', '../syslog'],
    ['/logs/pods/index.html', './'],
  ])('%s is elsewhere', async (target, to) => {
    expect(await ask(target)).toMatchObject({ status: 301, headers: { Location: to } });
  });
  it.each([
    '/logs/escape',
    '/logs/escape-folder/secret',
    '/logs/escape-folder/',
    '/logs/beside',
    '/logs/../secret',
    '/logs/%2e%2e/secret',
    '/logs/..%2fsecret',
    '/logs/pods/%2e%2e/%2e%2e/secret',
    '/logs/pipe',
    '/logs/none',
    '/logs/syslog/none',
    '/logs/a%00b',
    '/logs',
  ])('nothing else: %s', async (target) => {
    expect(await ask(target)).toMatchObject({ status: 404, body: '404 page not found\n' });
  });
  it('are asked for by GET, in words that can be read', async () => {
    expect(await ask('/logs/syslog', { method: 'POST' })).toMatchObject({ status: 405 });
    expect(await ask('/logs/%zz')).toMatchObject({ status: 400 });
  });
  it('are not shown where the configuration says so, nor by nodes that have none', async () => {
    const housekeeping = { configuration: { enableSystemLogHandler: false } } as NodeContext['housekeeping'];
    expect(await ask('/logs/syslog', { node: { logFolder, housekeeping } })).toMatchObject({ status: 405, body: 'logs endpoint is disabled.\n' }); // prettier-ignore
    expect(await ask('/logs/', { node: { logFolder: undefined, housekeeping: undefined } })).toMatchObject({ status: 404 }); // prettier-ignore
  });
});
