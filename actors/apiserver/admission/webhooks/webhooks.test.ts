import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { httpsCall, type HttpsAnswer } from '../../testing/https-call.ts';
import { jsonPatch, startHookServer, type HookServer, type Respond } from '../../testing/hook-server.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

let all: TestServers;
let pki: TestPki;
let hooks: HookServer;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(2, pki);
  hooks = await startHookServer({ key: pki.serverKey, cert: pki.serverCert });
});
afterAll(async () => {
  await all.stop();
  await hooks.stop();
  folder.remove();
});

interface Answered {
  readonly status: number;
  readonly body: {
    readonly message?: string;
    readonly metadata?: { readonly labels?: object };
    readonly data?: object;
  };
  readonly warning: string;
}
const ask = async (server: number, method: string, path: string, body?: object): Promise<Answered> => {
  const { port } = all.servers[server]!;
  const headers = { authorization: 'Bearer secret' };
  const answer: HttpsAnswer = await httpsCall({ port, method, path, headers, ca: pki.ca }, body);
  const warning = answer.headers['warning'] ?? '';
  return { status: answer.status, body: JSON.parse(answer.text) as Answered['body'], warning };
};
const GROUP = '/apis/admissionregistration.k8s.io/v1';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const made: string[] = [];
let count = 0;
/** Configures a webhook about configmaps and says under which name. */
async function configure(kind: 'Validating' | 'Mutating', ...webhooks: { readonly url: string; readonly [key: string]: unknown }[]): Promise<string> {
  const name = `w${count++}`;
  const path = `${GROUP}/${kind.toLowerCase()}webhookconfigurations`;
  const { status, body } = await ask(0, 'POST', path, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: webhooks.map(({ url, ...more }, i) => ({
      name: `${name}-${i}.example.com`,
      clientConfig: { url, caBundle: Buffer.from(pki.ca).toString('base64') },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      timeoutSeconds: 20,
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
      ...more,
    })),
  });
  expect(status, body.message).toBe(201);
  made.push(`${path}/${name}`);
  return name;
} // prettier-ignore
afterEach(async () => {
  for (const path of made.splice(0)) expect((await ask(0, 'DELETE', path)).status).toBe(200);
  hooks.asked.length = 0;
});
const configMap = (more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `c${count++}` },
  ...more,
});
const create = (server = 0, object: object = configMap(), query = ''): Promise<Answered> =>
  ask(server, 'POST', CONFIG_MAPS + query, object);
const answers =
  (response: object): Respond =>
  () =>
    response;

describe('a webhook', () => {
  it('refuses in its own words and with its own code', async () => {
    const name = await configure('Validating', { url: hooks.on('/no', answers({ allowed: false, status: { code: 403, message: 'not today' } })) });
    const { status, body } = await create();
    expect(status).toBe(403);
    expect(body.message).toBe(`admission webhook "${name}-0.example.com" denied the request: not today`);
  }); // prettier-ignore
  it('counts on every server at once, and no longer once it is gone', async () => {
    const url = hooks.on('/both', answers({ allowed: false }));
    await configure('Validating', { url });
    // The other server hears of it over the bus: within one turn of it here.
    expect((await create(0)).status).toBe(400);
    await expect.poll(() => create(1).then(({ status }) => status), { interval: 5, timeout: 1000 }).toBe(400);
    await ask(0, 'DELETE', made.pop()!);
    expect((await create(0)).status).toBe(201);
    await expect.poll(() => create(1).then(({ status }) => status), { interval: 5, timeout: 1000 }).toBe(201);
  });
  it('warns, is told who asks for what, and is asked in dry runs', async () => {
    await configure('Validating', { url: hooks.on('/warn', answers({ warnings: ['careful'] })) });
    const { warning } = await create(0, configMap(), '?dryRun=All&fieldManager=me');
    expect(warning).toBe('299 - "careful"');
    expect(hooks.asked.at(-1)!.review.request).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'token-user' },
      oldObject: null,
      dryRun: true,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'], fieldManager: 'me' },
    });
  });
  it('is asked only about what it selects', async () => {
    const objectSelector = { matchLabels: { pick: 'me' } };
    const matchConditions = [{ name: 'named', expression: 'object.metadata.labels.more == "yes"' }];
    await configure('Validating', { url: hooks.on('/picky', answers({})), objectSelector, matchConditions });
    await create();
    await create(0, configMap({ metadata: { name: `c${count++}`, labels: { pick: 'me', more: 'no' } } }));
    expect(hooks.asked).toHaveLength(0);
    await create(0, configMap({ metadata: { name: `c${count++}`, labels: { pick: 'me', more: 'yes' } } }));
    expect(hooks.asked).toHaveLength(1);
  });
  it('is asked about other versions of the same kind in the one that it knows', async () => {
    const rules = [{ apiGroups: ['autoscaling'], apiVersions: ['v1'], operations: ['*'], resources: ['*'] }];
    await configure('Validating', { url: hooks.on('/v1', answers({})), rules }, { url: hooks.on('/exact', answers({})), rules, matchPolicy: 'Exact' });
    const spec = { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3 };
    await ask(0, 'POST', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers?dryRun=All', {
      apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h' }, spec,
    });
    expect(hooks.asked.map(({ path }) => path)).toEqual(['/v1']);
    expect(hooks.asked[0]!.review.request).toMatchObject({
      kind: { version: 'v1' }, requestKind: { version: 'v2' }, object: { apiVersion: 'autoscaling/v1' },
    });
  }); // prettier-ignore
  it('does not decide about itself', async () => {
    const rules = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }];
    await configure('Validating', { url: hooks.on('/all', answers({ allowed: false })), rules });
    expect((await ask(0, 'DELETE', made.pop()!)).status).toBe(200);
  });
});

