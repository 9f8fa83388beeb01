import { createServer as createHttp, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../../../bus/real-world.ts';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { tempFolder } from '../../../../actors/apiserver/testing/servers.ts';
import type { HTTPGetAction, LifecycleHandler, Probe } from '../../../../schemas/generated/core-v1.ts';
import { RuntimeError, type ContainerRuntime } from '../../../runtime/interface.ts';
import { GrpcError } from '../../../grpc/client.ts';
import type { Asked } from '../../handlers.ts';
import { createHooks } from '../../hooks/hooks.ts';
import { createProber } from '../prober.ts';
import { httpTarget, portOf, urlOf } from './target.ts';

const world = realWorld({ level: 'silent' });
const never = new AbortController().signal;
const servers: Server[] = [];
const folder = tempFolder();
const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
/** Asked for by path; what it heard last. */
const heard: { headers: IncomingHttpHeaders; url: string } = { headers: {}, url: '' };
let [port, tls, raw, closed] = [0, 0, 0, 0];
const told: string[] = [];
const askedOf = (more: Partial<Asked> = {}): Asked => ({
  pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', uid: 'u-1' } },
  container: { name: 'main', ports: [{ name: 'http', containerPort: port }], env: [{ name: 'A', value: 'one' }] },
  id: 'c-1',
  ip: '127.0.0.1',
  tell: (_type, reason, message) => void told.push(`${reason}: ${message}`),
  ...more,
});
beforeAll(async () => {
  const answer: Parameters<typeof createHttp>[1] = (request, response) => {
    heard.headers = request.headers;
    heard.url = request.url!;
    const [, word = '', rest = ''] = /^\/(\w*)\/?(.*)$/.exec(request.url!) ?? [];
    if (word === 'status') response.writeHead(Number(rest)).end('body');
    else if (word === 'hops')
      response.writeHead(302, { location: Number(rest) > 0 ? `/hops/${Number(rest) - 1}` : '/ok' }).end();
    else if (word === 'loop') response.writeHead(302, { location: '/loop' }).end();
    else if (word === 'away') response.writeHead(302, { location: 'http://elsewhere.example/x' }).end('gone');
    else if (word === 'nowhere') response.writeHead(302, { location: 'http://[x/' }).end();
    else if (word === 'refused') response.writeHead(302, { location: `http://127.0.0.1:${closed}/x` }).end();
    else if (word === 'big') response.end('x'.repeat(100_000));
    else if (word === 'half') response.writeHead(200).write('x');
    else if (word !== 'hang') response.end('fine');
  };
  port = await listen(createHttp(answer));
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  tls = await listen(createHttps({ key: pki.serverKey, cert: pki.serverCert }, answer));
  raw = await listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (bytes: Buffer) => {
        const path = bytes.toString().split(' ')[1];
        if (path === '/eof') socket.end();
        else if (path === '/reset') socket.resetAndDestroy();
        else if (path === '/words') socket.end('hello there\r\nmore\r\n');
        else if (path === '/short') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
        else socket.end('nothing\r\n\r\n');
      });
    }),
  );
  const gone = createServer();
  closed = await listen(gone);
  gone.close();
});
afterAll(() => {
  for (const server of servers) {
    (server as Partial<{ closeAllConnections(): void }>).closeAllConnections?.();
    server.close();
  }
  folder.remove();
});
type Runtime = Pick<ContainerRuntime, 'probe' | 'runHook'>;
const unasked: Runtime = {
  probe: async () => expect.unreachable(),
  runHook: async () => expect.unreachable(),
};
const probe = async (spec: Probe, runtime: Runtime = unasked) => {
  try {
    const { success, warning, output } = await createProber(world, runtime)(askedOf(), 'readiness', spec, never);
    return `${warning === true ? 'warning' : success ? 'success' : 'failure'}: ${output}`;
  } catch (error) {
    const { name, state, message } = error as Error & { state?: string };
    return `${name} ${state}: ${message}`;
  }
};
const get = (path: string, more: Partial<HTTPGetAction> = {}, timeoutSeconds = 5) =>
  probe({ httpGet: { path, port, ...more }, timeoutSeconds });

