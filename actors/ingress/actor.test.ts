import { createServer, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { realWorld } from '../../bus/real-world.ts';
import { until } from '../../bus/testing/until.ts';
import type { Bus } from '../../bus/bus.ts';
import { hostNames, selfSigned } from '../../ops/pki/issue.ts';
import { x509 } from '../../ops/pki/x509-library.ts';
import type { Event, Secret } from '../../schemas/generated/core-v1.ts';
import type { Ingress, IngressClass } from '../../schemas/generated/networking-v1.ts';
import { endpointSlices, events, secrets, services } from '../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../runtime/testing/fake-api.ts';
import { startIngress, type IngressController, type IngressOptions } from './actor.ts';
import { ingressClasses, ingresses } from './reconcile.ts';
import { ingress, service, slice } from './testing/objects.ts';

const world = realWorld({ level: 'silent' });
const hub = createMemoryHub({ world });
const made: Promise<Readonly<Record<string, { cert: string; key: string }>>> = (async () => {
  const of = async (name: string) =>
    [name, await selfSigned(x509, `CN=${name}`, Date.now(), Date.now() + 1e9, [hostNames(x509, [name])])] as const;
  return Object.fromEntries(await Promise.all(['fallback.test', 'a.test', 'b.test', '*.w.test'].map(of)));
})();
let api: FakeApi;
let backend: ReturnType<typeof createServer>;
let running: { readonly controller: IngressController; readonly bus: Bus }[];
let count = 0;

function start(more: Partial<IngressOptions> = {}): IngressController {
  const id = `ingress-${++count}`;
  const bus = hub.connect(id);
  const at = { host: '127.0.0.1', port: 0 };
  const controller = startIngress({
    world, bus, id, http: at, https: at, client: api.client('ingress'), fallback: async () => (await made)['fallback.test']!,
    dial: () => new Promise((resolve) => {
      const socket = connectTcp({ host: '127.0.0.1', port: (backend.address() as AddressInfo).port }, () => resolve(socket));
    }),
    ...more,
  }); // prettier-ignore
  running.push({ controller, bus });
  return controller;
}
beforeEach(async () => {
  api = fakeApi(world);
  running = [];
  backend = createServer((asked, response) =>
    response.end(`backend of ${asked.headers.host} by ${asked.headers['x-forwarded-proto']}`),
  );
  await new Promise<void>((done) => backend.listen(0, '127.0.0.1', done));
  const client = api.client();
  await client.create(services, service('web'));
  await client.create(endpointSlices, slice('web', { '10.0.0.1': {} }));
});
afterEach(async () => {
  for (const { controller, bus } of running) {
    await controller.stop();
    await bus.drain();
  }
  backend.closeAllConnections();
  await new Promise((done) => backend.close(done));
});
const get = (port: number, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, headers: { host }, agent: false }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body.trim()}`), reject);
    });
    asked.on('error', reject).end();
  });
/** Common name of the certificate that is shown to who asks for this name. */
const shown = (port: number, servername: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
const secret = (name: string, pair: { cert: string; key: string }): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': Buffer.from(pair.cert).toString('base64'), 'tls.key': Buffer.from(pair.key).toString('base64') },
});
const told = (name = 'i') => api.object<Ingress>(ingresses, `default/${name}`)?.status?.loadBalancer?.ingress;
const eventsOf = () =>
  api
    .objects<Event>(events)
    .filter((e) => e.involvedObject.kind === 'Ingress')
    .map((e) => `${e.type} ${e.reason} ${e.message}`);

describe('an ingress controller', () => {
  it('serves what it is told of while it runs, makes its class, and tells where', async () => {
    const controller = start();
    await controller.ready;
    const { http, https } = controller.ports;
    expect(await get(http, 'x.test')).toBe('404 default backend - 404');
    await until(() => api.objects<IngressClass>(ingressClasses).length === 1);
    const client = api.client();
    const { metadata } = await client.create(ingresses, ingress('i', { 'x.test': ['/ -> web:80'] }));
    await until(async () => (await get(http, 'x.test')) === '200 backend of x.test by http');
    await until(() => told() !== undefined);
    expect(told()).toEqual([{ ip: '127.0.0.1', ports: [http, https].map((port) => ({ port, protocol: 'TCP' })) }]);
    await until(() => eventsOf().length === 1);
    expect(eventsOf()).toEqual(['Normal Sync Scheduled for sync']);
    await client.patch(ingresses, 'i', 'default', 'merge', { spec: { ingressClassName: 'other' } });
    await until(() => told() === undefined);
    await until(async () => (await get(http, 'x.test')).startsWith('404'));
    await client.patch(ingresses, 'i', 'default', 'merge', { spec: { ingressClassName: 'kubus' } });
    await until(() => told() !== undefined);
    await client.delete(ingresses, metadata.name!, 'default');
    await until(async () => (await get(http, 'x.test')).startsWith('404'));
  });
  it('is at most one that writes; another goes on when it ends', async () => {
    const [one, two] = [start(), start()];
    await Promise.all([one.ready, two.ready]);
    await until(() => [one, two].filter((c) => c.state().includes('leading')).length === 1);
    const [leader, other] = one.state().includes('leading') ? [one, two] : [two, one];
    await api.client().create(ingresses, ingress('i', { 'x.test': ['/ -> web:80'] }));
    await until(async () => (await get(other.ports.http, 'x.test')).startsWith('200'));
    await until(() => told()?.[0]?.ports?.[0]?.port === leader.ports.http);
    await leader.stop();
    await until(() => told()?.[0]?.ports?.[0]?.port === other.ports.http);
    expect(await get(other.ports.http, 'x.test')).toMatch(/^200/);
  });
  it('says why it cannot start', async () => {
    const { port } = backend.address() as AddressInfo;
    await expect(start({ http: { host: '127.0.0.1', port } }).ready).rejects.toThrow('EADDRINUSE');
  });
});

describe('certificates', () => {
  it('are shown by the name that is asked for, and followed when they change', async () => {
    const pairs = await made;
    const client = api.client();
    await client.create(secrets, secret('a', pairs['a.test']!));
    await client.create(secrets, secret('w', pairs['*.w.test']!));
    await client.create(secrets, secret('unrelated', pairs['b.test']!));
    const tls = [{ hosts: ['a.test'], secretName: 'a' }, { hosts: ['*.w.test'], secretName: 'w' }, { hosts: ['late.test'], secretName: 'late' }]; // prettier-ignore
    const controller = start();
    await controller.ready;
    const { https } = controller.ports;
    await until(() => api.objects<IngressClass>(ingressClasses).length === 1);
    await client.create(ingresses, ingress('i', { 'a.test': ['/ -> web:80'] }, { tls }));
    await until(async () => (await shown(https, 'A.test')) === 'a.test');
    await until(async () => (await shown(https, 'x.w.test')) === '*.w.test');
    expect(await shown(https, 'nobody.test')).toBe('fallback.test');
    expect(await shown(https, 'late.test')).toBe('fallback.test');
    await until(() => eventsOf().some((e) => e.includes('MissingSecret')));
    await client.create(secrets, secret('late', pairs['b.test']!));
    await until(async () => (await shown(https, 'late.test')) === 'b.test');
    await client.patch(secrets, 'a', 'default', 'merge', { data: secret('a', pairs['b.test']!).data });
    await until(async () => (await shown(https, 'a.test')) === 'b.test');
    expect(api.calls.filter((c) => c.caller === 'ingress' && c.resource === 'secrets' && c.name === '' && c.namespace === '')).toEqual([]); // prettier-ignore
  });
  it('that are broken are told of, and the rest goes on', async () => {
    const pairs = await made;
    const client = api.client();
    await client.create(secrets, secret('mixed', { cert: pairs['a.test']!.cert, key: pairs['b.test']!.key }));
    await client.create(secrets, { ...secret('empty', pairs['a.test']!), data: {} });
    const controller = start();
    await controller.ready;
    await until(() => api.objects<IngressClass>(ingressClasses).length === 1);
    const tls = ['mixed', 'empty'].map((secretName) => ({ hosts: [`${secretName}.test`], secretName }));
    await client.create(ingresses, ingress('i', { 'mixed.test': ['/ -> web:80'] }, { tls }));
    await until(() => eventsOf().filter((e) => e.startsWith('Warning InvalidCertificate')).length === 2);
    expect(eventsOf().join('\n')).not.toContain('PRIVATE');
    expect(await shown(controller.ports.https, 'mixed.test')).toBe('fallback.test');
    expect(await get(controller.ports.http, 'mixed.test')).toMatch(/^200/);
    await client.patch(secrets, 'mixed', 'default', 'merge', { data: secret('mixed', pairs['a.test']!).data });
    await until(async () => (await shown(controller.ports.https, 'mixed.test')) === 'a.test');
  });
  it('serve HTTP/2, and the backend hears that it was', async () => {
    const controller = start();
    await controller.ready;
    await until(() => api.objects<IngressClass>(ingressClasses).length === 1);
    await api.client().create(ingresses, ingress('i', { 'x.test': ['/ -> web:80'] }));
    await until(async () => (await get(controller.ports.http, 'x.test')).startsWith('200'));
    const session = connectHttp2(`https://127.0.0.1:${controller.ports.https}`, {
      servername: 'x.test',
      rejectUnauthorized: false,
    });
    const ask = async (headers: Record<string, string>, body?: string): Promise<string> => {
      const stream = session.request({ ':path': '/', ':authority': 'x.test', ...headers });
      let status = 0;
      stream.on('response', (head) => (status = Number(head[':status'])));
      stream.end(body);
      return `${status || 'no'} ${await text(stream)}`.replace(/^no/, String(status));
    };
    const answers = await Promise.all([
      ask({}),
      ask({ ':method': 'POST' }, 'some body'),
      ask({ ':authority': 'y.test' }),
    ]);
    expect(answers[0]).toContain('backend of x.test by https');
    expect(answers[1]).toContain('backend of x.test by https');
    expect(answers[2]).toContain('default backend - 404');
    session.destroy();
  });
});
