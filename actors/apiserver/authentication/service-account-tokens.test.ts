import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { readTokenKey } from './keys.ts';
import { createServiceAccountTokens, type ServiceAccountTokens } from './service-account-tokens.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const pem = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const [key, other] = [readTokenKey(pem()), readTokenKey(pem())];
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
interface Signing {
  readonly alg?: string;
  readonly kid?: string;
  readonly by?: typeof key;
}
function jwt(claims: object, { alg = 'RS256', kid = key.kid, by = key }: Signing = {}): string {
  const text = `${encode({ alg, ...(kid !== '' && { kid }) })}.${encode(claims)}`;
  if (alg === 'none') return `${text}.`;
  // The old trick: the public key as a secret that both know.
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
  if (alg === 'HS256') return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: -1 } : {};
  return `${text}.${sign(`sha${alg.slice(2)}`, Buffer.from(text), { key: by.privateKey!, ...pss }).toString('base64url')}`;
}
let c: FakeCluster;
let tokens: ServiceAccountTokens;
const uids: Record<string, string> = {};
beforeAll(() => {
  c = fakeCluster();
  const put = (kind: string, name: string, more: object = {}): void => {
    const metadata = { name, ...(kind !== 'Node' && { namespace: 'd' }) };
    uids[name] = c.put({ kind, apiVersion: 'v1', metadata, ...more }).metadata.uid!;
  };
  put('ServiceAccount', 'sa');
  put('Secret', 'secret');
  put('Pod', 'pod', { spec: {} });
  put('Node', 'node');
  tokens = createServiceAccountTokens({ ...c, issuer: ISSUER, audiences: [ISSUER], keys: [key] });
});
const now = (): number => Math.floor(c.world.clock.now() / 1000);
const own = (more: object = {}): object => ({ 'kubernetes.io': { namespace: 'd', serviceaccount: { name: 'sa', uid: uids['sa'] }, ...more } }); // prettier-ignore
const base = (): object => ({ aud: [ISSUER], exp: now() + 3600, iat: now(), iss: ISSUER, jti: 'j', nbf: now(), sub: 'system:serviceaccount:d:sa', ...own() }); // prettier-ignore
const but = (more: object): object => ({ ...base(), ...more });
const bound = (more: object): string => jwt(but(own(more)));
const legacy = (more: object = {}): object => ({
  iss: 'kubernetes/serviceaccount', sub: 'system:serviceaccount:d:sa', 'kubernetes.io/serviceaccount/namespace': 'd',
  'kubernetes.io/serviceaccount/secret.name': 'kept', 'kubernetes.io/serviceaccount/service-account.name': 'sa',
  'kubernetes.io/serviceaccount/service-account.uid': uids['sa'], ...more,
}); // prettier-ignore
const CRYPTO = 'go-jose/go-jose: error in cryptographic primitive';
const named = (text: string): string => Object.entries(uids).reduce((said, [name, uid]) => said.replaceAll(uid, `<${name}>`), text); // prettier-ignore
/** What is said of a token: `good`, `unknown`, or why it is refused. */
const said = async (token: string, audiences?: readonly string[]): Promise<string> => {
  try {
    return (await tokens.verify(token, audiences)) === undefined ? 'unknown' : 'good';
  } catch (error) {
    return named((error as Error).message);
  }
};