describe('webhooks that change objects', () => {
  const label = (name: string): object => jsonPatch({ op: 'add', path: '/metadata/labels', value: { [name]: 'yes' } });
  it('see what those before them made of it', async () => {
    const first = hooks.on('/first', answers(label('one')));
    const second = hooks.on('/second', ({ request }) => {
      const { labels } = (request['object'] as { metadata: { labels: object } }).metadata;
      return jsonPatch({ op: 'add', path: '/data', value: { seen: Object.keys(labels).join(',') } });
    });
    await configure('Mutating', { url: first }, { url: second });
    expect((await create()).body).toMatchObject({ metadata: { labels: { one: 'yes' } }, data: { seen: 'one' } });
  });
  it('are asked again if they wish when somebody after them changed it', async () => {
    const rounds = (path: string): number => hooks.asked.filter((one) => one.path === path).length;
    const data = jsonPatch({ op: 'add', path: '/data', value: { later: 'yes' } });
    await configure('Mutating', { url: hooks.on('/again', answers({})), reinvocationPolicy: 'IfNeeded' }, { url: hooks.on('/once', answers(data)) });
    await create();
    expect([rounds('/again'), rounds('/once')]).toEqual([2, 1]);
  }); // prettier-ignore
  it.each([
    [[{ op: 'add', path: '/nope/x', value: 1 }], 'add operation does not apply: doc is missing path: "/nope/x": missing value'],
    [[{ op: 'test', path: '/metadata/name', value: 'zzz' }], 'testing value /metadata/name failed: test failed'],
    [[{ op: 'add', path: '/data', value: { a: 1 } }], 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string'],
  ])('that send what does not fit are the server’s fault, whatever the failure policy: %j', async (operations, why) => {
    await configure('Mutating', { url: hooks.on('/bad', answers(jsonPatch(...operations))), failurePolicy: 'Ignore' });
    const { status, body } = await create();
    expect([status, body.message]).toEqual([500, `Internal error occurred: ${why}`]);
  }); // prettier-ignore
});

describe('a webhook that does not answer as it should', () => {
  it.each<[string, Respond, string]>([
    ['lies about the request', () => ({ uid: 'other' }), 'received invalid webhook response: expected response.uid='],
    ['answers with a code', (_r, response) => void response.writeHead(503).end('busy'), 'failed to call webhook: the server is currently unable to handle the request'],
    ['goes away', (_r, _a, request) => void request.socket.destroy(), 'EOF'],
    ['breaks off', (_r, response, request) => void response.writeHead(200, { 'content-length': '99' }).write('{', () => request.socket.destroy()), 'failed to call webhook: '],
    ['leads in a circle', (_r, response) => void response.writeHead(307, { location: '/bad' }).end(), 'failed to call webhook: Post "/bad": stopped after 10 redirects'],
    ['speaks no JSON', (_r, response) => void response.writeHead(200).end('<html>'), "couldn't get version/kind; json parse error: "],
  ])('%s: fails the request, or not if that is the policy', async (_name, respond, why) => {
    const url = hooks.on('/bad', respond);
    const name = await configure('Validating', { url });
    const { status, body } = await create();
    expect(status).toBe(500);
    expect(body.message).toContain(`Internal error occurred: failed calling webhook "${name}-0.example.com": `);
    expect(body.message).toContain(why);
    await ask(0, 'DELETE', made.pop()!);
    await configure('Validating', { url, failurePolicy: 'Ignore' });
    expect((await create()).status).toBe(201);
  }); // prettier-ignore
  it('and is slow holds up nobody else', async () => {
    const waiting = Promise.withResolvers<() => void>();
    const objectSelector = { matchLabels: { slow: 'yes' } };
    const url = hooks.on('/slow', ({ apiVersion, request: { uid } }, response) =>
      waiting.resolve(() =>
        response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion, response: { uid, allowed: true } })),
      ),
    );
    await configure('Validating', { url, timeoutSeconds: 30, objectSelector });
    const slow = create(0, configMap({ metadata: { name: `c${count++}`, labels: { slow: 'yes' } } }));
    const answer = await waiting.promise;
    for (let i = 0; i < 5; i++) expect((await create()).status).toBe(201);
    answer();
    expect((await slow).status).toBe(201);
  });
  it('and hangs is given up in time', async () => {
    const name = await configure('Validating', { url: hooks.on('/hang', () => undefined), timeoutSeconds: 1 });
    expect((await create()).body.message).toBe(
      `Internal error occurred: failed calling webhook "${name}-0.example.com": failed to call webhook: Post "https://127.0.0.1:${hooks.port}/hang?timeout=1s": context deadline exceeded`,
    );
  });
  it('is counted under the names that dashboards look for', async () => {
    const name = await configure('Validating', { url: hooks.on('/no', answers({ allowed: false })) });
    await create();
    const { port } = all.servers[0]!;
    const { text } = await httpsCall({ port, path: '/metrics', headers: { authorization: 'Bearer secret' }, ca: pki.ca });
    const labels = `name="${name}-0.example.com",type="validating",operation="CREATE"`;
    expect(text).toContain(`apiserver_admission_webhook_request_total{${labels},code="400",rejected="true"} 1`);
    expect(text).toContain(`apiserver_admission_webhook_rejection_count{${labels},error_type="no_error",rejection_code="400"} 1`);
  }); // prettier-ignore
});
