import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { frontBench, type FrontBench } from '../testing/front.ts';

let b: FrontBench;
let agent: Agent;
beforeEach(async () => {
  b = await frontBench();
  agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
  agent.destroy();
  await b.stop();
});
interface Asked {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly raw: readonly string[];
  readonly body: string;
}
const ask = (path = '/', o: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {}): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {} } = o;
    const asked = httpRequest({ host: '127.0.0.1', port: b.http.port, path, method, agent, headers: { host: 'x.test', ...headers } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode!, headers: response.headers, raw: response.rawHeaders, body }), reject);
    });
    asked.on('error', reject);
    asked.end(o.body);
  }); // prettier-ignore

describe('a request', () => {
  it('reaches the backends in turn, over connections that are kept', async () => {
    const names = ['a', 'b', 'c'];
    const backends = await Promise.all(names.map((name) => b.backend((_, response) => response.end(name))));
    b.to(...backends);
    const answers: string[] = [];
    for (let i = 0; i < 9; i++) answers.push((await ask()).body);
    expect(answers.join('')).toMatch(/^(abc|bca|cab)\1\1$/);
    expect(b.dialled).toBe(3);
  });
  it('tells who asks, believes nobody who says so, and keeps to itself what is of one connection', async () => {
    let seen: readonly string[] = [];
    b.to(
      await b.backend((request, response) => {
        seen = request.rawHeaders;
        response.writeHead(200, ['X-A', '1', 'x-a', '2', 'Connection', 'X-Own', 'X-Own', 'x', 'Set-Cookie', 'a', 'Set-Cookie', 'b']); // prettier-ignore
        response.end('ok');
      }),
    );
    const headers = {
      'X-Forwarded-For': '1.2.3.4', 'X-Real-IP': '1.2.3.4', X_Forwarded_Proto: 'https', Forwarded: 'for=1.2.3.4', Te: 'trailers',
      'X-Mine': 'mine', Connection: 'X-Secret', 'X-Secret': 's', 'Proxy-Authorization': 'Basic x', Upgrade: 'h2c', Authorization: 'Bearer t',
    }; // prettier-ignore
    const { raw } = await ask('/a?b=c', { headers });
    const pairs = new Map(
      seen.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), seen[i + 1]!] as const] : [])),
    );
    expect(Object.fromEntries(pairs)).toEqual({
      host: 'x.test', 'x-mine': 'mine', authorization: 'Bearer t', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'x.test',
      'x-forwarded-port': String(b.http.port), 'x-forwarded-proto': 'http', 'x-real-ip': '127.0.0.1',
    }); // prettier-ignore
    expect(raw.join('|')).toContain('X-A|1|x-a|2|Set-Cookie|a|Set-Cookie|b');
    expect(raw).not.toContain('X-Own');
  });
  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s is passed on, and its status is passed back',
    async (method) => {
      b.to(await b.backend((request, response) => void request.resume().on('end', () => response.writeHead(418, { 'X-Method': request.method }).end('teapot')))); // prettier-ignore
      const { status, headers, body } = await ask('/', { method, ...(method === 'POST' && { body: 'x' }) });
      expect([status, headers['x-method'], body]).toEqual([418, method, method === 'HEAD' ? '' : 'teapot']);
    },
  );
  it.each([[true], [false]])('carries large bodies both ways, of known length: %s', async (known) => {
    const size = 8 * 1024 * 1024;
    b.to(
      await b.backend((request, response) => {
        response.writeHead(200, known ? { 'Content-Length': size } : {});
        request.pipe(response);
      }),
    );
    const body = Buffer.alloc(size, 'abcdefg');
    const headers: Record<string, string> = known
      ? { 'Content-Length': String(size) }
      : { 'Transfer-Encoding': 'chunked' };
    const answer = await ask('/', { method: 'POST', headers, body });
    expect(Buffer.from(answer.body).equals(body)).toBe(true);
  });
  it('is not read faster than its backend takes it', async () => {
    let taken = 0;
    let release: (() => void) | undefined;
    b.to(
      await b.backend((request, response) => {
        request.pause();
        release = () =>
          request
            .on('data', (chunk: Buffer) => (taken += chunk.length))
            .on('end', () => response.end('done'))
            .resume();
      }),
    );
    const total = 64 * 1024 * 1024;
    let written = 0;
    const answer = new Promise<string>((resolve, reject) => {
      const asked = httpRequest({ host: '127.0.0.1', port: b.http.port, method: 'POST', headers: { 'content-length': total } }, (r) => resolve(text(r))); // prettier-ignore
      asked.on('error', reject);
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!asked.write(chunk)) return void asked.once('drain', more);
        }
        asked.end();
      };
      more();
    });
    let before = -1;
    let stands = 0;
    await until(() => {
      stands = release !== undefined && written === before ? stands + 1 : 0;
      before = written;
      return stands > 20;
    });
    expect(written).toBeLessThan(total);
    release!();
    expect(await answer).toBe('done');
    expect(taken).toBe(total);
  });
  it('whose client goes ends at the backend too', async () => {
    let ended = false;
    let begun = false;
    b.to(
      await b.backend((request) => {
        begun = true;
        request.socket.on('close', () => (ended = true));
      }),
    );
    const asked = httpRequest({ host: '127.0.0.1', port: b.http.port });
    asked.on('error', () => undefined).end();
    await until(() => begun);
    asked.destroy();
    await until(() => ended);
    expect(b.proxy.underWay).toBe(0);
  });
});