describe('a probe by HTTP', () => {
  it('asks as kubelets do, with what the pod adds', async () => {
    expect(await get('/ok?a=b#c')).toBe('success: fine');
    expect(heard.url).toBe('/ok?a=b');
    expect(heard.headers).toEqual({ host: `127.0.0.1:${port}`, 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' });
    const httpHeaders = [{ name: 'x-a', value: '1' }, { name: 'X-A', value: '2' }, { name: 'host', value: 'example.org' }, { name: 'user-agent', value: 'me' }, { name: 'Accept', value: '' }];
    expect(await get('ok', { httpHeaders, port: 'http' })).toBe('success: fine');
    expect(heard.headers).toEqual({ host: 'example.org', 'user-agent': 'me', 'x-a': '1, 2', connection: 'close' });
  }); // prettier-ignore
  it('goes well from 200 to 399', async () => {
    expect(await get('/status/200')).toBe('success: body');
    expect(await get('/status/204')).toBe('success: ');
    expect(await get('/status/302')).toBe('warning: Probe terminated redirects, Response body: body');
    expect(await get('/status/399')).toBe('warning: Probe terminated redirects, Response body: body');
    expect(await get('/status/400')).toBe('failure: HTTP probe failed with statuscode: 400');
    expect(await get('/status/500')).toBe('failure: HTTP probe failed with statuscode: 500');
  });
  it('follows where it is led on the same host, and nowhere else', async () => {
    expect(await get('?x')).toBe('success: fine');
    expect(heard.url).toBe('/?x');
    expect(await get('/hops/3')).toBe('success: fine');
    expect(heard.headers.referer).toBe(`http://127.0.0.1:${port}/hops/0`);
    expect(await get('/loop')).toBe('failure: Get "/loop": stopped after 10 redirects');
    expect(await get('/away')).toBe('warning: Probe terminated redirects, Response body: gone');
    expect(await get('/nowhere')).toContain(`failure: Get "http://127.0.0.1:${port}/nowhere": failed to parse Location header "http://[x/"`);
    expect(await get('/refused')).toBe(`failure: Get "http://127.0.0.1:${closed}/x": dial tcp 127.0.0.1:${closed}: connect: connection refused`);
  }); // prettier-ignore
  it('reads no more than it needs', async () => expect((await get('/big')).length).toBe('success: '.length + 10_240));
  it('does without TLS only where it is told to, and looks at no certificate', async () => {
    expect(await get('/ok', { port: tls, scheme: 'HTTPS' })).toBe('success: fine');
    expect(await get('/x', { scheme: 'HTTPS' })).toBe(`failure: Get "https://127.0.0.1:${port}/x": http: server gave HTTP response to HTTPS client`);
  }); // prettier-ignore
  it.each<[string, Partial<HTTPGetAction>, string]>([
    ['/', { port: 'no' }, 'ProbeError unknown: strconv.Atoi: parsing "no": invalid syntax'],
    ['/', { port: '0' }, 'ProbeError unknown: invalid port number: 0'],
    ['/', { httpHeaders: [{ name: 'X-A', value: 'a\nb' }] }, 'failure: Get "http://127.0.0.1:PORT/": net/http: invalid header field value for "X-A"'],
    ['/', { httpHeaders: [{ name: 'X A', value: 'a' }] }, 'failure: Get "http://127.0.0.1:PORT/": net/http: invalid header field name "X A"'],
  ])('says as Go what cannot go out: %s %j', async (path, more, said) =>
    expect(await get(path, more)).toBe(said.replace('PORT', String(port)))); // prettier-ignore
  it.each([
    ['/eof', /^failure: Get "http:\/\/127.0.0.1:\d+\/eof": EOF$/],
    ['/reset', /^failure: Get "[^"]+": read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: read: connection reset by peer$/],
    ['/words', /: net\/http: HTTP\/1\.x transport connection broken: malformed HTTP status code "there"$/],
    ['/none', /: net\/http: HTTP\/1\.x transport connection broken: malformed HTTP response "nothing"$/],
    ['/short', /^ProbeError failure: unexpected EOF$/],
  ])('says as Go what came back: %s', async (path, said) => expect(await get(path, { port: raw })).toMatch(said));
  it('does not wait for ever', async () => {
    const [hangs, half] = await Promise.all([get('/hang', {}, 0.1), get('/half', {}, 0.1)]);
    expect(hangs).toBe(`failure: Get "http://127.0.0.1:${port}/hang": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`);
    expect(half).toBe('ProbeError failure: context deadline exceeded (Client.Timeout or context cancellation while reading body)');
  }); // prettier-ignore
  it('ends with who asked for it', async () => {
    const controller = new AbortController();
    const asked = createProber(world, unasked)(askedOf(), 'liveness', { httpGet: { path: '/hang', port }, timeoutSeconds: 60 }, controller.signal);
    controller.abort(new Error('stopped'));
    await expect(asked).rejects.toThrow('stopped');
  }); // prettier-ignore
});

describe('a probe by TCP', () => {
  it('wants nothing but a connection', async () => {
    expect(await probe({ tcpSocket: { port } })).toBe('success: ');
    expect(await probe({ tcpSocket: { port: 'http' } })).toBe('success: ');
    expect(await probe({ tcpSocket: { port: closed } })).toBe(`failure: dial tcp 127.0.0.1:${closed}: connect: connection refused`);
    expect(await probe({ tcpSocket: { port: 70_000 } })).toBe('ProbeError unknown: invalid port number: 70000');
  }); // prettier-ignore
});

describe('a probe by gRPC', () => {
  const server = new grpc.Server();
  let health = 0;
  /** What it is asked decides what it says. */
  const check = (call: { readonly request: Buffer }, done: (error: object | null, answer?: Buffer) => void): void => {
    const service = call.request.subarray(2).toString();
    if (service === 'down') done(null, Buffer.from([8, 2]));
    else if (service === 'unknown') done({ code: 5, details: 'unknown service' });
    else if (service === 'none') done({ code: 12, details: 'nothing here' });
    else if (service !== 'hang') done(null, Buffer.from([8, 1]));
  };
  beforeAll(async () => {
    const through = (bytes: Buffer): Buffer => bytes;
    const method = { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, requestSerialize: through, requestDeserialize: through, responseSerialize: through, responseDeserialize: through }; // prettier-ignore
    server.addService({ check: method }, { check });
    health = await new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  });
  afterAll(() => server.forceShutdown());
  it.each([
    ['', 'success: service healthy'],
    ['down', 'failure: service unhealthy (responded with "NOT_SERVING")'],
    ['unknown', 'failure: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service'],
    ['none', 'failure: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): nothing here'],
    ['hang', 'failure: timeout: health rpc did not complete within 0.5s'],
  ])('of service %j: %s', async (service, said) =>
    expect(await probe({ grpc: { port: health, service }, timeoutSeconds: service === 'hang' ? 0.5 : 5 })).toBe(said)); // prettier-ignore
  it('of nobody is late', async () =>
    expect(await probe({ grpc: { port: closed }, timeoutSeconds: 0.2 })).toBe(`failure: timeout: failed to connect service "127.0.0.1:${closed}" within 0.2s: context deadline exceeded`)); // prettier-ignore
});

describe('a probe by command', () => {
  const spec: Probe = { exec: { command: ['cat', '$(A)', '$$(A)'] }, timeoutSeconds: 3 };
  const through = (ran: () => Promise<{ success: boolean; output: string }>, seen: unknown[] = []) =>
    probe(spec, { ...unasked, probe: async (...args) => (seen.push(args[0], args[2].exec?.command), ran()) });
  it('goes through the runtime, with the variables that are written out', async () => {
    const seen: unknown[] = [];
    expect(await through(async () => ({ success: true, output: 'x'.repeat(20_000) }), seen)).toHaveLength('success: '.length + 10_240);
    expect(seen).toEqual(['c-1', ['cat', 'one', '$(A)']]);
    expect(await through(async () => ({ success: false, output: 'no' }))).toBe('failure: no');
  }); // prettier-ignore
  it('that is late has failed; one that could not be run says nothing, after three times', async () => {
    const late = new GrpcError('DeadlineExceeded', 'x');
    expect(await through(() => Promise.reject(late))).toBe('failure: command timed out: "cat one $(A)" timed out after 3s');
    const seen: unknown[] = [];
    const broken = new GrpcError('Unknown', 'failed to exec');
    expect(await through(() => Promise.reject(broken), seen)).toBe('ProbeError unknown: rpc error: code = Unknown desc = failed to exec');
    expect(seen).toHaveLength(6);
  }); // prettier-ignore
});

describe('a hook', () => {
  const run = async (hook: LifecycleHandler, runtime: Runtime = unasked, signal = never) => {
    try {
      await createHooks(world, runtime)(askedOf(), 'postStart', hook, signal);
      return 'done';
    } catch (error) {
      return `${(error as RuntimeError).reason}: ${(error as Error).message}`;
    }
  };
  it('by HTTP is content with any answer', async () => {
    expect(await run({ httpGet: { path: '/status/500', port: 'http' } })).toBe('done');
    expect(heard.headers['user-agent']).toBe('kube-lifecycle/1.36');
    expect(await run({ httpGet: { path: '/x', port: closed } })).toBe(
      `PostStartHookError: HTTP lifecycle hook (/x) for Container "main" in Pod "web_shop(u-1)" failed - error: Get "http://127.0.0.1:${closed}/x": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
    );
  });
  it('that meets no TLS goes without, and without what proves who asks', async () => {
    const httpHeaders = [{ name: 'Authorization', value: 'secret' }, { name: 'X-A', value: '1' }]; // prettier-ignore
    expect(await run({ httpGet: { path: '/ok', port, scheme: 'HTTPS', httpHeaders } })).toBe('done');
    expect([heard.headers.authorization, heard.headers['x-a']]).toEqual([undefined, '1']);
    expect(told).toEqual([`LifecycleHTTPFallback: request to HTTPS lifecycle hook 127.0.0.1:${port} got HTTP response, retry with HTTP succeeded`]);
  }); // prettier-ignore
  it('by command goes through the runtime', async () => {
    const failure = Object.assign(new RuntimeError('PostStartHookError', "command 'a b' exited with 3: bad"), { output: 'out\nbad' }); // prettier-ignore
    const hook = { exec: { command: ['a', 'b'] } };
    expect(await run(hook, { ...unasked, runHook: async () => undefined })).toBe('done');
    expect(await run(hook, { ...unasked, runHook: () => Promise.reject(failure) })).toBe(
      String.raw`PostStartHookError: Exec lifecycle hook ([a b]) for Container "main" in Pod "web_shop(u-1)" failed - error: command 'a b' exited with 3: bad, message: "out\nbad"`,
    );
  });
  it('that waits ends with who asked for it; one of another sort is none', async () => {
    expect(await run({ sleep: { seconds: 0 } })).toBe('done');
    const controller = new AbortController();
    const waiting = run({ sleep: { seconds: 60 } }, unasked, controller.signal);
    controller.abort(new Error('the grace has passed'));
    expect(await waiting).toContain('the grace has passed');
    expect(await run({ tcpSocket: { port } })).toContain('PostStartHookError: Cannot run handler: invalid handler: ');
  });
});

describe('where a probe goes', () => {
  const container = { name: 'c', ports: [{ name: 'web', containerPort: 8080 }, { name: '81', containerPort: 9 }] }; // prettier-ignore
  it.each([
    [80, 80],
    ['web', 8080],
    ['81', 9],
    ['82', 82],
  ])('port %j is %i', (given, number) => expect(portOf(given, container)).toBe(number));
  it.each([
    ['/a b', '/a%20b'],
    ['a', '/a'],
    ['', ''],
    ['/%41?x y', '/%41?x%20y'],
    ['/%zz?x', '/%25zz%3Fx'],
    ['/é#f', '/%C3%A9'],
    ['?x', '?x'],
  ])('path %j is %s', (path, escaped) =>
    expect(urlOf(httpTarget({ path, port: 80, host: 'fd00::1' }, container, '', 'probe'))).toBe(`http://[fd00::1]:80${escaped}`)); // prettier-ignore
});
