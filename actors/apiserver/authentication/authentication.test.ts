import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../schemas/meta/status.ts';
import type { ApiRequest, RequestInfo, UserInfo } from '../request.ts';
import { createAuthorizer } from '../authorization/authorizer.ts';
import { admin, fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { createAuthenticator } from './authenticator.ts';
import { impersonate, impersonationOf } from './impersonate.ts';
import { isSignedBy, objectIn, parseJws } from './jws.ts';
import { jwkOf, readTokenKey, signJwt, type TokenKey } from './keys.ts';
import { createIdentityReviews } from './reviews.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';
import { createTokenRequest } from './token-request.ts';
import { intern } from './users.ts';

const pem = (type: 'rsa' | 'ec'): string =>
  type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsa = readTokenKey(pem('rsa'));
const ISSUER = 'https://kubernetes.default.svc.cluster.local';

const setUp = () => {
  const c = fakeCluster();
  const account = c.put({ kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: 'd' } });
  const tokens = createServiceAccountTokens({ ...c, issuer: ISSUER, audiences: [ISSUER], keys: [rsa] });
  const authenticator = createAuthenticator({
    ...c,
    serviceAccounts: tokens,
    staticTokens: { 'admin-token': { name: 'root', groups: ['system:masters'] } },
  });
  const issue = (more: object = {}) =>
    tokens.issue({
      account: account,
      audiences: [ISSUER],
      expirationSeconds: 3600,
      ...more,
    });
  const user = async (token: string): Promise<UserInfo | string> => {
    try {
      return await authenticator.authenticate({ bearerToken: token, headers: {} });
    } catch (error) {
      return statusOf(error)?.message ?? String(error);
    }
  };
  const error = async (token: string, audiences = [ISSUER]) => (await authenticator.review(token, audiences)).error;
  return { c, account, tokens, authenticator, issue, user, error };
};

const verifies = (key: TokenKey, token: string): boolean => isSignedBy(parseJws(token), { key: key.publicKey });
describe('signing keys', () => {
  it.each(['rsa', 'ec'] as const)('sign what they verify (%s), and nothing else', (type) => {
    const key = readTokenKey(pem(type));
    const token = signJwt(key, { iss: 'me' });
    expect(verifies(key, token)).toBe(true);
    expect(verifies(readTokenKey(pem(type)), token)).toBe(false);
    const [header, , signature] = token.split('.');
    const forged = `${header}.${Buffer.from('{"iss":"you"}').toString('base64url')}.${signature}`;
    expect(verifies(key, forged)).toBe(false);
    expect(parseJws(token)).toMatchObject({ algorithm: type === 'rsa' ? 'RS256' : 'ES256', keyId: key.kid });
  });
  it('are published without their private part', () => {
    expect(Object.keys(jwkOf(rsa))).toEqual(['use', 'kty', 'kid', 'alg', 'n', 'e']);
  });
});