describe('a backend that', () => {
  it('refuses connections is passed over, whatever is asked', async () => {
    const good = await b.backend((_, response) => response.end('good'));
    const gone = await b.backend(() => undefined);
    await new Promise((done) => gone.server.close(done));
    b.to(gone, good);
    for (const method of ['GET', 'POST', 'GET', 'POST']) expect((await ask('/', { method, ...(method === 'POST' && { body: 'x' }) })).body).toBe('good'); // prettier-ignore
    expect(b.dialled).toBeLessThan(4);
    b.to(gone);
    expect(await ask()).toMatchObject({ status: 502, body: '502 Bad Gateway\n' });
  });
  it('is not there is 503, and a path that nobody has 404', async () => {
    expect(await ask()).toMatchObject({ status: 503 });
    b.proxy.use({ ...b.proxy.table, routing: { ...b.proxy.table.routing, anyHost: undefined } });
    expect(await ask()).toMatchObject({ status: 404, body: 'default backend - 404\n' });
  });
  it.each([
    ['closes without a word', (socket: Socket) => socket.end()],
    ['speaks something else', (socket: Socket) => socket.end('SSH-2.0-x\r\n')],
    ['leaves it open where the answer ends', (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n')],
  ])('%s is 502', async (_, act) => {
    b.to(await b.raw((socket) => socket.once('data', () => act(socket))));
    expect((await ask()).status).toBe(502);
  }); // prettier-ignore
  it('ends while it is asked is passed over, but not by what may have been done', async () => {
    const ends = await b.raw((socket) => socket.once('data', () => socket.destroy()));
    const good = await b.backend((_, response) => response.end('good'));
    const asked = async (method: string): Promise<number[]> => {
      b.to(ends, good);
      const body = method === 'POST' ? { body: 'x' } : {};
      return [(await ask('/', { method, ...body })).status, (await ask('/', { method, ...body })).status].toSorted();
    };
    expect(await asked('GET')).toEqual([200, 200]);
    expect(await asked('POST')).toEqual([200, 502]);
  });
  it('breaks off in the middle is not taken for one that has ended', async () => {
    b.to(
      await b.raw((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')),
      ),
    );
    await expect(ask()).rejects.toThrow();
  });
  it('has closed a kept connection is asked once more, but not by what may have been done', async () => {
    let closeAfterAnswer = true;
    const served: string[] = [];
    b.to(
      await b.raw((socket) => {
        let isFirst = true;
        socket.on('data', (chunk) => {
          const line = chunk.toString('latin1').split('\r\n')[0]!;
          served.push(line);
          // The second request on a connection finds it closed.
          if (!isFirst && closeAfterAnswer) return void socket.destroy();
          isFirst = false;
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        });
      }),
    );
    expect((await ask('/1')).status).toBe(200);
    expect((await ask('/2')).status).toBe(200);
    expect(served).toEqual(['GET /1 HTTP/1.1', 'GET /2 HTTP/1.1', 'GET /2 HTTP/1.1']);
    expect((await ask('/3', { method: 'POST', body: 'x' })).status).toBe(502);
    closeAfterAnswer = false;
    expect((await ask('/4')).status).toBe(200);
  });
  it('answers before it has heard all of a request does not get another on that connection', async () => {
    b.to(await b.backend((_, response) => response.writeHead(413, { 'Content-Length': 3 }).end('big')));
    const asked = httpRequest({
      host: '127.0.0.1',
      port: b.http.port,
      method: 'POST',
      headers: { 'content-length': 1_000_000 },
    });
    asked.on('error', () => undefined);
    const status = await new Promise((resolve) => {
      asked.on('response', (response) => resolve(response.resume().statusCode));
      asked.write('begun');
    });
    expect(status).toBe(413);
    asked.destroy();
    expect((await ask()).status).toBe(413);
    expect(b.dialled).toBe(2);
  });
});

describe('what is no request, or two in one', () => {
  const head = 'GET / HTTP/1.1\r\nHost: x.test\r\n';
  it.each([
    ['a length and chunks', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['another coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a coding with a tab', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', `${head}A : b\r\n\r\n`],
    ['a bare line feed', `${head}A: b\nB: c\r\n\r\n`],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['another protocol', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['an escape that is none', 'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ])('is 400, and no backend hears of it: %s', async (_, said) => {
    const backend = await b.backend((_request, response) => response.end());
    b.to(backend);
    const answer = await b.say(said.includes('Connection') ? said : said.replace('\r\n', '\r\nConnection: close\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(backend.requests()).toBe(0);
  }); // prettier-ignore
  it('has a head that is too large', async () => {
    expect(await b.say(`${head}A: ${'b'.repeat(40_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });
  it.each(['CONNECT x.test:80', 'TRACE /'])('%s is refused', async (line) => {
    b.to(await b.backend((_, response) => response.end()));
    expect(await b.say(`${line} HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n`)).not.toMatch(/^HTTP\/1\.1 2/);
  });
  it('is answered twice where it is two, in order', async () => {
    b.to(
      await b.backend(
        (request, response) => void setTimeout(() => response.end(request.url), request.url === '/1' ? 20 : 0),
      ),
    );
    const answer = await b.say(`${head.replace('/', '/1')}\r\n${head.replace('/', '/2')}Connection: close\r\n\r\n`);
    expect(answer.indexOf('/1')).toBeGreaterThan(0);
    expect(answer.indexOf('/2')).toBeGreaterThan(answer.indexOf('/1'));
  });
});

describe('a WebSocket', () => {
  const hello =
    'GET /chat HTTP/1.1\r\nHost: x.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n\r\n';
  it('is joined to the backend, with what each had said already', async () => {
    let seen = '';
    b.to(
      await b.raw((socket) => {
        socket.once('data', (chunk) => {
          seen = chunk.toString('latin1');
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\nhi',
          );
          socket.on('data', (more) => socket.end(`<${more.toString()}>`));
        });
      }),
    );
    const answer = await b.say(`${hello}early`);
    expect(answer).toMatch(/^HTTP\/1\.1 101 [^]*Sec-WebSocket-Accept: a[^]*\r\n\r\nhi<early>$/);
    expect(seen).toMatch(/Connection: Upgrade\r\nUpgrade: websocket\r\n/);
    expect(seen).toContain('Sec-WebSocket-Key: k');
    expect(seen).not.toContain('early');
  });
  it('that the backend does not want gets its answer, and nothing more is read as a request', async () => {
    const backend = await b.backend((_, response) => response.writeHead(403).end('no'));
    b.to(backend);
    const answer = await b.say(`${hello}GET /smuggled HTTP/1.1\r\nHost: x.test\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 [^]*no/);
    expect(backend.requests()).toBe(1);
  });
  it('whose backend is not there is 503', async () => expect(await b.say(hello)).toMatch(/^HTTP\/1\.1 503 /));
});

describe('a new table', () => {
  it('loses no request, whatever was under way', async () => {
    const backends = await Promise.all(
      [1, 2, 3, 4].map((n) => b.backend((_, response) => void setTimeout(() => response.end(String(n)), 2))),
    );
    b.to(backends[0]!);
    let isOver = false;
    const failures: unknown[] = [];
    let answered = 0;
    const client = async (): Promise<void> => {
      while (!isOver) {
        const { status } = await ask().catch((error: unknown) => ({ status: error }));
        if (status === 200) answered++;
        else failures.push(status);
      }
    };
    const clients = Array.from({ length: 16 }, client);
    for (let i = 0; i < 60; i++) {
      b.to(...backends.filter((_, n) => ((i + 1) >> n) & 1 || n === i % 4));
      const target = answered + 10;
      await until(() => answered >= target || failures.length > 0);
    }
    isOver = true;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(500);
  });
  it('lets go of connections to whom nobody is sent any more', async () => {
    let closed = false;
    const one = await b.backend((request, response) => {
      request.socket.on('close', () => (closed = true));
      response.end();
    });
    b.to(one);
    await ask();
    b.to(await b.backend((_, response) => response.end()));
    await until(() => closed);
  });
});

it('a door that closes finishes what is under way, and says to those that are kept that it ends', async () => {
  let release: (() => void) | undefined;
  b.to(await b.backend((_, response) => void (release = () => response.end('late'))));
  const asked = ask();
  await until(() => release !== undefined);
  const drained = b.http.drain();
  release!();
  expect(await asked).toMatchObject({ body: 'late' });
  await drained;
  await expect(ask()).rejects.toThrow();
});