describe("a service account's token", () => {
  // What kube-apiserver v1.36.3 says of the same tokens.
  it.each<[name: string, token: () => string, said: string]>([
    ['as it is issued', () => jwt(base()), 'good'],
    ['of no key by name', () => jwt(base(), { kid: '' }), 'good'],
    ['RS512', () => jwt(base(), { alg: 'RS512' }), 'good'],
    ['PS256', () => jwt(base(), { alg: 'PS256' }), 'good'],
    ['of an unknown key', () => jwt(base(), { kid: 'x' }), 'invalid signature, no keys found'],
    ['of another key', () => jwt(base(), { by: other }), CRYPTO],
    ['of another key by its name', () => jwt(base(), { by: other, kid: other.kid }), 'invalid signature, no keys found'],
    ['alg none', () => jwt(base(), { alg: 'none' }), CRYPTO],
    ['the public key as a secret', () => jwt(base(), { alg: 'HS256' }), CRYPTO],
    ['of another algorithm than it says', () => jwt(base()).replace(/^[^.]*/, encode({ alg: 'ES256', kid: key.kid })), CRYPTO],
    ['changed', () => jwt(base()).replace(/\.[^.]*\./, `.${encode(but({ sub: 'system:admin' }))}.`), CRYPTO],
    ['without a signature', () => jwt(base()).replace(/[^.]*$/, ''), CRYPTO],
    ['with something behind it', () => `${jwt(base())}!`, 'unknown'],
    ['with a fourth part', () => `${jwt(base())}.a`, 'unknown'],
    ['of another issuer', () => jwt(but({ iss: 'x' })), 'unknown'],
    ['of an issuer of another type', () => jwt(but({ iss: 5 })), 'unknown'],
    ['expired', () => jwt(but({ exp: now() - 120 })), 'service account token has expired'],
    ['expired just now', () => jwt(but({ exp: now() - 20 })), 'good'],
    ['not yet', () => jwt(but({ nbf: now() + 600 })), 'service account token is not valid yet'],
    ['nearly', () => jwt(but({ nbf: now() + 30 })), 'good'],
    ['from tomorrow', () => jwt(but({ iat: now() + 600 })), 'service account token is issued in the future'],
    ['without an end', () => jwt(but({ exp: undefined })), 'good'],
    ['with an end that is none', () => jwt(but({ exp: 'x' })), 'go-jose/go-jose/jwt: expected number value to unmarshal NumericDate'],
    ['for one audience', () => jwt(but({ aud: ISSUER })), 'good'],
    ['for two', () => jwt(but({ aud: ['x', ISSUER] })), 'good'],
    ['for nobody in particular', () => jwt(but({ aud: [] })), 'good'],
    ['for others', () => jwt(but({ aud: ['x'] })), `token audiences ["x"] is invalid for the target audiences ["${ISSUER}"]`],
    ['for a number', () => jwt(but({ aud: 5 })), 'go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience'],
    ['without its claims', () => jwt(but({ 'kubernetes.io': undefined })), 'resource name may not be empty'],
    ['with claims of another type', () => jwt(but({ 'kubernetes.io': 'x' })), 'json: cannot unmarshal string into Go value of type serviceaccount.kubernetes'],
    ['with an account of another type', () => bound({ serviceaccount: 'x' }), 'json: cannot unmarshal string into Go value of type serviceaccount.ref'],
    ['with a namespace of another type', () => bound({ namespace: 5 }), 'json: cannot unmarshal number into Go value of type string'],
    ['with a name of another type', () => jwt(but({ sub: 5 })), 'json: cannot unmarshal number into Go value of type string'],
    ['with an id of another type', () => jwt(but({ jti: 5 })), 'json: cannot unmarshal number into Go value of type string'],
    ['without a namespace', () => bound({ namespace: undefined }), 'the server could not find the requested resource'],
    ['of nobody', () => bound({ serviceaccount: { name: 'none', uid: 'x' } }), 'serviceaccounts "none" not found'],
    ['of one who came back', () => bound({ serviceaccount: { name: 'sa', uid: 'old' } }), 'service account UID (<sa>) does not match claim (old)'],
    ['of a pod', () => bound({ pod: { name: 'pod', uid: uids['pod'] } }), 'good'],
    ['of a pod that is gone', () => bound({ pod: { name: 'q', uid: uids['pod'] } }), 'service account token has been invalidated'],
    ['of a pod that came back', () => bound({ pod: { name: 'pod', uid: 'old' } }), 'pod UID (<pod>) does not match service account pod ref claim (old)'],
    ['of a pod on a node that is gone', () => bound({ pod: { name: 'pod', uid: uids['pod'] }, node: { name: 'n', uid: 'old' } }), 'good'],
    ['of a secret', () => bound({ secret: { name: 'secret', uid: uids['secret'] } }), 'good'],
    ['of a secret that is gone', () => bound({ secret: { name: 'none', uid: uids['secret'] } }), 'service account token has been invalidated'],
    ['of a secret that came back', () => bound({ secret: { name: 'secret', uid: 'old' } }), 'secret UID (<secret>) does not match service account secret ref claim (old)'],
    ['of a node', () => bound({ node: { name: 'node', uid: uids['node'] } }), 'good'],
    ['of a node that is gone', () => bound({ node: { name: 'none', uid: uids['node'] } }), 'service account token has been invalidated'],
    ['of a node that came back', () => bound({ node: { name: 'node', uid: 'old' } }), 'node UID (<node>) does not match service account node ref claim (old)'],
    ['kept in no secret', () => jwt(legacy()), 'Token has been invalidated'],
    ['of the old sort, without a namespace', () => jwt(legacy({ 'kubernetes.io/serviceaccount/namespace': '' })), 'namespace claim is missing'],
    ['of the old sort, without a name', () => jwt(legacy({ 'kubernetes.io/serviceaccount/service-account.name': '' })), 'serviceAccountName claim is missing'],
    ['of the old sort, without a uid', () => jwt(legacy({ 'kubernetes.io/serviceaccount/service-account.uid': '' })), 'serviceAccountUID claim is missing'],
    ['of the old sort, without a secret', () => jwt(legacy({ 'kubernetes.io/serviceaccount/secret.name': '' })), 'secretName claim is missing'],
    ['of the old sort, of somebody else', () => jwt(legacy({ sub: 'x' })), 'sub claim is invalid'],
  ])('%s', async (_, make, wanted) => {
    expect(await said(make())).toBe(wanted);
  }); // prettier-ignore
  it('of the old sort is good while its secret holds it', async () => {
    const token = jwt(legacy());
    const keep = (text: string, labels: object = {}): void =>
      void c.put({
        kind: 'Secret', apiVersion: 'v1', metadata: { name: 'kept', namespace: 'd', labels },
        data: { token: Buffer.from(text).toString('base64') },
      }); // prettier-ignore
    keep(token);
    expect(await said(token)).toBe('good');
    expect(await said(token, ['x'])).toBe(`token audiences ["${ISSUER}"] is invalid for the target audiences ["x"]`);
    expect(await said(jwt(legacy({ more: 1 })))).toBe("Token does not match server's copy");
    const replaced = jwt(legacy({ 'kubernetes.io/serviceaccount/service-account.uid': 'old' }));
    keep(replaced);
    expect(await said(replaced)).toBe('ServiceAccount UID (<sa>) does not match claim (old)');
    keep(token, { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' });
    expect(await said(token)).toMatch(
      /^the token in secret d\/kept for service account d\/sa has been marked invalid\./,
    );
  });
  it('stops being good with what it is bound to, at once', async () => {
    const token = bound({ pod: { name: 'pod', uid: uids['pod'] } });
    expect(await said(token)).toBe('good');
    c.remove({ group: '', version: 'v1', resource: 'pods' }, 'd', 'pod');
    expect(await said(token)).toBe('service account token has been invalidated');
  });
});
