import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePki } from './pki.ts';

const NOW = Date.now();
const DAY_MS = 86_400_000;
const HOSTS = ['127.0.0.1', '::1', 'localhost'];
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-pki-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("a cluster's keys", () => {
  it('are made once, for their owner alone, and go together', async () => {
    const pki = await ensurePki(dir, HOSTS, NOW);
    expect(await ensurePki(dir, ['localhost'], NOW)).toEqual(pki);
    expect(readdirSync(dir).map((f) => statSync(join(dir, f)).mode & 0o777)).toEqual(readdirSync(dir).map(() => 0o600));
    const ca = new X509Certificate(pki.ca);
    const server = new X509Certificate(pki.serverCert);
    const admin = new X509Certificate(pki.adminCert);
    for (const certificate of [server, admin]) expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect([server.checkIP('127.0.0.1'), server.checkIP('::1')]).toEqual(['127.0.0.1', '::1']);
    expect(admin.subject.split('\n').sort()).toEqual(['CN=kubernetes-admin', 'O=system:masters']);
  });
  it.each<[string, number, readonly string[]]>([
    ['when they are about to expire', NOW + 340 * DAY_MS, HOSTS],
    ['for a host that is new', NOW, [...HOSTS, '192.0.2.1']],
  ])('are renewed %s; authority and signing key stay', async (_why, now, hosts) => {
    const before = await ensurePki(dir, HOSTS, NOW);
    const after = await ensurePki(dir, hosts, now);
    expect([after.ca, after.serviceAccountKey]).toEqual([before.ca, before.serviceAccountKey]);
    expect(after.serverCert).not.toBe(before.serverCert);
    expect(new X509Certificate(after.adminCert).verify(new X509Certificate(before.ca).publicKey)).toBe(true);
  });
  it('are renewed when nobody can tell until when they are good', async () => {
    const before = await ensurePki(dir, HOSTS, NOW);
    writeFileSync(join(dir, 'issued.json'), '{"until":');
    const after = await ensurePki(dir, HOSTS, NOW);
    expect(after.ca).toBe(before.ca);
    expect(after.serverCert).not.toBe(before.serverCert);
  });
  it.each(['ca.crt', 'apiserver.crt', 'apiserver.key', 'admin.crt', 'admin.key', 'sa.key'])(
    'with a damaged %s are refused by name',
    async (file) => {
      await ensurePki(dir, HOSTS, NOW);
      writeFileSync(join(dir, file), readFileSync(join(dir, file), 'utf8').slice(0, 40));
      await expect(ensurePki(dir, HOSTS, NOW)).rejects.toThrow(`${file} is damaged`);
    },
  );
  it("are refused with somebody else's key", async () => {
    await ensurePki(dir, HOSTS, NOW);
    writeFileSync(join(dir, 'admin.key'), readFileSync(join(dir, 'apiserver.key'), 'utf8'));
    await expect(ensurePki(dir, HOSTS, NOW)).rejects.toThrow('admin.key is not the key of admin.crt');
  });
});
