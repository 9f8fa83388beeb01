import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { readTokenKey, signJwt } from '../authentication/keys.ts';
import { httpsCall } from '../testing/https-call.ts';
import { pods } from '../../runtime/resources.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';
import { evaluator, readAuditPolicy } from './policy.ts';
import type { AuditedEvent } from './sink.ts';

interface Event {
  readonly auditID: string;
  readonly stage: string;
  readonly [key: string]: unknown;
}
const folder = tempFolder();
const events: Event[] = [];
let all: TestServers;
let pki: TestPki;
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  const policy = readAuditPolicy({
    apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitManagedFields: true,
    rules: [
      { level: 'None', nonResourceURLs: ['/version'] },
      { level: 'Metadata', resources: [{ resources: ['secrets'] }] },
      { level: 'RequestResponse' },
    ],
  }); // prettier-ignore
  const audit = {
    evaluate: evaluator(policy),
    sink: { write: ({ line }: AuditedEvent) => events.push(JSON.parse(line) as Event) > 0 },
  };
  all = await startServers(1, pki, () => ({ audit }));
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
let asked = 0;
/** The events of one request. */
async function noted(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Event[]> {
  const id = `request-${asked++}`;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const { adminCert: cert, adminKey: key, ca } = pki;
  const identity = headers['authorization'] === undefined ? { cert, key } : {};
  const answer = await httpsCall({ port: all.servers[0]!.port, ca, method, path, ...identity, headers: { 'audit-id': id, ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...headers } }, text);
  expect(answer.headers['audit-id'], answer.text).toBe(id);
  return events.filter((e) => e.auditID === id);
} // prettier-ignore
const ALLOWED = { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' };
const base = '/api/v1/namespaces/default';

describe('what is noted of requests', () => {
  it('is who asked what, of which object, with what it said and was answered', async () => {
    const [first, last, ...more] = await noted('POST', `${base}/configmaps?pretty=true`, { metadata: { name: 'a' }, data: { k: '<v>' } }, { 'user-agent': 'me', 'x-forwarded-for': '10.1.1.1' }); // prettier-ignore
    expect(more).toEqual([]);
    expect(first).toMatchObject({ stage: 'RequestReceived', requestURI: `${base}/configmaps?pretty=true` });
    expect(first).not.toHaveProperty('responseStatus');
    expect(Object.keys(last!)).toEqual([
      'kind', 'apiVersion', 'level', 'auditID', 'stage', 'requestURI', 'verb', 'user', 'sourceIPs', 'userAgent', 'objectRef',
      'responseStatus', 'requestObject', 'responseObject', 'requestReceivedTimestamp', 'stageTimestamp', 'annotations',
    ]); // prettier-ignore
    expect(last).toMatchObject({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'RequestResponse', stage: 'ResponseComplete', verb: 'create',
      user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
      sourceIPs: ['10.1.1.1', '127.0.0.1'], userAgent: 'me',
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { k: '<v>' } },
      annotations: ALLOWED,
    }); // prettier-ignore
    expect(last!['responseObject']).not.toHaveProperty('metadata.managedFields');
  });
  it('shows the defaults of a kind, patches as they came, and options of deletions', async () => {
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], automountServiceAccountToken: false } }; // prettier-ignore
    const [, created] = await noted('POST', `${base}/pods`, pod);
    expect(created).toMatchObject({ requestObject: { spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst' } } });
    const patch = { metadata: { labels: { a: 'b' } } };
    const [, patched] = await noted('PATCH', `${base}/pods/p`, JSON.stringify(patch), { 'content-type': 'application/merge-patch+json' }); // prettier-ignore
    expect(patched!['requestObject']).toEqual(patch);
    const [, deleted] = await noted('DELETE', `${base}/pods/p`, { gracePeriodSeconds: 0 });
    expect(deleted!['requestObject']).toEqual({ kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/__internal', gracePeriodSeconds: 0 }); // prettier-ignore
  });
  it('keeps to the level that the policy asks for', async () => {
    const [, last] = await noted('POST', `${base}/secrets`, { metadata: { name: 's' }, stringData: { k: 'v' } });
    expect(last).toMatchObject({ level: 'Metadata', objectRef: { name: 's' }, responseStatus: { code: 201 } });
    expect(last).not.toHaveProperty('requestObject');
    expect(last).not.toHaveProperty('responseObject');
    expect(await noted('GET', '/version')).toEqual([]);
  });
  it('says what was refused, who acted for whom, and what is deprecated', async () => {
    const [, refused] = await noted('GET', `${base}/pods`, undefined, { 'impersonate-user': 'eve' });
    expect(refused).toMatchObject({
      impersonatedUser: { username: 'eve', groups: ['system:authenticated'] },
      responseStatus: { status: 'Failure', reason: 'Forbidden', code: 403 },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
    const [only, ...more] = await noted('GET', `${base}/pods`, undefined, { authorization: 'Bearer nobody' });
    expect(more).toEqual([]);
    expect(only).toMatchObject({ stage: 'ResponseStarted', user: {}, responseStatus: { reason: 'Unauthorized', code: 401 } }); // prettier-ignore
    const [, old] = await noted('GET', `${base}/endpoints`);
    expect(old!['annotations']).toEqual({ ...ALLOWED, 'k8s.io/deprecated': 'true' });
  });
  it('says where a token without an end is kept, and warns who shows one that nobody asked for', async () => {
    const call = (path: string, body: object) => noted('POST', `${base}/${path}`, body);
    await call('serviceaccounts', { metadata: { name: 'robot' }, secrets: [{ name: 'kept' }] });
    const text = await httpsCall({ port: all.servers[0]!.port, ca: pki.ca, path: `${base}/serviceaccounts/robot`, cert: pki.adminCert, key: pki.adminKey }); // prettier-ignore
    const { uid } = (JSON.parse(text.text) as { metadata: { uid: string } }).metadata;
    const of = 'kubernetes.io/serviceaccount/';
    const sub = 'system:serviceaccount:default:robot';
    const token = signJwt(readTokenKey(pki.serviceAccountKey), { iss: 'kubernetes/serviceaccount', sub, [`${of}namespace`]: 'default', [`${of}secret.name`]: 'kept', [`${of}service-account.name`]: 'robot', [`${of}service-account.uid`]: uid }); // prettier-ignore
    await call('secrets', { metadata: { name: 'kept' }, stringData: { token } });
    const authorization = `Bearer ${token}`;
    const [, last] = await noted('GET', `${base}/pods`, undefined, { authorization });
    const key = 'authentication.k8s.io/legacy-token';
    expect(last).toMatchObject({
      user: { username: sub, uid }, responseStatus: { code: 403 },
      annotations: { [key]: sub, [`${key}-autogenerated-secret`]: 'kept' },
    }); // prettier-ignore
    const warned = await httpsCall({ port: all.servers[0]!.port, ca: pki.ca, path: `${base}/pods`, headers: { authorization } }); // prettier-ignore
    expect(warned.headers['warning']).toBe('299 - "Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens."'); // prettier-ignore
    const status = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const [, review] = await noted('POST', '/apis/authentication.k8s.io/v1/tokenreviews', status);
    expect(review).toMatchObject({ annotations: { [`${key}-autogenerated-secret`]: 'kept' } });
  });
  it('says by which level of security a pod was judged', async () => {
    await noted('POST', '/api/v1/namespaces', { metadata: { name: 'n', labels: { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/audit': 'restricted' } } }); // prettier-ignore
    await noted('POST', '/api/v1/namespaces/n/serviceaccounts', { metadata: { name: 'default' } });
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], hostNetwork: true, automountServiceAccountToken: false } }; // prettier-ignore
    const [, last] = await noted('POST', '/api/v1/namespaces/n/pods', pod);
    const { annotations } = last as unknown as { annotations: Record<string, string> };
    expect(annotations['pod-security.kubernetes.io/enforce-policy']).toBe('baseline:latest');
    expect(annotations['pod-security.kubernetes.io/audit-violations']).toMatch(/^would violate PodSecurity "restricted:latest": host namespaces/); // prettier-ignore
  });
  it('goes on for as long as a watch', async () => {
    const stages = (await noted('GET', `${base}/configmaps?watch=1&timeoutSeconds=1`)).map((e) => e.stage);
    expect(stages.slice(0, 2)).toEqual(['RequestReceived', 'ResponseStarted']);
    await until(() => events.at(-1)!.stage === 'ResponseComplete');
    expect(events.at(-1)!['verb']).toBe('watch');
  });
  it("holds what the cluster's own components do", async () => {
    const before = events.length;
    await all.client('admin').list(pods, { namespace: 'default' });
    expect(events.slice(before)).toMatchObject([
      { stage: 'RequestReceived', requestURI: '/api/v1/namespaces/default/pods', verb: 'list' },
      { stage: 'ResponseComplete', responseStatus: { code: 200 }, responseObject: { kind: 'PodList' }, annotations: ALLOWED }, // prettier-ignore
    ]);
  });
});
