import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../../bus/testing/until.ts';
import { realWorld } from '../../../../bus/real-world.ts';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { createMetrics } from '../../metrics/index.ts';
import { tempFolder, type TestPki } from '../../testing/servers.ts';
import {
  ecKey,
  rsaKey,
  signToken,
  startTokenIssuer,
  type SigningOptions,
  type TokenIssuer,
} from '../../testing/token-issuer.ts';
import {
  createJwtAuthenticator,
  createJwtMetrics,
  readAuthenticationConfiguration,
  type JwtAuthenticator,
} from './index.ts';

const folder = tempFolder();
const AUDIENCES = ['https://api.example'];
const keys = { rsa: rsaKey(), p256: ecKey('P-256'), p384: ecKey('P-384'), p521: ecKey('P-521') };
const stranger = rsaKey();
let pki: TestPki;
let issuer: TokenIssuer;
const opened: JwtAuthenticator[] = [];
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  issuer = await startTokenIssuer({ key: pki.serverKey, cert: pki.serverCert });
  issuer.publish(keys);
});
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
  for (const path of ['/jwks', '/.well-known/openid-configuration']) issuer.on(path, undefined);
  issuer.publish(keys);
});
afterAll(async () => {
  await issuer.stop();
  folder.remove();
});

const read = (jwt: readonly object[]) => {
  const value = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt };
  return readAuthenticationConfiguration({ value, text: JSON.stringify(value) }, []);
};
const about = (more: object = {}) => ({
  issuer: { url: issuer.url, audiences: ['kubus', 'other'], audienceMatchPolicy: 'MatchAny', certificateAuthority: pki.ca },
  claimMappings: {
    username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: 'g:' }, uid: { claim: 'sub' },
    extra: [
      { key: 'example.com/deep', valueExpression: 'claims.nested.a__dot__b__slash__c.d' },
      { key: 'example.com/groups', valueExpression: 'has(claims.groups) ? claims.groups : []' },
      { key: 'example.com/none', valueExpression: "''" },
    ],
  },
  claimValidationRules: [
    { claim: 'team', requiredValue: 'red' },
    { expression: 'claims.level >= 2', message: 'level too low' },
    { expression: 'claims.level < 10.5' },
  ],
  userValidationRules: [
    { expression: "!user.username.startsWith('oidc:system:')", message: 'no system users' },
    { expression: "user.groups.all(g, g != 'g:forbidden') && !('x' in user.extra)" },
  ],
  ...more,
}); // prettier-ignore
const open = (jwt: readonly object[]) => {
  const world = realWorld({ level: 'silent' });
  const all = createMetrics();
  const metrics = createJwtMetrics({ metrics: all, clock: world.clock }, 'a1', 'text');
  const authenticator = createJwtAuthenticator({ world, configuration: read(jwt), audiences: AUDIENCES, metrics });
  opened.push(authenticator);
  const ask = (token: string, audiences = AUDIENCES) => authenticator.authenticate(token, audiences);
  const isReady = async (): Promise<void> => {
    await until(async () => {
      const found = await ask(token({ exp: 0 }));
      return found.user === undefined && !found.error?.includes('not initialized');
    });
  };
  return { authenticator, ask, isReady, render: () => all.render() };
};
const now = (): number => Math.floor(Date.now() / 1000);
const base = () => ({
  iss: issuer.url, aud: 'kubus', exp: now() + 3600, iat: now(), sub: 'alice', groups: ['dev', 'ops'], jti: 'j1', team: 'red',
  email: 'a@x', nested: { 'a.b/c': { d: 'deep' } }, level: 3,
}); // prettier-ignore
const token = (more: object = {}, signing: SigningOptions = {}): string =>
  signToken(JSON.stringify({ ...base(), ...more }), { key: keys.rsa, ...signing });
const alice = {
  name: 'oidc:alice', uid: 'alice', groups: ['g:dev', 'g:ops', 'system:authenticated'],
  extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j1'], 'example.com/deep': ['deep'], 'example.com/groups': ['dev', 'ops'] },
}; // prettier-ignore