describe('service account tokens', () => {
  it('make the account their user', async () => {
    const { user, issue, account } = setUp();
    expect(await user(issue())).toEqual({
      name: 'system:serviceaccount:d:default',
      uid: account.metadata.uid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:d', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
    });
  });
  it('give the same user object each time, so that decisions about it are remembered', async () => {
    const { user, issue } = setUp();
    const token = issue();
    expect(await user(token)).toBe(await user(token));
  });
  it('end with their time, their account, their pod', async () => {
    const { c, issue, user, error } = setUp();
    const pod = c.put({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', namespace: 'd' }, spec: {} });
    const [plain, bound] = [issue(), issue({ pod })];
    expect(await user(bound)).toMatchObject({ extra: { 'authentication.kubernetes.io/pod-name': ['p'] } });
    c.remove({ group: '', version: 'v1', resource: 'pods' }, 'd', 'p');
    expect(await error(bound)).toBe('[invalid bearer token, service account token has been invalidated]');
    c.put({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', namespace: 'd' }, spec: {} });
    expect(await error(bound)).toMatch(/pod UID \(.*\) does not match service account pod ref claim/);
    await c.simulation.advance(3_700_000);
    expect(await error(plain)).toBe('[invalid bearer token, service account token has expired]');
    c.remove({ group: '', version: 'v1', resource: 'serviceaccounts' }, 'd', 'default');
    expect(await error(issue())).toMatch(/serviceaccounts "default" not found/);
    expect(await user(plain)).toBe('Unauthorized');
  });
  it('are refused for another audience, another key, another issuer', async () => {
    const { issue, error } = setUp();
    expect(await error(issue(), ['x'])).toBe(
      `[invalid bearer token, token audiences ["${ISSUER}"] is invalid for the target audiences ["x"]]`,
    );
    expect(await error(signJwt(readTokenKey(pem('rsa')), { iss: ISSUER }))).toBe(
      '[invalid bearer token, invalid signature, no keys found]',
    );
    expect(await error(signJwt(rsa, { iss: 'elsewhere' }))).toBe('invalid bearer token');
    expect(await error('zzz')).toBe('invalid bearer token');
  });
});

describe('other credentials', () => {
  it('map to their users', async () => {
    const { c, authenticator, user } = setUp();
    const certificate = { commonName: 'alice', organizations: ['team'], sha256: 'ab' };
    expect(await authenticator.authenticate({ certificate, headers: {} })).toEqual({
      name: 'alice',
      groups: ['team', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab'] },
    });
    expect(await user('admin-token')).toEqual({ name: 'root', groups: ['system:masters', 'system:authenticated'] });
    expect(await authenticator.authenticate({ headers: {} })).toEqual({
      name: 'system:anonymous',
      groups: ['system:unauthenticated'],
    });
    bootstrapToken(c);
    expect(await user('abcdef.0123456789abcdef')).toEqual({
      name: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
    });
    expect(await user('abcdef.0123456789abcdee')).toBe('Unauthorized');
    bootstrapToken(c, { expiration: '2020-01-01T00:00:00Z' });
    expect(await user('abcdef.0123456789abcdef')).toBe('Unauthorized');
  });
});
function bootstrapToken(c: FakeCluster, more: Record<string, string> = {}): void {
  const data = {
    'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:workers', ...more,
  }; // prettier-ignore
  c.put({
    kind: 'Secret',
    apiVersion: 'v1',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  });
}

describe('token requests', () => {
  const request = async (spec: object, metadata: object = {}, name = 'default') => {
    const { c, tokens } = setUp();
    c.put({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'p', namespace: 'd' },
      spec: { serviceAccountName: 'default', nodeName: 'n' },
    });
    c.put({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'q', namespace: 'd' },
      spec: { serviceAccountName: 'other' },
    });
    const make = createTokenRequest({ ...c, tokens });
    const info = { namespace: 'd', name, resource: 'serviceaccounts', subresource: 'token' } as RequestInfo;
    const object = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec };
    try {
      return (await make({ info, user: admin } as unknown as ApiRequest, object)) as unknown as {
        spec: object;
        status: { token: string; expirationTimestamp: string };
      };
    } catch (error) {
      return statusOf(error)?.message ?? String(error);
    }
  };
  it('default to the audience of the server and an hour', async () => {
    const answer = await request({});
    expect(answer).toMatchObject({
      metadata: { name: 'default', namespace: 'd' },
      spec: { audiences: [ISSUER], expirationSeconds: 3600, boundObjectRef: null },
      status: { expirationTimestamp: '2026-01-01T01:00:00Z' },
    });
  });
  it('bind to a pod and its node; a token for an hour and seven seconds lives a year and warns', async () => {
    const ref = { kind: 'Pod', apiVersion: 'v1', name: 'p' };
    const answer = await request({ boundObjectRef: ref, expirationSeconds: 3607 });
    const claims = objectIn(parseJws((answer as { status: { token: string } }).status.token).payload) as unknown as {
      exp: number;
      iat: number;
      'kubernetes.io': object;
    };
    expect(claims.exp - claims.iat).toBe(365 * 24 * 3600);
    expect(claims['kubernetes.io']).toMatchObject({
      pod: { name: 'p' },
      node: { name: 'n' },
      warnafter: claims.iat + 3607,
    });
  });
  it.each([
    [{ expirationSeconds: 5 }, {}, 'default', 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes'],
    [{}, {}, 'none', 'serviceaccounts "none" not found'],
    [{}, { name: 'other' }, 'default', 'TokenRequest.authentication.k8s.io "default" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified'],
    [{ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } }, {}, 'default', 'pods "none" not found'],
    [{ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } }, {}, 'default', 'cannot bind token to object of type /v1, Kind=ConfigMap'],
    [{ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'q' } }, {}, 'default', 'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.'],
  ])('%#: refuse %j', async (spec, metadata, name, message) => {
    expect(await request(spec, metadata, name)).toBe(message);
  }); // prettier-ignore
});

