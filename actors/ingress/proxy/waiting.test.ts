import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { testWorld, type TestWorld } from '../../runtime/testing/world.ts';
import { mayBeAsked, resolveExternal } from '../external.ts';
import { frontBench, type FrontBench } from '../testing/front.ts';

let world: TestWorld;
let b: FrontBench;
const names = new Map<string, readonly string[]>();
beforeEach(async () => {
  world = testWorld();
  b = await frontBench({ world, resolve: async (host) => names.get(host) ?? Promise.reject(new Error('unknown')) });
});
afterEach(() => b.stop());
const ask = (method = 'GET', body?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port: b.http.port, method, agent: false }, (response) => {
      text(response).then((said) => resolve(`${response.statusCode} ${said.trim()}`), reject);
    });
    asked.on('error', reject).end(body);
  });
/** Longer than the proxy waits for anything. */
const long = (): Promise<void> => world.advance(70_000);

describe('what makes no progress for a minute', () => {
  it('is 504 where the backend says nothing', async () => {
    let heard = false;
    let ended = false;
    b.to(await b.backend((request) => { heard = true; request.socket.on('close', () => (ended = true)); })); // prettier-ignore
    const answer = ask();
    await until(() => heard);
    await world.advance(50_000);
    expect(b.proxy.underWay).toBe(1);
    await long();
    expect(await answer).toBe('504 504 Gateway Timeout');
    await until(() => ended);
  });
  it('is 408 where the client does not say all', async () => {
    let heard = false;
    b.to(await b.backend(() => (heard = true)));
    const socket = connect({ host: '127.0.0.1', port: b.http.port });
    let said = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (said += chunk));
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await until(() => heard);
    await long();
    await until(() => said.startsWith('HTTP/1.1 408 '));
    socket.destroy();
  });
  it('is broken off where the answer was begun', async () => {
    let heard = false;
    b.to(await b.backend((_, response) => { response.writeHead(200, { 'Content-Length': 10 }); response.write('abc'); heard = true; })); // prettier-ignore
    const answer = ask();
    answer.catch(() => undefined);
    await until(() => heard);
    await long();
    await expect(answer).rejects.toThrow();
  });
  it('ends for a client that does not read, and its backend is not kept waiting', async () => {
    let ended = false;
    b.to(await b.backend((request, response) => { request.socket.on('close', () => (ended = true)); response.end(Buffer.alloc(64 * 1024 * 1024)); })); // prettier-ignore
    const socket = connect({ host: '127.0.0.1', port: b.http.port });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => b.proxy.underWay === 1);
    await until(async () => {
      await world.advance(70_000);
      return ended;
    });
    expect(b.proxy.underWay).toBe(0);
    socket.destroy();
  });
  it('is not what goes on slowly', async () => {
    let say: (word: string) => unknown = () => undefined;
    b.to(await b.backend((_, response) => { response.writeHead(200); say = (word) => response.write(word); response.write('0'); })); // prettier-ignore
    let said = '';
    const socket = connect({ host: '127.0.0.1', port: b.http.port });
    socket.setEncoding('latin1').on('data', (chunk: string) => (said += chunk));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    for (const word of ['a', 'b', 'c', 'd']) {
      await until(() =>
        said.includes(word === 'a' ? '\r\n0\r\n' : `\r\n${String.fromCharCode(word.charCodeAt(0) - 1)}\r\n`),
      );
      await world.advance(40_000);
      say(word);
    }
    await until(() => said.includes('\r\nd\r\n'));
    socket.destroy();
  });
  it('is not a connection that is kept: that is let go without a word, and then no timer is left', async () => {
    let ended = false;
    b.to(await b.backend((request, response) => { request.socket.on('close', () => (ended = true)); response.end(); })); // prettier-ignore
    await ask();
    expect(b.proxy.pool.size).toBe(1);
    await world.advance(20_000);
    await until(() => ended);
    expect(b.proxy.pool.size).toBe(0);
    expect(world.timers).toBe(0);
  });
});

describe('a name outside of the cluster', () => {
  it('is looked up for each request, and all of its addresses are tried', async () => {
    const backend = await b.backend((request, response) => response.end(request.headers.host));
    names.set('out.test', ['10.0.0.99', backend.ip]);
    b.use({ kind: 'external', host: 'out.test', port: 80 });
    expect(await ask()).toMatch(/^200 127\.0\.0\.1/);
    names.delete('out.test');
    expect(await ask()).toMatch(/^502 /);
  });
  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    '::ffff:127.0.0.1',
    'ff02::1',
  ])('is not this machine, nor what is near it: %s', async (ip) => {
    expect(mayBeAsked(ip)).toBe(false);
    await expect(resolveExternal(ip)).rejects.toThrow('may be asked');
  });
  it('may be anything else', async () => {
    expect(await resolveExternal('10.1.2.3')).toEqual(['10.1.2.3']);
    expect(mayBeAsked('2001:db8::1')).toBe(true);
    await expect(resolveExternal('localhost')).rejects.toThrow('may be asked');
  });
});
