import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureFrontProxy } from '../../../../ops/pki/front-proxy.ts';
import { authority, issue } from '../../../../ops/pki/issue.ts';
import { writerTo } from '../../../../ops/pki/kept.ts';
import { ensurePki, type Pki } from '../../../../ops/pki/pki.ts';
import { x509 } from '../../../../ops/pki/x509-library.ts';
import { httpsCall } from '../../testing/https-call.ts';
import { startServers, tempFolder, type TestServers } from '../../testing/servers.ts';

const HOUR_MS = 3_600_000;
let all: TestServers;
let pki: Pki;
const folder = tempFolder();
const stranger = tempFolder();
const read = (dir: string, name: string): string => readFileSync(join(dir, name), 'utf8');
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  await ensureFrontProxy(folder.path, Date.now());
  await ensureFrontProxy(stranger.path, Date.now());
  all = await startServers(1, { ...pki, frontProxyCa: read(folder.path, 'front-proxy-ca.crt') });
});
afterAll(async () => {
  await all.stop();
  folder.remove();
  stranger.remove();
});
const certificate = (dir: string): RequestOptions => ({
  cert: read(dir, 'front-proxy-client.crt'),
  key: read(dir, 'front-proxy-client.key'),
});
/** A certificate of the front proxy's authority for somebody else. */
async function issuedTo(subject: string): Promise<RequestOptions> {
  const ca = await authority(x509, folder.path, Date.now(), writerTo(folder.path), 'front-proxy-ca');
  return issue(x509, ca, subject, Date.now(), Date.now() + HOUR_MS, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
}
const REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const PATH = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
async function whoami(options: RequestOptions): Promise<unknown> {
  const { status, text } = await httpsCall(
    { port: all.servers[0]!.port, ca: pki.ca, method: 'POST', path: PATH, ...options },
    REVIEW,
  );
  return status === 201 ? (JSON.parse(text) as { status: { userInfo: unknown } }).status.userInfo : status;
}
const JANE = { 'X-Remote-User': 'jane', 'X-Remote-Group': ['a', 'b'], 'X-Remote-Extra-Scope': 'x' };
const IS_JANE = { username: 'jane', groups: ['a', 'b', 'system:authenticated'], extra: { scope: ['x'] } };

it('a front proxy is believed who asks, each time anew, and is nobody itself', async () => {
  const proxy = certificate(folder.path);
  expect(await whoami({ ...proxy, headers: JANE })).toEqual(IS_JANE);
  expect(await whoami({ ...proxy, headers: { 'X-Remote-User': 'joe' } })).toMatchObject({ username: 'joe' });
  expect(await whoami(proxy)).toBe(401);
  // What else it shows still counts.
  expect(await whoami({ ...proxy, headers: { authorization: 'Bearer secret' } })).toMatchObject({
    username: 'token-user',
  });
});
it('nobody else is', async () => {
  const admin = { cert: pki.adminCert, key: pki.adminKey };
  expect(await whoami({ ...admin, headers: JANE })).toMatchObject({ username: 'kubernetes-admin' });
  expect(await whoami({ headers: { ...JANE, authorization: 'Bearer secret' } })).toMatchObject({
    username: 'token-user',
  });
  expect(await whoami({ ...certificate(stranger.path), headers: JANE })).toBe(401);
  const other = await issuedTo('O=system:masters, CN=kubernetes-admin');
  expect(await whoami({ ...other, headers: JANE })).toBe(401);
  expect(await whoami(other)).toBe(401);
});
