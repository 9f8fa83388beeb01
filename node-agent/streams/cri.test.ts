import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SpdyConnection } from '../../actors/runtime/spdy/connection.ts';
import type { SpdyStream } from '../../actors/runtime/spdy/stream.ts';
import { criStreaming } from './cri.ts';

/** Serves streams as a container runtime does. */
let server: Server;
let url: string;
let streams: Map<string, SpdyStream>;
let serve: (streams: Map<string, SpdyStream>, connection: SpdyConnection) => void;
beforeAll(async () => {
  server = createServer((_, response) => response.writeHead(404).end('cannot find it'));
  server.on('upgrade', (request, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${request.headers['x-stream-protocol-version']}\r\n\r\n`); // prettier-ignore
    const wanted = request.url?.startsWith('/port')
      ? 2
      : Number(new URL(request.url!, 'http://h').searchParams.get('n'));
    const connection = new SpdyConnection(socket, true, (stream) => {
      streams.set(stream.headers.get('streamtype') ?? '', stream);
      if (streams.size === wanted) process.nextTick(() => serve(streams, connection));
      return true;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => (streams = new Map()));

const none = { stdin: false, stdout: true, stderr: false, tty: false };
const signal = new AbortController().signal;
const streaming = (path: string) => {
  const at = (): Promise<string> => Promise.resolve(`${url}${path}`);
  return criStreaming({ exec: at, attach: at, portForward: at });
};
const SUCCESS = '{"metadata":{},"status":"Success"}';

describe('a process of a container runtime', () => {
  it('is written to, sized, read and told of', async () => {
    let typed = '';
    let size = '';
    serve = (s) => {
      void text(s.get('resize')!).then((said) => (size = said));
      void text(s.get('stdin')!).then((said) => {
        typed = said;
        s.get('stdout')!.end('x'.repeat(300_000));
        s.get('stderr')!.end('err');
        s.get('error')!.end(SUCCESS);
      });
    };
    const process = await streaming('/exec?n=5').exec('c', { command: ['sh'], stdin: true, stdout: true, stderr: true, tty: true }, signal); // prettier-ignore
    process.resize({ width: 80, height: 24 });
    await process.write(Buffer.from('hello'));
    process.endInput();
    const said = { stdout: 0, stderr: 0 };
    for await (const { stream, bytes } of process.output) said[stream] += bytes.length;
    expect([await process.ended, said, typed]).toEqual([JSON.parse(SUCCESS), { stdout: 300_000, stderr: 3 }, 'hello']);
    process.close();
    await expect.poll(() => size).toBe('{"Width":80,"Height":24}');
  });
  it.each([
    ['that is broken off', '', 'the container runtime has broken the connection off'],
    ['that fails in words', 'no such thing', 'no such thing'],
    ['that fails in JSON of its own', '[1]', '[1]'],
  ])('%s has failed', async (_, said, why) => {
    serve = (s, connection) => {
      s.get('error')!.end(said);
      s.get('stdout')!.end();
      connection.close();
    };
    const process = await streaming('/exec?n=2').attach('c', none, signal);
    expect(await process.output[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    expect(await process.ended).toMatchObject({ status: 'Failure', message: `Internal error occurred: ${why}` });
  });
  it('that nobody serves is refused', async () => {
    const gone = criStreaming({ exec: async () => `${url}/none`, attach: async () => url, portForward: async () => url });
    await expect(gone.exec('c', { command: [], ...none }, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  }); // prettier-ignore
});

describe('a port of a pod', () => {
  it('is a connection', async () => {
    serve = (s) => {
      s.get('data')!.pipe(s.get('data')!);
      s.get('data')!.on('end', () => s.get('error')!.end());
    };
    const stream = await streaming('/port').portForward('s', 'u', 80, signal);
    stream.end(Buffer.alloc(500_000));
    expect((await buffer(stream)).length).toBe(500_000);
  });
  it('where nothing listens breaks with the words of the runtime', async () => {
    serve = (s, connection) => {
      s.get('error')!.end('connect: connection refused');
      s.get('data')!.end();
      connection.close();
    };
    const stream = await streaming('/port').portForward('s', 'u', 81, signal);
    await expect(buffer(stream)).rejects.toThrow('connect: connection refused');
  });
});
