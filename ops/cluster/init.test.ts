import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { natsServerBinary } from '../nats/find.ts';
import { parse } from 'yaml';
import { initCluster, type InitOptions } from './init.ts';

const NOW = Date.UTC(2026, 0, 1);
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'kubus-init-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const init = (changes: Partial<InitOptions> = {}): ReturnType<typeof initCluster> =>
  initCluster({
    name: 'demo', data, hosts: ['kube.example.org'], port: 7443, nats: ['nats-1', 'nats-2', 'nats-3'], now: NOW, ...changes,
  }); // prettier-ignore
const files = (): string[] =>
  readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => relative(data, join(e.parentPath, e.name)))
    .toSorted();
const content = (): Map<string, string> => new Map(files().map((f) => [f, readFileSync(join(data, f), 'utf8')]));

describe('folders of a cluster whose processes run apart', () => {
  it('hold for each role what it needs and nothing else', async () => {
    const { folders } = await init();
    const nats = ['ca.crt', 'nats-server.conf', 'server.crt', 'server.key'];
    const seen = Map.groupBy(files(), (file) => file.split('/')[0]!);
    const own = (role: string): string[] => seen.get(role)!.map((file) => file.slice(role.length + 1));
    expect(own('etcd')).toEqual(['cluster.json', 'credentials/etcd.json']);
    expect(own('scheduler')).toEqual(['cluster.json', 'credentials/scheduler.json']);
    expect(own('controller-manager')).toEqual([
      'cluster.json',
      'credentials/controller-manager.json',
      'pki/ca.crt',
      'pki/secret-tokens.key',
    ]);
    expect(own('apiserver')).toEqual([
      'cluster.json', 'credentials/apiserver.json', 'pki/apiserver.crt', 'pki/apiserver.key', 'pki/ca.crt', 'pki/front-proxy-ca.crt', 'pki/front-proxy-client.crt', 'pki/front-proxy-client.key', 'pki/sa.key', 'pki/secret-tokens.pub',
    ]); // prettier-ignore
    expect(own('certificate-signer')).toEqual([
      'cluster.json',
      'credentials/certificate-signer.json',
      'pki/ca.crt',
      'pki/ca.key',
    ]);
    expect(own('nodes')).toEqual(['pki/bus-ca.crt']);
    expect(own('balancer')).toEqual(['pki/ca.crt']);
    expect(own('admin')).toEqual(['cluster.json', 'credentials/admin.json', 'kubeconfig']);
    expect(own('store-reader')).toEqual(['cluster.json', 'credentials/store-reader.json']);
    for (const name of ['nats-1', 'nats-2', 'nats-3']) expect(own(name)).toEqual(nats);
    expect(Object.keys(folders).toSorted()).toEqual([...seen.keys()].toSorted());
  });

  it('keep every secret with its owner: no key and no seed is in two folders but the one of the authority', async () => {
    await init();
    const secrets = /S[UAX][A-Z2-7]{56}|-----BEGIN PRIVATE KEY-----[^-]+/g;
    const owners = new Map<string, Set<string>>();
    for (const [file, text] of content())
      for (const secret of text.match(secrets) ?? [])
        owners.set(secret, (owners.get(secret) ?? new Set()).add(file.split('/')[0]!));
    expect(owners.size).toBeGreaterThan(15);
    for (const folders of owners.values()) {
      folders.delete('authority');
      expect(folders.size).toBeLessThanOrEqual(1);
    }
    // The servers know public keys alone.
    for (const [file, text] of content()) if (file.endsWith('.conf')) expect(text).not.toMatch(/S[UAX][A-Z2-7]{56}/);
  });

  it('can be read by their owner alone', async () => {
    await init();
    for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o077]).toEqual([entry.name, 0]);
    }
  });

  it('stay as they are when all is good, and get what is missing', async () => {
    expect((await init()).changed).toBe(true);
    const before = content();
    expect((await init()).changed).toBe(false);
    expect(content()).toEqual(before);
    rmSync(join(data, 'etcd'), { recursive: true });
    rmSync(join(data, 'nats-2/server.key'));
    expect((await init()).changed).toBe(true);
    expect(content()).toEqual(before);
  });

  it('follow new host names and coming expiry; keys that others trust outlive both', async () => {
    await init();
    const before = content();
    const certificate = (file: string): X509Certificate => new X509Certificate(readFileSync(join(data, file)));
    await init({ hosts: ['other.example.org', '10.0.0.9'] });
    expect(certificate('apiserver/pki/apiserver.crt').checkHost('other.example.org')).toBe('other.example.org');
    expect(certificate('console/pki/console.crt').checkIP('10.0.0.9')).toBe('10.0.0.9');
    expect(readFileSync(join(data, 'admin/kubeconfig'), 'utf8')).toContain('https://other.example.org:7443');
    const later = NOW + 350 * 86_400_000;
    await init({ now: later });
    for (const file of ['apiserver/pki/apiserver.crt', 'console/pki/console.crt', 'nats-1/server.crt'])
      expect(Date.parse(certificate(file).validTo)).toBeGreaterThan(later + 300 * 86_400_000);
    const after = content();
    for (const file of [
      'apiserver/pki/ca.crt',
      'apiserver/pki/sa.key',
      'controller-manager/pki/secret-tokens.key',
      'nodes/pki/bus-ca.crt',
      'etcd/credentials/etcd.json',
    ])
      expect(after.get(file), file).toBe(before.get(file));
  });

  it.each([
    ['an even number of servers', { nats: ['a', 'b'] }, /1, 3 or 5/],
    ['a server twice', { nats: ['a', 'a', 'b'] }, /different/],
    ['no server', { nats: [] }, /1, 3 or 5/],
    ['a server that is no host', { nats: ['nats://a'] }, /host:port/],
    ['a port that is none', { nats: ['a:99999'] }, /host:port/],
    ['no host', { hosts: [] }, /--hosts/],
    ['services anywhere', { serviceClusterIpRange: ['10.96.0.0'] }, /--service-cluster-ip-range/],
    ['pods in a range that is none', { clusterCidr: ['10.244.0.0/33'] }, /--cluster-cidr/],
    ['an add-on that is none', { addons: ['nope'] }, /--addons knows no add-on "nope"/],
    ['a name that is none', { name: 'Not A Name' }, /cannot name a cluster/],
  ] satisfies [string, Partial<InitOptions>, RegExp][])('refuse %s', async (_, changes, message) => {
    await expect(init(changes)).rejects.toThrow(message);
    expect(files()).toEqual([]);
  });

  it('say where addresses of services and pods come from, once and for all later runs', async () => {
    const [services, pods] = [
      ['10.32.0.0/16', 'fd00:32::/112'],
      ['10.200.0.0/16', 'fd00:200::/48'],
    ];
    await init({ serviceClusterIpRange: services, clusterCidr: pods });
    expect((await init()).changed).toBe(false);
    for (const role of ['apiserver', 'controller-manager', 'dns'])
      expect(JSON.parse(readFileSync(join(data, role, 'cluster.json'), 'utf8'))).toMatchObject({ serviceCidrs: services, clusterCidrs: pods }); // prettier-ignore
    const certificate = new X509Certificate(readFileSync(join(data, 'apiserver/pki/apiserver.crt')));
    for (const ip of ['10.32.0.1', 'fd00:32::1']) expect(certificate.checkIP(ip), ip).toBe(ip);
  });

  it('have nodes wait for a cloud only where somebody says that there will be one', async () => {
    const addons = (): unknown => (JSON.parse(readFileSync(join(data, 'node-authenticator/cluster.json'), 'utf8')) as { addons: unknown }).addons; // prettier-ignore
    await init();
    expect(addons()).toEqual(['metrics']);
    await init({ addons: ['cloud', 'metrics'] });
    expect(addons()).toEqual(['cloud', 'metrics']);
    expect((await init()).changed).toBe(false);
    await init({ addons: ['none'] });
    expect(addons()).toEqual([]);
  });

  it('belong to one cluster', async () => {
    await init();
    await expect(init({ name: 'another' })).rejects.toThrow(/the keys of cluster "demo"/);
  });

  it('tell each nats-server its name, its routes with TLS, and whom to let in', async () => {
    await init();
    const binary = await natsServerBinary();
    for (const name of ['nats-1', 'nats-2', 'nats-3']) {
      const file = join(data, name, 'nats-server.conf');
      expect(() => execFileSync(binary, ['-t', '-c', file], { stdio: 'pipe' })).not.toThrow();
      const config = JSON.parse(readFileSync(file, 'utf8')) as Config;
      expect(config.server_name).toBe(name);
      expect(config.cluster.routes).toHaveLength(3);
      expect(config.cluster.tls.verify).toBe(true);
      expect(config.tls.cert_file).toBe(join(data, name, 'server.crt'));
      expect(config.authorization.users.length).toBeGreaterThan(5);
      expect(config.http).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

interface Config {
  readonly server_name: string;
  readonly http: string;
  readonly tls: { readonly cert_file: string };
  readonly cluster: { readonly routes: string[]; readonly tls: { readonly verify: boolean } };
  readonly authorization: { readonly users: unknown[] };
}

it('have each a volume in the compose file, and a folder in the image whose owner may write to it', async () => {
  const { folders } = await init();
  const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
    services: { init: { volumes: string[] } };
    volumes: Record<string, unknown>;
  };
  const names = Object.keys(folders).toSorted();
  expect(compose.services.init.volumes.toSorted()).toEqual(names.map((name) => `${name}:/cluster/${name}`));
  expect(Object.keys(compose.volumes).toSorted()).toEqual(names);
  const made = /mkdir ((?:[^&]|\\\n)+?)\/var/.exec(readFileSync('Dockerfile', 'utf8').split('cd /cluster')[1]!)![1]!;
  expect(
    made
      .split(/[\s\\]+/)
      .filter(Boolean)
      .toSorted(),
  ).toEqual(names);
});

it('hands what the API servers encrypt and note to their folder alone', async () => {
  const encryptionConfig = join(data, 'encryption.yaml');
  const auditPolicyFile = join(data, 'policy.yaml');
  const key = Buffer.alloc(32, 7).toString('base64');
  writeFileSync(
    encryptionConfig,
    `kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources: [{resources: [secrets], providers: [{secretbox: {keys: [{name: a, secret: ${key}}]}}]}]`,
  );
  writeFileSync(auditPolicyFile, 'kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Metadata}]');
  await init({ encryptionConfig, audit: { auditPolicyFile, auditLogPath: '-' } });
  const own = 'apiserver/pki/encryption-config.yaml';
  const holders = (): string[] =>
    files().filter((f) => f.endsWith('encryption-config.yaml') || f.endsWith('audit.json'));
  expect(holders()).toEqual([
    'apiserver/audit.json', own, 'authority/audit.json', 'authority/pki/encryption-config.yaml',
  ]); // prettier-ignore
  // What was given once is kept.
  expect((await init()).changed).toBe(false);
  expect(content().get(own)).toContain(key);
  await expect(init({ encryptionConfig: auditPolicyFile })).rejects.toThrow(/no kind "Policy" is registered/);
});
