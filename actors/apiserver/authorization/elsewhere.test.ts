import { webcrypto } from 'node:crypto';
import { setImmediate as later } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { configMaps } from '../../runtime/resources.ts';
import type { Decision, RequestInfo, UserInfo } from '../request.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';

/** Somebody far away decides; what he allows, as `<user> <verb> <resource or path> <name>`. */
let allowed: RegExp;
let error: string | undefined;
let asked: string[] = [];
const decide = async (user: UserInfo, info: RequestInfo): Promise<Decision> => {
  await later();
  const { verb, resource, subresource, name, path, isResource } = info;
  const what = isResource ? `${resource}${subresource && `/${subresource}`} ${name}` : path;
  const text = `${user.name.replace('system:', '')} ${verb} ${what}`.trim();
  asked.push(text);
  return { allowed: allowed.test(text) ? 'yes' : 'noOpinion', reason: 'he said so', error };
};
const folder = tempFolder();
let pki: TestPki;
let all: TestServers;
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  const rulesFor = () => ({ rules: [], incomplete: true, errors: ['he does not say'] });
  const chains = () => () => ({ authorize: decide, rulesFor, close: () => undefined });
  all = await startServers(1, pki, () => ({
    authorization: { authorizers: [], chains },
    enableAdmission: ['OwnerReferencesPermissionEnforcement'],
  }));
});
beforeEach(() => {
  allowed = /^$/;
  error = undefined;
  asked = [];
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
/** Without credentials, unless it is said who. */
async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const { port } = all.servers[0]!;
  const { status, text } = await httpsCall({ port, ca: pki.ca, method, path, headers }, body);
  return { status, text, message: text.startsWith('{') ? (JSON.parse(text) as { message?: string }).message : text };
}
const asMaster = { authorization: 'Bearer secret' };
const base = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, more: object = {}) => ({ metadata: { name, ...more } });
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

