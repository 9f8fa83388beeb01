import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { Bus } from '../../bus/bus.ts';
import { createPodDialer, type PodDialer } from '../../actors/runtime/pod-dialer.ts';
import { bench, type Bench } from './testing/kubelet.ts';

const world = realWorld({ level: 'silent' });
let b: Bench;
let buses: Bus[];
let dial: PodDialer;
const containers = (port: number, protocol?: 'TCP' | 'UDP') => ({
  containers: [{ name: 'main', image: 'app:1', ports: [{ containerPort: port, ...(protocol && { protocol }) }] }],
});
const at = (pod: string, port: number, node = 'n1') => ({
  ip: b.pod(pod)?.status?.podIP ?? '10.244.7.9',
  port,
  node,
  namespace: 'default',
  pod,
});
beforeEach(async () => {
  const hub = createMemoryHub({ world });
  buses = ['nodes', 'ingress'].map((name) => hub.connect(name));
  b = await bench({}, buses[0]);
  dial = createPodDialer({ bus: buses[1]!, world });
  await b.run('web', containers(8080), {});
  await b.world.until(() => b.pod('web')?.status?.phase === 'Running');
});
afterEach(async () => {
  await b.stop();
  await Promise.all(buses.map((bus) => bus.drain()));
});
const ask = (stream: Duplex, method: string, path: string, body?: Buffer): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const asked = request({ method, path, headers: { host: 'h' }, createConnection: () => stream }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });

describe('a pod on a node without a network', () => {
  it('is reached over the bus and says who it is, the same each time', async () => {
    const first = await ask(await dial(at('web', 8080)), 'GET', '/a?b=c');
    expect(first).toEqual({
      status: 200,
      text: `pod: web\nnamespace: default\nnode: n1\nip: ${b.pod('web')!.status!.podIP}\ncontainer: main\nport: 8080\nmethod: GET\npath: /a?b=c\nhost: h\n`,
    });
    expect(await ask(await dial(at('web', 8080)), 'GET', '/a?b=c')).toEqual(first);
  });
  it('takes a body that is larger than what may be on its way at once', async () => {
    const { text } = await ask(await dial(at('web', 8080)), 'POST', '/', Buffer.alloc(20 * 1024 * 1024));
    expect(text).toContain('method: POST');
  });
  it.each([
    ['a port that it does not declare', () => at('web', 81)],
    ['a pod that is not there', () => at('other', 8080)],
    ['a pod that has the name but not the address', () => ({ ...at('web', 8080), ip: '10.244.7.99' })],
  ])('refuses %s', async (_, to) => {
    await expect(dial(to())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
  it('does not listen on a port of another protocol, nor once it has ended', async () => {
    await b.run('udp', containers(53, 'UDP'), {});
    await b.run('short', { ...containers(8080), restartPolicy: 'Never' }, { exitAfterMs: 10 });
    await b.world.until(() => b.pod('udp')?.status?.phase === 'Running');
    await b.world.until(() => b.pod('short')?.status?.phase === 'Succeeded', 5_000);
    await expect(dial(at('udp', 53))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(dial(at('short', 8080))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
  it('is not dialled when its node has left the bus: there may be a stranger at its address', async () => {
    await dial(at('web', 8080)).then((stream) => stream.destroy());
    const to = at('web', 8080);
    await b.stop();
    await expect(dial({ ...to, ip: '127.0.0.1' })).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    await b.restart();
  });
  it('loses its connections when its container ends, and nobody else does', async () => {
    await b.run('short', { ...containers(8080), restartPolicy: 'Never' }, { exitAfterMs: 1_000 });
    await b.world.until(() => b.pod('short')?.status?.phase === 'Running');
    const other = await dial(at('web', 8080));
    const stream = await dial(at('short', 8080));
    const closed = new Promise((resolve) => stream.on('close', resolve));
    stream.resume();
    await b.world.until(() => b.pod('short')?.status?.phase === 'Succeeded', 5_000);
    await closed;
    expect((await ask(other, 'GET', '/')).status).toBe(200);
  });
  it('loses its connections with the process that runs it', async () => {
    const stream = await dial(at('web', 8080));
    const closed = new Promise<Error | undefined>((resolve) => {
      stream.on('error', resolve);
      stream.on('close', () => resolve(undefined));
    });
    await buses[0]!.drain();
    expect(await closed).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('any other address', () => {
  it.each([
    ['of a node that is not on the bus', { node: 'elsewhere', namespace: 'default', pod: 'web' }],
    ['of no pod at all', {}],
  ])('%s is dialled', async (_, who) => {
    const server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const stream = await dial({ ip: '127.0.0.1', port, ...who });
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('hello');
    stream.destroy();
    await new Promise((resolve) => server.close(resolve));
    await expect(dial({ ip: '127.0.0.1', port, ...who })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
  it('is given up when nobody wants it any more', async () => {
    const asked = dial({ ip: '10.255.255.1', port: 9 }, AbortSignal.abort(new Error('no longer')));
    await expect(asked).rejects.toThrow('no longer');
  });
});