describe('identity reviews', () => {
  it('say who a token is, and why it is refused', async () => {
    const { c, authenticator, issue } = setUp();
    const reviews = createIdentityReviews(authenticator, [ISSUER], c.world);
    const ask = (spec: object) =>
      reviews.get('tokenreviews')!({} as ApiRequest, {
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: {},
        spec,
      });
    expect(await ask({ token: issue() })).toMatchObject({
      status: { authenticated: true, user: { username: 'system:serviceaccount:d:default' }, audiences: [ISSUER] },
    });
    expect(await ask({ token: 'zzz' })).toMatchObject({ status: { user: {}, error: 'invalid bearer token' } });
    await expect(Promise.resolve().then(() => ask({}))).rejects.toThrow(
      'token is required for TokenReview in authentication',
    );
  });
});

describe('impersonation', () => {
  const info = { isResource: true, path: '', verb: 'list', group: '', version: 'v1', resource: 'configmaps', subresource: '', namespace: 'd', name: '' }; // prettier-ignore
  const as = (headers: Record<string, string | string[]>, requestor = admin, c = fakeCluster()) => {
    try {
      const wanted = impersonationOf(headers);
      return wanted === undefined
        ? undefined
        : (impersonate(wanted, requestor, info, createAuthorizer(c)) as { user: UserInfo }).user;
    } catch (error) {
      return statusOf(error)?.message ?? String(error);
    }
  };
  it('takes user, groups, uid and extra', () => {
    expect(as({})).toBeUndefined();
    expect(as({ 'impersonate-user': 'u', 'impersonate-group': ['g1', 'g,2'], 'impersonate-uid': '7', 'impersonate-extra-Team%2Fa': 't' })).toEqual({
      name: 'u', uid: '7', groups: ['g1', 'g,2', 'system:authenticated'], extra: { 'team/a': ['t'] },
    }); // prettier-ignore
    expect(as({ 'impersonate-user': 'system:anonymous' })).toMatchObject({ groups: ['system:unauthenticated'] });
    expect(as({ 'impersonate-user': 'system:serviceaccount:d:x' })).toMatchObject({
      groups: ['system:serviceaccounts', 'system:serviceaccounts:d', 'system:authenticated'],
    });
  });
  it('refuses a group without a user, and those who may not', () => {
    expect(as({ 'impersonate-group': 'x' })).toBe(
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"x"}, Extra:map[string][]string(nil)} without impersonating a user name',
    );
    expect(
      as({ 'impersonate-user': 'x' }, intern({ name: 'system:anonymous', groups: ['system:unauthenticated'] })),
    ).toBe(
      'configmaps is forbidden: User "system:anonymous" cannot impersonate-on:user-info:list resource "configmaps" in API group "" in the namespace "d"',
    );
  });
  it('needs the right for each part', () => {
    const c = fakeCluster();
    const group = 'rbac.authorization.k8s.io';
    c.put({
      kind: 'ClusterRole',
      apiVersion: `${group}/v1`,
      metadata: { name: 'i' },
      rules: [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users'] }],
    });
    c.put({
      kind: 'ClusterRoleBinding', apiVersion: `${group}/v1`, metadata: { name: 'i' },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'i' }, subjects: [{ kind: 'User', name: 'bob' }],
    }); // prettier-ignore
    const bob = intern({ name: 'bob', groups: ['system:authenticated'] });
    expect(as({ 'impersonate-user': 'u' }, bob, c)).toMatchObject({ name: 'u' });
    expect(as({ 'impersonate-user': 'u', 'impersonate-group': 'g' }, bob, c)).toMatch(
      /cannot impersonate-on:user-info:list/,
    );
    expect(as({ 'impersonate-user': 'system:node:n' }, bob, c)).toMatchObject({ name: 'system:node:n' });
  });
});

describe('certificates that cannot be believed', () => {
  const certificate = { commonName: 'alice', organizations: [], notAfterMs: Date.UTC(2026, 0, 1, 0, 10) };
  it('are not taken for none, but a good token beside them counts', async () => {
    const { authenticator } = setUp();
    expect(() => authenticator.authenticate({ refusedCertificate: true, headers: {} })).toThrow('Unauthorized');
    const both = { refusedCertificate: true, bearerToken: 'admin-token', headers: {} };
    expect(await authenticator.authenticate(both)).toMatchObject({ name: 'root' });
  });
  it('stop counting when they are out of date', async () => {
    const { c, authenticator } = setUp();
    expect(await authenticator.authenticate({ certificate, headers: {} })).toMatchObject({ name: 'alice' });
    await c.simulation.advance(700_000);
    expect(() => authenticator.authenticate({ certificate, headers: {} })).toThrow('Unauthorized');
  });
});
