import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensurePki } from '../pki/pki.ts';
import { startBalancer, type Balancer, type BalancerOptions } from './balancer.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Echo {
  readonly name: string;
  readonly port: number;
  /** Connections that wait for more than a probe's handshake. */
  readonly open: Set<Socket>;
  /** Takes no more connections; those there are stay. */
  stopListening(): void;
}
/** Says its name at the first byte of each line, and ends when its client does. */
async function echo(name: string): Promise<Echo> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (line) => {
      open.add(socket);
      socket.write(`${name}:${line.toString()}`);
    });
    socket.on('end', () => socket.end('bye\n'));
    socket.on('close', () => open.delete(socket));
  });
  const port = await listen(server);
  cleanups.push(() => {
    open.forEach((socket) => socket.destroy());
    server.close();
  });
  return { name, port, open, stopListening: () => void server.close() };
}
async function listen(server: Server | HttpsServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
async function balance(options: Partial<BalancerOptions> & Pick<BalancerOptions, 'to'>): Promise<Balancer> {
  const balancer = await startBalancer({
    host: '127.0.0.1',
    port: 0,
    intervalMs: 30,
    lookup: () => Promise.resolve(['127.0.0.1']),
    ...options,
  });
  cleanups.push(() => balancer.close(0));
  return balancer;
}
interface Client {
  readonly socket: Socket;
  /** However it was closed. */
  readonly closed: Promise<void>;
  say(line: string): Promise<string>;
}
async function client(port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  const say = async (line: string): Promise<string> => {
    const answer = new Promise<string>((resolve) =>
      socket.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    socket.write(`${line}\n`);
    return Promise.race([answer, closed.then(() => 'closed')]);
  };
  return { socket, closed, say };
}

describe('one address for several API servers', () => {
  it('gives each connection to the one that has the fewest', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    const balancer = await balance({ to: [`a:${a.port}`, `b:${b.port}`] });
    await vi.waitFor(() => expect(balancer.ready()).toBe(2));
    const clients = await Promise.all(Array.from({ length: 8 }, () => client(balancer.port)));
    const answers = await Promise.all(clients.map((c, i) => c.say(`${i}`)));
    expect(answers.filter((answer) => answer.startsWith('a:'))).toHaveLength(4);
    // A connection stays where it is.
    expect(await Promise.all(clients.map((c, i) => c.say(`${i}`)))).toEqual(answers);
  });

  it('passes bytes on until both ends have ended', async () => {
    const a = await echo('a');
    const balancer = await balance({ to: [`a:${a.port}`] });
    const { socket, say } = await client(balancer.port);
    expect(await say('hello')).toBe('a:hello');
    socket.end();
    const [last] = (await once(socket, 'data')) as [Buffer];
    expect(last.toString()).toBe('bye\n');
    await once(socket, 'end');
    await vi.waitFor(() => expect(a.open.size).toBe(0));
  });

  it('passes over one that refuses, before the client has said a word', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    // Asked so seldom that the balancer cannot know.
    const balancer = await balance({ to: [`a:${a.port}`, `b:${b.port}`], intervalMs: 60_000 });
    await vi.waitFor(() => expect(balancer.ready()).toBe(2));
    a.stopListening();
    for (let i = 0; i < 4; i++) expect(await (await client(balancer.port)).say('x')).toBe('b:x');
  });

  it('ends the connections of one that died without a goodbye, and of no other', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    const said: string[] = [];
    const balancer = await balance({ to: [`a:${a.port}`, `b:${b.port}`], onChange: (text) => said.push(text) });
    await vi.waitFor(() => expect(balancer.ready()).toBe(2));
    const clients = [await client(balancer.port), await client(balancer.port)];
    const answers = await Promise.all(clients.map((c) => c.say('x')));
    const ofA = clients[answers.indexOf('a:x')]!;
    const ofB = clients[answers.indexOf('b:x')]!;
    // Its socket to the client stays open, as that of a machine that lost its power.
    a.stopListening();
    await ofA.closed;
    expect(await ofB.say('y')).toBe('b:y');
    expect(said).toContain(`127.0.0.1:${a.port} is dead`);
    expect(balancer.ready()).toBe(1);
  });

  it('follows the name: newcomers get connections, those who left get none', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    const there = new Set(['a']);
    const lookup = (host: string): Promise<string[]> =>
      there.has(host)
        ? Promise.resolve(['127.0.0.1'])
        : Promise.reject(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }));
    const balancer = await balance({ to: [`a:${a.port}`, `b:${b.port}`], lookup });
    await vi.waitFor(() => expect(balancer.ready()).toBe(1));
    there.add('b');
    await vi.waitFor(() => expect(balancer.ready()).toBe(2));
    there.delete('a');
    await vi.waitFor(() => expect(balancer.ready()).toBe(1));
    expect(await (await client(balancer.port)).say('x')).toBe('b:x');
  });

  it('keeps those it knows while names cannot be asked for', async () => {
    const a = await echo('a');
    let works = true;
    let asked = 0;
    const lookup = (): Promise<string[]> => {
      asked++;
      return works
        ? Promise.resolve(['127.0.0.1'])
        : Promise.reject(Object.assign(new Error('try again'), { code: 'EAI_AGAIN' }));
    };
    const balancer = await balance({ to: [`a:${a.port}`], lookup });
    await vi.waitFor(() => expect(balancer.ready()).toBe(1));
    works = false;
    const before = asked;
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before + 3));
    expect(await (await client(balancer.port)).say('x')).toBe('a:x');
  });

  it('closes a connection for which there is nobody', async () => {
    const balancer = await balance({ to: ['a:1'], lookup: () => Promise.resolve([]) });
    const socket = connect({ port: balancer.port, host: '127.0.0.1' });
    const [error] = (await once(socket, 'error').catch((error: unknown) => [error])) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  it('waits for connections when it closes, takes no new one, and cuts off what lasts too long', async () => {
    const a = await echo('a');
    const balancer = await balance({ to: [`a:${a.port}`] });
    const [short, long] = [await client(balancer.port), await client(balancer.port)];
    await Promise.all([short.say('x'), long.say('x')]);
    const closed = balancer.close(300);
    expect(await short.say('still here')).toBe('a:still here');
    short.socket.end();
    await expect(client(balancer.port)).rejects.toThrow('ECONNREFUSED');
    await closed;
    await vi.waitFor(() => expect(long.socket.destroyed || long.socket.readableEnded).toBe(true));
  });
});