describe('a token of another issuer', () => {
  let ask: ReturnType<typeof open>['ask'];
  let shared: JwtAuthenticator;
  beforeAll(async () => {
    const made = open([about()]);
    ({ ask, authenticator: shared } = made);
    opened.length = 0;
    await made.isReady();
  });
  afterAll(() => shared.stop());
  it.each([
    ['RS256', 'rsa'], ['RS384', 'rsa'], ['RS512', 'rsa'], ['PS256', 'rsa'], ['PS384', 'rsa'], ['PS512', 'rsa'],
    ['ES256', 'p256'], ['ES384', 'p384'], ['ES512', 'p521'],
  ] as const)('signed by %s is its user', async (alg, kid) => {
    expect(await ask(token({}, { alg, kid, key: keys[kid] }))).toEqual({ user: alice, audiences: AUDIENCES });
  }); // prettier-ignore

  const verify = (why: string): string => `oidc: verify token: ${why}`;
  const notSigned = verify('failed to verify signature: failed to verify id token signature');
  const algorithms = '["ES256" "ES384" "ES512" "PS256" "PS384" "PS512" "RS256" "RS384" "RS512"]';
  const [header, payload] = ['{"alg":"RS256","kid":"rsa"}', '{}'].map((part) =>
    Buffer.from(part).toString('base64url'),
  );
  // What kube-apiserver says of the same tokens.
  it.each<[name: string, token: () => string, error: string | undefined]>([
    ['none of ours', () => token({ iss: 'https://elsewhere' }), undefined],
    ['no payload', () => `${header}.!!!.x`, undefined],
    ['a payload that is no JSON', () => signToken('nope', { key: keys.rsa }), undefined],
    ['a list', () => signToken('[1]', { key: keys.rsa }), undefined],
    ['too many parts', () => `${token()}.x`, undefined],
    ['no token', () => 'junk', undefined],
    ['nothing said of the issuer', () => `${header}.${payload}.x`, undefined],
    ['an issuer said twice', () => signToken(JSON.stringify(base()).replace('"sub"', '"iss":"https://elsewhere","sub"'), { key: keys.rsa }), undefined],
    ['an unknown key', () => token({}, { kid: 'zz' }), notSigned],
    ['another key of that name', () => token({}, { key: stranger }), notSigned],
    ['a key of another algorithm', () => token({}, { kid: 'p256' }), notSigned],
    ['no signature', () => token().replace(/[^.]*$/, ''), notSigned],
    ['what has to be understood', () => token({}, { header: { crit: ['x'], x: 1 } }), notSigned],
    ['no algorithm', () => token({}, { alg: 'none' }), verify(`oidc: id token signed with unsupported algorithm, expected ${algorithms} got "none"`)],
    ['a shared secret', () => token({}, { alg: 'HS256' }), verify(`oidc: id token signed with unsupported algorithm, expected ${algorithms} got "HS256"`)],
    ['bad base64', () => `${token()}!`, verify('oidc: malformed jwt: illegal base64 data at input byte 342')],
    ['a bad header', () => token().replace(/^[^.]*/, Buffer.from('x').toString('base64url')), verify("oidc: malformed jwt: invalid character 'x' looking for beginning of value")],
    ['expired', () => token({ exp: 1_795_304_231 - 1e9 }), verify('oidc: token is expired (Token Expiry: 1995-03-15 21:50:31 +0000 UTC)')],
    ['no end', () => token({ exp: undefined }), verify('oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)')],
    ['an end that is none', () => token({ exp: 'x' }), verify(String.raw`oidc: failed to unmarshal claims: json: invalid number literal, trying to unmarshal "\"x\"" into Number`)],
    ['not yet', () => token({ nbf: 4_102_444_800 }), verify('oidc: current time T before the nbf (not before) time: 2100-01-01 00:00:00 +0000 UTC')],
    ['another audience', () => token({ aud: 'x' }), verify('oidc: expected audience in ["kubus" "other"] got ["x"]')],
    ['no audience', () => token({ aud: undefined }), verify('oidc: expected audience in ["kubus" "other"] got []')],
    ['an audience of another type', () => token({ aud: 5 }), verify('oidc: failed to unmarshal claims: json: cannot unmarshal number into Go struct field idToken.aud of type []string')],
    ['a subject of another type', () => token({ sub: 5 }), verify('oidc: failed to unmarshal claims: json: cannot unmarshal number into Go struct field idToken.sub of type string')],
    ['no subject', () => token({ sub: undefined }), 'oidc: parse username claims "sub": claim not present'],
    ['groups of another type', () => token({ groups: 5 }), 'oidc: parse groups claim "groups": json: cannot unmarshal number into Go value of type string'],
    ['groups of two types', () => token({ groups: ['a', 5] }), 'oidc: parse groups claim "groups": json: cannot unmarshal array into Go value of type string'],
    ['another value', () => token({ team: 'blue' }), 'oidc: required claim team value does not match. Got = blue, want = red'],
    ['no value', () => token({ team: undefined }), 'oidc: required claim team not present in ID token'],
    ['a value of another type', () => token({ team: 5 }), 'oidc: parse claim team: json: cannot unmarshal number into Go value of type string'],
    ['a rule broken', () => token({ level: 1 }), "oidc: error evaluating claim validation expression: validation expression 'claims.level >= 2' failed: level too low"],
    ['a rule that fails', () => token({ level: 'x' }), "oidc: error evaluating claim validation expression: expression 'claims.level >= 2' resulted in error: no such overload"],
    ['a user who may not be', () => token({ sub: 'system:admin' }), "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('oidc:system:')' failed: no system users"],
    ['a group that may not be', () => token({ groups: ['forbidden'] }), "oidc: error evaluating user info validation rule: validation expression 'user.groups.all(g, g != 'g:forbidden') && !('x' in user.extra)' failed: "],
    ['claims kept nowhere', () => token({ groups: undefined, _claim_names: { groups: 's' } }), verify('oidc: source does not exist')],
    ['claims kept elsewhere', () => token({ groups: undefined, _claim_names: { groups: 's' }, _claim_sources: { s: { endpoint: 'https://x' } } }), 'oidc: could not expand distributed claims: Kubus does not ask other servers for the claim "groups": have the issuer put it into its tokens'],
  ])('with %s is refused', async (_, make, error) => {
    const found = await ask(make());
    const said = found.user === undefined ? found.error?.replace(/time \d[^+]*\+0000 UTC before/, 'time T before') : 'let in';
    expect(said).toBe(error);
  }); // prettier-ignore

  it.each<[string, () => string, object]>([
    ['a key that it does not name', () => token({}, { kid: '' }), {}],
    ['several audiences', () => token({ aud: ['x', 'other'] }), {}],
    ['a time in a string, and with a fraction', () => token({ exp: String(now() + 100), nbf: now() + 30.5 }), {}],
    ['a group by itself', () => token({ groups: 'one' }), { groups: ['g:one', 'system:authenticated'], extra: { ...alice.extra, 'example.com/groups': ['one'] } }],
    ['a subject of null', () => token({ sub: null }), { name: 'oidc:', uid: undefined }],
    ['claims as deep as may be', () => token({ deep: JSON.parse('['.repeat(3000) + ']'.repeat(3000)) as unknown }), {}],
    ['a name of other case', () => signToken(JSON.stringify({ ...base(), iss: undefined, ISS: issuer.url }), { key: keys.rsa }), {}],
  ])('with %s is good', async (_, make, more) => {
    const { uid, ...others } = { ...alice, ...more };
    expect(await ask(make())).toEqual({ user: { ...others, ...(uid && { uid }) }, audiences: AUDIENCES });
  }); // prettier-ignore
  it('is for the API server, whatever audience it names', async () => {
    expect(await ask(token(), ['x'])).toEqual({ user: undefined });
    expect(await ask(token(), ['x', ...AUDIENCES])).toMatchObject({ audiences: AUDIENCES });
  });
  it.each([
    [{ email_verified: true }, 'a@x'],
    [{}, 'a@x'],
    [{ email_verified: false }, 'oidc: email not verified'],
    [{ email_verified: 'true' }, "oidc: parse 'email_verified' claim: json: cannot unmarshal string into Go value of type bool"],
    [{ email: undefined }, 'oidc: parse username claims "email": claim not present'],
  ])('that goes by mail, with %j: %s', async (more, wanted) => {
    const { ask: own, isReady } = open([about({ claimMappings: { username: { claim: 'email', prefix: '' } }, claimValidationRules: [], userValidationRules: [] })]);
    await isReady();
    const found = await own(token(more));
    expect(found.user === undefined ? found.error : found.user.name).toBe(wanted);
  }); // prettier-ignore
  it.each([
    ['claims.sub + "!"', 'alice!'],
    ['""', 'oidc: empty username via CEL expression is not allowed'],
    ['claims.level', 'oidc: error evaluating username claim expression: username claim expression must return a string'],
    ['claims.nope', "oidc: error evaluating username claim expression: expression 'claims.nope' resulted in error: no such key: nope"],
    ['type(claims.level) == double ? "double" : "int"', 'double'],
  ])('has the name that %s gives', async (expression, wanted) => {
    const { ask: own, isReady } = open([about({ claimMappings: { username: { expression } }, claimValidationRules: [], userValidationRules: [] })]);
    await isReady();
    const found = await own(token());
    expect(found.user === undefined ? found.error : found.user.name).toBe(wanted);
  }); // prettier-ignore
});

