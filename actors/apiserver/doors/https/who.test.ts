import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import type { TokenAuthenticator } from '../../authentication/tokens.ts';
import { httpsCall } from '../../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

const folder = tempFolder();
let pki: TestPki;
let servers: TestServers;
let asked: string[] = [];
/** Somebody elsewhere: knows one token, hangs on none. */
const authenticate: TokenAuthenticator = (token, audiences) => {
  asked.push(token);
  if (token === 'known') return Promise.resolve({ user: { name: 'far', groups: ['system:masters'] }, audiences });
  return Promise.resolve(token === 'bad' ? { user: undefined, error: 'no good' } : { user: undefined });
};
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  const authentication = {
    anonymous: { enabled: true, paths: new Set(['/readyz', '/version']) },
    remote: [() => ({ authenticate, stop: () => undefined })],
  };
  servers = await startServers(1, pki, () => ({ authentication }));
});
afterAll(async () => {
  await servers.stop();
  folder.remove();
});
const call = async (path: string, headers: Record<string, string> = {}, more: object = {}, body?: unknown) => {
  const { port } = servers.servers[0]!;
  return httpsCall({ host: '127.0.0.1', port, ca: pki.ca, path, headers, method: 'GET', ...more }, body);
};
const codeOf = async (...args: Parameters<typeof call>): Promise<number> => (await call(...args)).status;

it.each([
  ['/readyz', 200],
  ['/readyz?verbose', 200],
  ['/version', 200],
  ['/readyz/ping', 401],
  ['//readyz', 401],
  ['/api', 401],
  ['/api/v1/pods', 401],
])('who shows nothing is somebody at %s: %d', async (path, code) => {
  expect(await codeOf(path)).toBe(code);
});
it('who shows something bad is nobody anywhere', async () => {
  expect(await codeOf('/version', { authorization: 'Bearer junk' })).toBe(401);
  expect(await codeOf('/version', { authorization: 'Basic YTpi' })).toBe(200);
});
it('somebody elsewhere is asked whose a token is that nobody here knows, and once for a while', async () => {
  asked = [];
  for (let i = 0; i < 3; i++) expect(await codeOf('/api/v1/pods', { authorization: 'Bearer known' })).toBe(200);
  expect(await codeOf('/api/v1/pods', { authorization: 'Bearer secret' })).toBe(200);
  expect(asked).toEqual(['known']);
  for (let i = 0; i < 2; i++) expect(await codeOf('/api/v1/pods', { authorization: 'Bearer bad' })).toBe(401);
  expect(asked).toEqual(['known', 'bad', 'bad']);
});
it('a browser shows its token as a protocol', async () => {
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('known').toString('base64url')}`;
  const as = (protocols: string): Promise<number> =>
    codeOf('/api/v1/pods', { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': protocols });
  // It is somebody, who asks for what is no WebSocket.
  expect(await as(`${token}, v5.channel.k8s.io`)).not.toBe(401);
  expect(await as('v5.channel.k8s.io')).toBe(401);
  expect(await as(token)).toBe(401);
});
it('a review asks all of them, tells why, and for whom', async () => {
  const certificate = { cert: pki.adminCert, key: pki.adminKey, method: 'POST' };
  const review = async (token: string, audiences?: readonly string[]) => {
    const body = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: { token, audiences } };
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const { text } = await call(path, { 'content-type': 'application/json' }, certificate, body);
    return (JSON.parse(text) as { readonly status: object }).status;
  };
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  expect(await review('known')).toEqual({ authenticated: true, user: { username: 'far', groups: ['system:masters'] }, audiences: [issuer] });
  expect(await review('known', ['x'])).toMatchObject({ authenticated: true, audiences: ['x'] });
  expect(await review('bad')).toEqual({ user: {}, error: '[invalid bearer token, no good]' });
  expect(await review('nobody')).toEqual({ user: {}, error: 'invalid bearer token' });
  // Tokens that say nothing of audiences are for the API server.
  expect(await review('secret')).toMatchObject({ user: { username: 'token-user' }, audiences: [issuer] });
  expect(await review('secret', ['x'])).toEqual({ user: {}, error: 'invalid bearer token' });
}); // prettier-ignore
it('is counted, without names', async () => {
  await codeOf('/api');
  const { text } = await call('/metrics', {}, { cert: pki.adminCert, key: pki.adminKey });
  for (const result of ['success', 'failure', 'error']) {
    expect(text).toMatch(new RegExp(`^authentication_attempts\\{result="${result}"\\} [1-9]`, 'm'));
    expect(text).toMatch(new RegExp(`^authentication_duration_seconds_count\\{result="${result}"\\} [1-9]`, 'm'));
  }
  expect(text).toMatch(/^authenticated_user_requests\{username="other"\} [1-9]/m);
  expect(text).not.toContain('token-user');
});