describe('API servers that have to prove who they are', () => {
  let dir: string;
  let ca: string;
  let tls: { readonly cert: string; readonly key: string };
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-balancer-'));
    ({ ca, ...tls } = await ensurePki(dir, ['kubernetes'], Date.now()).then((pki) => ({
      ca: pki.ca,
      cert: pki.serverCert,
      key: readFileSync(join(dir, 'apiserver.key'), 'utf8'),
    })));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const apiserver = async (state: { readyz: number }, identity = tls): Promise<number> => {
    const server = createHttps(identity, (request, response) => {
      response.writeHead(request.url === '/readyz' ? state.readyz : 404).end('x');
    });
    server.on('tlsClientError', () => undefined);
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return listen(server);
  };

  it('get connections while /readyz says 200', async () => {
    const state = { readyz: 200 };
    const said: string[] = [];
    const port = await apiserver(state);
    const balancer = await balance({ to: [`a:${port}`], ca, onChange: (text) => said.push(text) });
    await vi.waitFor(() => expect(balancer.ready()).toBe(1));
    state.readyz = 500;
    await vi.waitFor(() => expect(balancer.ready()).toBe(0));
    state.readyz = 200;
    await vi.waitFor(() => expect(balancer.ready()).toBe(1));
    expect(said).toEqual([`127.0.0.1:${port} is ready`, `127.0.0.1:${port} is unready`, `127.0.0.1:${port} is ready`]);
  });

  it('get none with a certificate of another authority', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'kubus-impostor-'));
    cleanups.push(() => rmSync(elsewhere, { recursive: true, force: true }));
    const { serverCert: cert, serverKey: key } = await ensurePki(elsewhere, ['kubernetes'], Date.now());
    const impostor = await apiserver({ readyz: 200 }, { cert, key });
    const real = await apiserver({ readyz: 200 });
    const said: string[] = [];
    const balancer = await balance({ to: [`a:${impostor}`, `b:${real}`], ca, onChange: (text) => said.push(text) });
    await vi.waitFor(() => expect(said).toHaveLength(2));
    expect(said.toSorted()).toEqual([`127.0.0.1:${impostor} is dead`, `127.0.0.1:${real} is ready`].toSorted());
    expect(balancer.ready()).toBe(1);
  });
});