it('requests wait for who decides elsewhere, and are refused in his words', async () => {
  allowed = /^anonymous (list configmaps|get \/version)/;
  expect((await ask('GET', `${base}?labelSelector=a`)).status).toBe(200);
  expect((await ask('GET', '/version')).status).toBe(200);
  expect(await ask('POST', base, configMap('a'))).toMatchObject({
    status: 403,
    message: 'configmaps is forbidden: User "system:anonymous" cannot create resource "configmaps" in API group "" in the namespace "default": he said so',
  }); // prettier-ignore
  expect((await ask('GET', '/metrics')).message).toBe('forbidden: User "system:anonymous" cannot get path "/metrics": he said so'); // prettier-ignore
  expect((await ask('POST', base, configMap('m'), asMaster)).status).toBe(201);
});
it('where he cannot be asked the server has failed, unless he allows it all the same', async () => {
  error = 'out of <reach>';
  expect(await ask('GET', base)).toMatchObject({ status: 500, text: `Internal Server Error: "${base}": out of &lt;reach&gt;\n` }); // prettier-ignore
  allowed = /list configmaps/;
  expect((await ask('GET', base)).status).toBe(200);
});
it('acting as somebody else, on what he says to each part', async () => {
  allowed = /^anonymous impersonate (users zoe|groups g)$|^zoe list configmaps/;
  const headers = { 'impersonate-user': 'zoe', 'impersonate-group': 'g' };
  expect((await ask('GET', base, undefined, headers)).status).toBe(200);
  error = 'out of reach';
  allowed = /^zoe list/;
  expect((await ask('GET', base, undefined, headers)).message).toMatch(/cannot impersonate-on:user-info:list resource .*: out of reach: he said so$/); // prettier-ignore
});
it('handing out rights, and blocking an owner', async () => {
  const role = (name: string) => ({ metadata: { name }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }); // prettier-ignore
  allowed = /^anonymous (create clusterroles|create configmaps)/;
  expect((await ask('POST', `${RBAC}/clusterroles`, role('r'))).message).toContain('is attempting to grant RBAC permissions not currently held'); // prettier-ignore
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'm', uid: 'u', blockOwnerDeletion: true };
  expect((await ask('POST', base, configMap('o', { ownerReferences: [owner] }))).message).toMatch(/set finalizers on: he said so, <nil>$/); // prettier-ignore
  allowed = /^anonymous (create|escalate clusterroles|update configmaps\/finalizers m)/;
  expect((await ask('POST', `${RBAC}/clusterroles`, role('r'))).status).toBe(201);
  expect((await ask('POST', base, configMap('o', { ownerReferences: [owner] }))).status).toBe(201);
});
it('who may finalize anything may name owners of kinds that nobody knows', async () => {
  const owner = { apiVersion: 'x.io/v1', kind: 'Unknown', name: 'm', uid: 'u', blockOwnerDeletion: true };
  allowed = /^anonymous create configmaps/;
  expect((await ask('POST', base, configMap('p', { ownerReferences: [owner] }))).message).toContain('no matches for kind "Unknown" in version "x.io/v1"'); // prettier-ignore
  allowed = /^anonymous (create configmaps|update \*\/finalizers \*)/;
  expect((await ask('POST', base, configMap('p', { ownerReferences: [owner] }))).status).toBe(201);
});
it('approving a certificate', async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { x509 } = await import('../../../ops/pki/x509-library.ts');
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=a', keys, signingAlgorithm: algorithm }); // prettier-ignore
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const spec = {
    request: Buffer.from(request.toString('pem')).toString('base64'),
    signerName: 'x.io/y',
    usages: ['client auth'],
  };
  expect((await ask('POST', path, { metadata: { name: 'c' }, spec }, asMaster)).status).toBe(201);
  const approval = { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'r' }] } };
  const patch = { 'content-type': 'application/merge-patch+json' };
  allowed = /^anonymous patch/;
  expect((await ask('PATCH', `${path}/c/approval`, approval, patch)).message).toContain('user not permitted to approve requests with signerName "x.io/y"'); // prettier-ignore
  allowed = /^anonymous (patch|approve signers x\.io\/\*)/;
  expect((await ask('PATCH', `${path}/c/approval`, approval, patch)).status).toBe(200);
});
it('expressions that ask for it', async () => {
  const admission = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic';
  const policy = {
    metadata: { name: 'p' },
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['configmaps'] }] },
      variables: [{ name: 'may', expression: "authorizer.group('').resource('configmaps').name('m').check('special')" }],
      validations: [{ expression: 'variables.may.allowed()', messageExpression: "'no: ' + variables.may.reason()" }],
    },
  }; // prettier-ignore
  expect((await ask('POST', `${admission}ies`, policy, asMaster)).status).toBe(201);
  const binding = { metadata: { name: 'p' }, spec: { policyName: 'p', validationActions: ['Deny'] } };
  expect((await ask('POST', `${admission}ybindings`, binding, asMaster)).status).toBe(201);
  allowed = /^anonymous patch configmaps/;
  const patch = { 'content-type': 'application/merge-patch+json' };
  const change = () => ask('PATCH', `${base}/m`, { data: { a: String(asked.length) } }, patch);
  await until(async () => (await change()).status === 422);
  expect((await change()).message).toContain('no: he said so');
  expect(asked).toContain('anonymous special configmaps m');
  allowed = /^anonymous (patch|special) configmaps/;
  expect((await change()).status).toBe(200);
});
it('components over the bus', async () => {
  const client = all.client('controller:some');
  allowed = /some-controller get configmaps m$/;
  expect((await client.get(configMaps, 'm', 'default')).metadata.name).toBe('m');
  const refused = client.list(configMaps, { namespace: 'default' }).catch((e: unknown) => statusOf(e)?.message);
  expect(await refused).toMatch(/cannot list resource "configmaps" .*: he said so$/);
});
it('what a user may is told as far as it is known', async () => {
  allowed = /create selfsubjectrulesreviews/;
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } }; // prettier-ignore
  const { text } = await ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', review);
  expect((JSON.parse(text) as { status: object }).status).toEqual({ resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError: 'he does not say' }); // prettier-ignore
});
