import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as x509 from '@peculiar/x509';
import { reasonOf } from '../../schemas/meta/status.ts';
import { createCredentials } from '../credentials.ts';
import type { Credentials } from '../credentials.ts';
import { realWorld } from '../real-world.ts';
import { connectNats } from './connect.ts';
import { natsServerConfig } from './server-config.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** A certificate that vouches for 127.0.0.1 by itself, and its key; PEM. */
async function selfSigned(): Promise<{ cert: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=nats',
      keys,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ],
    },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` };
}

describe('a bus over TLS', () => {
  const world = realWorld({ level: 'silent' });
  const dir = mkdtempSync(join(tmpdir(), 'kubus-tls-'));
  let server: TestServer;
  let credentials: Credentials;
  beforeAll(async () => {
    const { cert, key } = await selfSigned();
    const [certFile, keyFile] = [join(dir, 'nats.crt'), join(dir, 'nats.key')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    const made = createCredentials({ role: 'console' }, { urls: [], ca: cert });
    server = await startTestServer(({ port }) =>
      natsServerConfig({ port, users: [made.user], tls: { certFile, keyFile } }),
    );
    credentials = { ...made.credentials, urls: [server.url] };
  });
  afterAll(async () => {
    await server.stop();
    rmSync(dir, { recursive: true });
  });

  it('is reached by whoever knows the authority', async () => {
    const bus = await connectNats({ world, name: 'console', credentials });
    await bus.flush();
    await bus.drain();
  });
  it('is not trusted by whoever knows another', async () => {
    const { cert } = await selfSigned();
    const outcome = connectNats({
      world,
      name: 'console',
      credentials: { ...credentials, ca: cert },
      connectTimeoutMs: 300,
    });
    await expect(outcome).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
  });
  it('is not trusted under a name that its certificate does not bear', async () => {
    const urls = credentials.urls.map((url) => url.replace('127.0.0.1', 'localhost'));
    const outcome = connectNats({
      world,
      name: 'console',
      credentials: { ...credentials, urls },
      connectTimeoutMs: 300,
    });
    await expect(outcome).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
  });
});
