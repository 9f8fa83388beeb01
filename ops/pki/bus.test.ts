import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCredentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import { startTestServer, type TestServer } from '../../bus/nats/testing/server.ts';
import { realWorld } from '../../bus/real-world.ts';
import * as subjects from '../../bus/subjects.ts';
import { freePort } from '../cluster/ports.ts';
import { eventually } from '../testing/cluster.ts';
import { ensureBusPki } from './bus.ts';
import { ensurePki } from './pki.ts';

const NOW = Date.now();
const DAY_MS = 86_400_000;
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-bus-pki-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const serialOf = (file: string): string => new X509Certificate(readFileSync(file)).serialNumber;

describe('certificates of nats-servers', () => {
  const hosts = { one: ['one.example', '127.0.0.1'], two: ['two.example'] };
  it('are made once, for their owner alone, by an authority that is not that of the cluster', async () => {
    const at = join(dir, 'once');
    const pki = await ensureBusPki(at, hosts, NOW);
    const { one, two } = pki.servers;
    const ca = new X509Certificate(pki.ca);
    const cert = new X509Certificate(readFileSync(one!.certFile));
    expect(cert.verify(ca.publicKey)).toBe(true);
    expect([cert.checkHost('one.example'), cert.checkIP('127.0.0.1')]).toEqual(['one.example', '127.0.0.1']);
    expect(cert.checkHost('two.example')).toBeUndefined();
    for (const file of readdirSync(at)) expect(statSync(join(at, file)).mode & 0o777, file).toBe(0o600);
    const before = [one, two].map((s) => serialOf(s!.certFile));
    await ensureBusPki(at, hosts, NOW);
    expect([one, two].map((s) => serialOf(s!.certFile))).toEqual(before);
    const cluster = await ensurePki(at, ['127.0.0.1'], NOW);
    expect(new X509Certificate(cluster.serverCert).verify(ca.publicKey)).toBe(false);
  });
  it('are renewed when their time comes, or a host was added; the authority stays', async () => {
    const at = join(dir, 'renewed');
    const { ca, servers } = await ensureBusPki(at, hosts, NOW);
    const before = serialOf(servers['one']!.certFile);
    const added = await ensureBusPki(at, { ...hosts, two: ['two.example', 'deux.example'] }, NOW);
    expect(serialOf(added.servers['one']!.certFile)).toBe(before);
    expect(new X509Certificate(readFileSync(added.servers['two']!.certFile)).checkHost('deux.example')).toBeDefined();
    const later = await ensureBusPki(at, hosts, NOW + 340 * DAY_MS);
    expect(serialOf(later.servers['one']!.certFile)).not.toBe(before);
    expect(later.ca).toBe(ca);
  });
  it('are made anew where one is damaged or lies beside the key of another', async () => {
    const at = join(dir, 'damaged');
    const { ca, servers } = await ensureBusPki(at, hosts, NOW);
    const { one, two } = servers;
    const before = [one, two].map((s) => readFileSync(s!.certFile, 'utf8'));
    writeFileSync(one!.certFile, before[0]!.slice(0, 40));
    writeFileSync(two!.keyFile, readFileSync(one!.keyFile));
    expect((await ensureBusPki(at, hosts, NOW)).ca).toBe(ca);
    for (const [i, { certFile }] of [one!, two!].entries()) {
      expect(readFileSync(certFile, 'utf8')).not.toBe(before[i]);
      expect(new X509Certificate(readFileSync(certFile)).verify(new X509Certificate(ca).publicKey)).toBe(true);
    }
  });
  it('are not made by another authority when the key of theirs is missing', async () => {
    const at = join(dir, 'keyless');
    const { ca, caFile } = await ensureBusPki(at, hosts, NOW);
    rmSync(join(at, 'bus-ca.key'));
    expect((await ensureBusPki(at, hosts, NOW)).ca).toBe(ca);
    await expect(ensureBusPki(at, { ...hosts, three: ['three.example'] }, NOW)).rejects.toThrow(
      /^bus-ca\.key is missing/,
    );
    expect(readFileSync(caFile, 'utf8')).toBe(ca);
  });
});

describe('three nats-servers with TLS to clients and to each other', () => {
  const names = ['a', 'b', 'c'] as const;
  const servers: TestServer[] = [];
  const world = realWorld({ level: 'silent' });
  let routes: string[];
  let ca: string;
  const scheduler = createCredentials({ role: 'scheduler' }, { urls: [] });
  const apiserver = createCredentials({ role: 'apiserver' }, { urls: [] });
  const start = async (name: string, routePort: number, tls: { certFile: string; keyFile: string; caFile: string }) => {
    const server = await startTestServer(({ port }) =>
      natsServerConfig({
        port, tls, serverName: name, users: [scheduler.user, apiserver.user],
        cluster: { name: 'test', listen: `127.0.0.1:${routePort}`, routes, tls },
      }),
    ); // prettier-ignore
    servers.push(server);
    return server;
  };
  beforeAll(async () => {
    const pki = await ensureBusPki(dir, Object.fromEntries(names.map((name) => [name, ['127.0.0.1']])), NOW);
    ca = pki.ca;
    const ports = await Promise.all(names.map(() => freePort()));
    routes = ports.map((port) => `nats://127.0.0.1:${port}`);
    for (const [i, name] of names.entries())
      await start(name, ports[i]!, { ...pki.servers[name]!, caFile: pki.caFile });
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
  });
  const connect = (url: string, credentials: typeof scheduler.credentials) =>
    connectNats({ world, name: credentials.role, credentials: { ...credentials, urls: [url], ca } });
  const ask = subjects.api({ caller: 'scheduler', verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: '', name: 'x' }); // prettier-ignore

  it('carry requests from one to the other', async () => {
    const server = await connect(servers[0]!.url, apiserver.credentials);
    const client = await connect(servers[2]!.url, scheduler.credentials);
    server.serve(subjects.apiOf('*'), 'apiserver', (message) => message.body);
    await server.flush();
    await eventually('an answer over a route', async () => (await client.request(ask, 7)) === 7 || undefined);
    await Promise.all([server.drain(), client.drain()]);
  });
  it('let no server in whose certificate is of another authority, not even the cluster’s', async () => {
    const pki = await ensurePki(join(dir, 'cluster'), ['127.0.0.1'], NOW);
    expect(pki.serverCert).toContain('BEGIN');
    const file = (name: string): string => join(dir, 'cluster', name);
    const foreign = {
      certFile: file('apiserver.crt'),
      keyFile: file('apiserver.key'),
      caFile: join(dir, 'bus-ca.crt'),
    };
    const intruder = await start('intruder', await freePort(), foreign);
    const server = await connect(servers[0]!.url, apiserver.credentials);
    server.serve(subjects.apiOf('*'), 'apiserver', (message) => message.body);
    await server.flush();
    // Its own clients do not trust it either; these take any certificate.
    const client = await connectNats({
      world, name: 'scheduler', credentials: { ...scheduler.credentials, urls: [intruder.url], ca: pki.ca },
    }); // prettier-ignore
    const routed = async (): Promise<boolean> => client.request(ask, 7, { timeoutMs: 500 }).then(() => true, () => false); // prettier-ignore
    for (let i = 0; i < 5; i++) expect(await routed()).toBe(false);
    await Promise.all([server.drain(), client.drain()]);
  });
});
