import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProxy, type Proxy } from './proxy.ts';

/** A server that says everything back, behind a proxy. */
let server: Server;
let proxy: Proxy;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startProxy((server.address() as AddressInfo).port);
});
afterEach(async () => {
  sockets.forEach((socket) => socket.destroy());
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});
function dial(): { socket: Socket; ended: Promise<void>; until: (text: string) => Promise<void>; heard: () => string } {
  const socket = connect(proxy.port, '127.0.0.1');
  sockets.push(socket);
  let heard = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    for (const { text, resolve } of waiting) if (heard === text) resolve();
  });
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const until = (text: string): Promise<void> =>
    heard === text ? Promise.resolve() : new Promise((resolve) => waiting.push({ text, resolve }));
  return { socket, ended, until, heard: () => heard };
}

describe('a proxy', () => {
  it('hands on what is said', async () => {
    const { socket, until } = dial();
    socket.write('one');
    await until('one');
    socket.write('two');
    await until('onetwo');
  });
  it('holds everything back, and lets it through afterwards in order, for old connections and new ones', async () => {
    const old = dial();
    old.socket.write('a');
    await old.until('a');
    proxy.mode = 'hold';
    const young = dial();
    for (const one of ['b', 'c', 'd']) old.socket.write(one);
    young.socket.write('x');
    await sleep(100);
    expect([old.heard(), young.heard()]).toEqual(['a', '']);
    proxy.mode = 'pass';
    await Promise.all([old.until('abcd'), young.until('x')]);
  });
  it('tells the end of one side to the other, but not while it holds', async () => {
    const one = dial();
    one.socket.write('a');
    await one.until('a');
    proxy.mode = 'hold';
    one.socket.destroy();
    const other = dial();
    other.socket.write('b');
    await sleep(50);
    proxy.mode = 'pass';
    await other.until('b');
    proxy.mode = 'cut';
    await other.ended;
    await dial().ended;
  });
  it('slows what is said, in order', async () => {
    proxy.mode = 60;
    const { socket, until, heard } = dial();
    const began = performance.now();
    socket.write('a');
    await sleep(20);
    socket.write('b');
    expect(heard()).toBe('');
    await until('ab');
    // There and back.
    expect(performance.now() - began).toBeGreaterThan(110);
    proxy.mode = 'pass';
    socket.write('c');
    await until('abc');
  });
  it('hands on more than it would hold, whole', async () => {
    proxy.mode = 5;
    const { socket } = dial();
    const size = 12_000_000;
    let got = 0;
    const all = new Promise<void>((resolve) =>
      socket.on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got === size) resolve();
      }),
    );
    socket.write(Buffer.alloc(size, 'x'));
    await all;
  });
});
