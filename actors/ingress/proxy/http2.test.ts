import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { hostNames, selfSigned } from '../../../ops/pki/issue.ts';
import { x509 } from '../../../ops/pki/x509-library.ts';
import { frontBench, type FrontBench } from '../testing/front.ts';
import type { Front } from './front.ts';

let pair: { cert: string; key: string };
let b: FrontBench;
let front: Front;
let session: ClientHttp2Session;
beforeAll(async () => {
  pair = await selfSigned(x509, 'CN=x.test', Date.now(), Date.now() + 1e9, [hostNames(x509, ['x.test'])]);
});
beforeEach(async () => {
  b = await frontBench();
  front = await b.https({ contextFor: () => undefined, fallback: pair });
  session = b.http2(front, pair.cert, 'x.test');
});
afterEach(() => b.stop());
const open = (headers: Record<string, string> = {}): ClientHttp2Stream => {
  const stream = session.request(
    { ':path': '/', ':authority': 'x.test', ...headers },
    { endStream: !(':method' in headers) },
  );
  stream.on('error', () => undefined);
  return stream;
};
const headOf = (stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> =>
  new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
  });

describe('over HTTP/2', () => {
  it('answers keep their headers, but for those that are of an HTTP/1 connection', async () => {
    let seen: readonly string[] = [];
    b.to(
      await b.backend((request, response) => {
        seen = request.rawHeaders;
        response.writeHead(201, [
          'Set-Cookie',
          'a',
          'Set-Cookie',
          'b',
          'Connection',
          'keep-alive',
          'Keep-Alive',
          'timeout=5',
          'X-A',
          'ä',
        ]);
        response.end('made');
      }),
    );
    const stream = open({ cookie: 'a=b', te: 'trailers', 'x-forwarded-proto': 'gopher' });
    const head = await headOf(stream);
    expect(head).toMatchObject({ ':status': 201, 'set-cookie': ['a', 'b'] });
    expect(head).not.toHaveProperty('connection');
    expect(head).not.toHaveProperty('keep-alive');
    expect(await text(stream)).toBe('made');
    expect(seen).not.toContain(':path');
    expect(seen.join('|')).toContain('X-Forwarded-Proto|https');
    expect(seen.join('|')).toMatch(/^Host\|x\.test\|cookie\|a=b/i);
    expect(seen).not.toContain('te');
  });
  it('many at once share connections to backends one after the other', async () => {
    b.to(await b.backend((request, response) => response.end(request.url)));
    const all = Array.from({ length: 100 }, (_, i) => text(open({ ':path': `/${i}` })));
    expect(await Promise.all(all)).toEqual(all.map((_, i) => `/${i}`));
    const more = Array.from({ length: 20 }, () => text(open()));
    await Promise.all(more);
    expect(b.dialled).toBeLessThanOrEqual(100);
  });
  it('a body without a length is passed on, and so is the answer', async () => {
    b.to(await b.backend((request, response) => void request.pipe(response)));
    const stream = open({ ':method': 'POST' });
    const answer = text(stream);
    const chunk = Buffer.alloc(100_000, 'x');
    for (let i = 0; i < 20; i++) stream.write(chunk);
    stream.end('end');
    const said = await answer;
    expect(said.length).toBe(2_000_003);
    expect(said.endsWith('xend')).toBe(true);
  });
  it('one that is cancelled ends at the backend, and the others go on', async () => {
    let ended = 0;
    b.to(await b.backend((request, response) => {
      request.socket.on('close', () => ended++);
      if (request.url === '/slow') response.write('begun');
      else response.end('quick');
    })); // prettier-ignore
    const slow = open({ ':path': '/slow' });
    await headOf(slow);
    slow.close(8);
    await until(() => ended === 1);
    expect(await text(open())).toBe('quick');
    expect(b.proxy.underWay).toBe(0);
  });
  it('an answer that breaks off is reset, and not ended', async () => {
    b.to(
      await b.raw((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')),
      ),
    );
    const stream = open();
    stream.resume();
    await new Promise((done) => stream.on('close', done));
    expect(stream.rstCode).toBe(2);
  });
  it('who does not read is not read for', async () => {
    let sent = 0;
    b.to(await b.backend((_, response) => {
      const chunk = Buffer.alloc(256 * 1024);
      const more = (): void => {
        while (sent < 256 * 1024 * 1024) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    })); // prettier-ignore
    const stream = open();
    await headOf(stream);
    stream.pause();
    let before = -1;
    let stands = 0;
    await until(() => {
      stands = sent === before ? stands + 1 : 0;
      before = sent;
      return stands > 30;
    });
    expect(sent).toBeLessThan(128 * 1024 * 1024);
    // Others of the same connection have their turn meanwhile.
    expect((await headOf(open()))[':status']).toBe(200);
    stream.close();
  });
  it('clients that speak HTTP/1.1 alone are served on the same port', async () => {
    b.to(await b.backend((request, response) => response.end(`${request.headers['x-forwarded-proto']}`)));
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: front.port,
        servername: 'x.test',
        ca: pair.cert,
        ALPNProtocols: ['http/1.1'],
      });
      let heard = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (heard += chunk));
      socket.on('error', reject).on('close', () => resolve(heard));
      socket.write('GET / HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n');
    });
    expect(said).toMatch(/^HTTP\/1\.1 200 OK[^]*https/);
  });
  it('CONNECT is refused, and a path that is none is 400', async () => {
    b.to(await b.backend((_, response) => response.end()));
    expect(await headOf(open({ ':path': '/%zz' }))).toMatchObject({ ':status': 400 });
    const tunnel = session.request({ ':method': 'CONNECT', ':authority': 'x.test:80' });
    tunnel.on('error', () => undefined);
    const outcome = await headOf(tunnel).then((head) => head[':status'], () => 'reset'); // prettier-ignore
    expect([400, 405, 'reset']).toContain(outcome);
  });
});