describe('an issuer', () => {
  it('whose keys change is asked for them; nobody makes it answer all day', async () => {
    const { ask, isReady } = open([about()]);
    await isReady();
    const next = rsaKey();
    issuer.publish({ next });
    expect(await ask(token({}, { kid: 'next', key: next }))).toMatchObject({ user: alice });
    issuer.asked.length = 0;
    for (let i = 0; i < 50; i++) await ask(token({ jti: i }, { kid: `k${i}`, key: stranger }));
    expect(issuer.asked.length).toBeGreaterThan(0);
    expect(issuer.asked.length).toBeLessThan(25);
  });
  it('says how long its keys are good', async () => {
    issuer.on('/jwks', (response) => {
      const { publicKey } = keys.rsa;
      response.setHeader('cache-control', 'public, max-age=3600');
      response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'rsa' }, { kty: 'oct', k: 'AAAA' }, { kty: 'RSA' }, 5] }));
    }); // prettier-ignore
    const { ask, isReady } = open([about()]);
    await isReady();
    await ask(token());
    issuer.asked.length = 0;
    await ask(token({}, { kid: 'new' }));
    expect(issuer.asked).toEqual([]);
  });
  it.each<[string, (response: ServerResponse) => void, string]>([
    ['is away', (r) => void r.destroy(), 'fetching keys oidc: get keys failed Get "https://'],
    ['is in trouble', (r) => void r.writeHead(500).end('oops'), 'fetching keys oidc: get keys failed: 500 oops'],
    ['sends no JSON', (r) => void r.end('<html>'), "fetching keys oidc: failed to decode keys: expected Content-Type = application/json, got \"\": invalid character '<' looking for beginning of value"],
    ['sends ten megabytes', (r) => void r.end('y'.repeat(10_000_000)), 'the answer is longer than 1048576 bytes'],
  ])('that %s is no reason to believe a token', async (_, respond, why) => {
    const { ask, isReady } = open([about()]);
    issuer.on('/jwks', undefined);
    await isReady();
    issuer.on('/jwks', respond);
    const found = await ask(token({}, { kid: 'other' }));
    expect(found.user === undefined && found.error).toContain(`oidc: verify token: failed to verify signature: `);
    expect(found.user === undefined && found.error).toContain(why);
    // Keys that are known stay good.
    expect(await ask(token())).toMatchObject({ user: alice });
  }); // prettier-ignore
  it.each<[string, object]>([
    ['lies about itself', { issuer: 'https://other', jwks_uri: 'https://x' }],
    ['has keys for all to change', { issuer: 'SELF', jwks_uri: 'http://127.0.0.1/' }],
    ['has no keys', { issuer: 'SELF' }],
  ])('that %s is not gone by', async (_, document) => {
    const told: string[] = [];
    issuer.on('/.well-known/openid-configuration', (response) => {
      told.push('asked');
      response.end(JSON.stringify(document).replace('SELF', issuer.url));
    });
    const { ask } = open([about()]);
    await until(() => told.length > 0);
    const found = await ask(token());
    expect(found).toEqual({ user: undefined, error: 'oidc: authenticator not initialized' });
  });
  it('is found where its document is, though that be elsewhere', async () => {
    const { url } = issuer;
    issuer.on('/elsewhere', (response) => void response.end(JSON.stringify({ issuer: 'https://named.example', jwks_uri: `${url}/jwks` })));
    const named = { ...about().issuer, url: 'https://named.example', discoveryURL: `${url}/elsewhere` };
    const { ask } = open([about({ issuer: named })]);
    await until(async () => (await ask(token({ iss: 'https://named.example' }))).user !== undefined);
  }); // prettier-ignore
  it('beside one that is away works, and what they do is counted without their names', async () => {
    const away = { ...about().issuer, url: 'https://127.0.0.1:1' };
    const { ask, isReady, render } = open([about({ issuer: away }), about()]);
    await isReady();
    expect(await ask(token({ iss: 'https://127.0.0.1:1' }))).toEqual({ user: undefined, error: 'oidc: authenticator not initialized' });
    expect(await ask(token())).toMatchObject({ user: alice });
    const text = await render();
    expect(text).toMatch(/apiserver_authentication_jwt_authenticator_latency_seconds_count\{jwt_issuer_hash="sha256:[0-9a-f]{64}",result="success"\} 1\n/);
    expect(text).toMatch(/apiserver_authentication_jwt_authenticator_jwks_fetch_last_key_set_info\{/);
    expect(text).not.toContain(issuer.url);
  }); // prettier-ignore
  it('takes the place of another once it answers', async () => {
    const { authenticator, ask, isReady } = open([about()]);
    await isReady();
    const prefix = { claimMappings: { username: { claim: 'sub', prefix: 'new:' } }, userValidationRules: [] };
    await authenticator.change(read([about(prefix)]));
    expect(await ask(token())).toMatchObject({ user: { name: 'new:alice' } });
    await authenticator.change(read([]));
    expect(await ask(token())).toEqual({ user: undefined });
  });
});
it('small keys, and those of other sorts, sign nothing', async () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 512 });
  issuer.publish({ small });
  const { ask, isReady } = open([about()]);
  await isReady();
  expect(await ask(token({}, { kid: 'small', key: small }))).toMatchObject({ user: undefined });
});
