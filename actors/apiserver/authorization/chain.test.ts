import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { createMetrics } from '../metrics/index.ts';
import type { Decision, RequestInfo, UserInfo } from '../request.ts';
import { fakeCluster } from '../testing/fake-cluster.ts';
import { startReviewServer, type ReviewServer } from '../../../ops/testing/review-server.ts';
import { createAuthorizer, createConfiguredAuthorizer, type ConfigurationChange } from './authorizer.ts';
import { createChains } from './chain.ts';
import type { AuthorizerConfiguration, WebhookSettings } from './configuration.ts';
import { createReviews } from './reviews.ts';

let reviews: ReviewServer<{ apiVersion: string; spec: Record<string, unknown> }>;
const closing: (() => void)[] = [];
beforeAll(async () => {
  reviews = await startReviewServer();
});
beforeEach(() => void (reviews.asked = []));
afterAll(async () => {
  closing.forEach((close) => close());
  await reviews.close();
});

const alice: UserInfo = { name: 'alice', groups: ['g'], extra: { k: ['v'] } };
const pods = { isResource: true, path: '', verb: 'list', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'd', name: '' }; // prettier-ignore
const says =
  (status: object, apiVersion = 'authorization.k8s.io/v1') =>
  (response: ServerResponse) =>
    void response.end(JSON.stringify({ kind: 'SubjectAccessReview', apiVersion, status }));
const webhook = (name: string, more: Partial<WebhookSettings> = {}): AuthorizerConfiguration => ({
  type: 'Webhook',
  name,
  webhook: {
    authorizedTtlMs: 0, unauthorizedTtlMs: 0, timeoutMs: 20_000, version: 'v1', deniesOnError: false, conditions: undefined,
    server: { url: reviews.url, ca: reviews.ca }, ...more,
  },
}); // prettier-ignore
const own = (type: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny'): AuthorizerConfiguration => ({
  type,
  name: type.toLowerCase(),
});
function chainOf(...authorizers: AuthorizerConfiguration[]) {
  const metrics = createMetrics();
  let change: ((next: ConfigurationChange | undefined) => void) | undefined;
  const authorizer = createConfiguredAuthorizer(
    createAuthorizer(fakeCluster()),
    { authorizers, chains: createChains, hash: 'h1', onChange: (listener) => ((change = listener), () => undefined) },
    realWorld({ level: 'silent' }),
    metrics,
  );
  closing.push(() => authorizer.close());
  const decide = async (user = alice, info: RequestInfo = pods): Promise<Decision> => authorizer.authorize(user, info);
  const counted = async (name: string) => (await metrics.render()).split('\n').filter((line) => line.startsWith(name));
  return { authorizer, decide, counted, change: (next: ConfigurationChange | undefined) => change!(next) };
}

describe('of several authorizers', () => {
  it('the first that says yes or no decides; of the others all reasons are told', async () => {
    expect(await chainOf(own('AlwaysDeny'), own('RBAC')).decide()).toEqual({ allowed: 'noOpinion', reason: 'Everything is forbidden.' }); // prettier-ignore
    expect(await chainOf(own('AlwaysDeny'), own('AlwaysAllow')).decide()).toEqual({ allowed: 'yes', reason: '' });
    reviews.respond = says({ allowed: false, reason: 'not mine' });
    expect(await chainOf(own('AlwaysDeny'), webhook('a')).decide()).toEqual({ allowed: 'noOpinion', reason: 'Everything is forbidden.\nnot mine' }); // prettier-ignore
    reviews.respond = says({ allowed: false, denied: true, reason: 'never' });
    expect(await chainOf(webhook('a'), own('AlwaysAllow')).decide()).toEqual({ allowed: 'no', reason: 'never' });
    expect(reviews.asked).toHaveLength(2);
  });
  it('nobody is asked of system:masters, nor waited for where nobody is far', () => {
    const { authorizer } = chainOf(webhook('a'));
    expect(authorizer.authorize({ name: 'm', groups: ['system:masters'] }, pods)).toEqual({ allowed: 'yes', reason: '' }); // prettier-ignore
    expect(chainOf(own('Node'), own('RBAC')).authorizer.authorize(alice, pods)).toEqual({ allowed: 'noOpinion', reason: '' }); // prettier-ignore
    expect(reviews.asked).toEqual([]);
  });
  it('what a user may altogether is told as far as it is known', () => {
    const { authorizer } = chainOf(own('Node'), webhook('a'), own('AlwaysAllow'));
    const node = { name: 'system:node:n', groups: ['system:nodes'] };
    expect(authorizer.rulesFor(node, 'd')).toEqual({
      rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: true,
      errors: ['node authorizer does not support user rule resolution', 'webhook authorizer does not support user rule resolution'],
    }); // prettier-ignore
  });
  it('others take their place while it runs, and it is counted who decided', async () => {
    const { decide, counted, change } = chainOf(own('AlwaysAllow'));
    await decide();
    change(undefined);
    change({ authorizers: [own('AlwaysDeny')], hash: 'h2' });
    expect((await decide()).allowed).toBe('noOpinion');
    expect(await counted('apiserver_authorization_decisions_total{')).toEqual([
      'apiserver_authorization_decisions_total{decision="allowed",name="alwaysallow",type="AlwaysAllow"} 1',
    ]);
    const own_ = 'apiserver_authorization_config_controller_';
    expect(await counted(`${own_}automatic_reloads_total{`)).toEqual([
      `${own_}automatic_reloads_total{status="failure"} 1`,
      `${own_}automatic_reloads_total{status="success"} 1`,
    ]);
    expect(await counted(`${own_}last_config_info{`)).toEqual([`${own_}last_config_info{hash="sha256:h2"} 1`]);
  });
});

describe('a webhook', () => {
  it('is told all that is known of the request, as its version has it', async () => {
    reviews.respond = says({ allowed: true, reason: 'so be it' });
    const info = { ...pods, fieldSelector: 'spec.nodeName=n,a!=b', labelSelector: 'a in (x,y),!c,d', group: 'apps', name: 'p' }; // prettier-ignore
    expect(await chainOf(webhook('a')).decide({ ...alice, uid: '7' }, info)).toEqual({ allowed: 'yes', reason: 'so be it' }); // prettier-ignore
    expect(reviews.asked[0]).toEqual({
      kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, status: { allowed: false },
      spec: {
        user: 'alice', groups: ['g'], uid: '7', extra: { k: ['v'] },
        resourceAttributes: {
          namespace: 'd', verb: 'list', group: 'apps', version: 'v1', resource: 'pods', name: 'p',
          fieldSelector: { requirements: [{ key: 'a', operator: 'NotIn', values: ['b'] }, { key: 'spec.nodeName', operator: 'In', values: ['n'] }] },
          labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['x', 'y'] }, { key: 'c', operator: 'DoesNotExist' }, { key: 'd', operator: 'Exists' }] },
        },
      },
    }); // prettier-ignore
    reviews.respond = says({ allowed: true }, 'authorization.k8s.io/v1beta1');
    const path = { ...pods, isResource: false, path: '/x', verb: 'get' };
    expect((await chainOf(webhook('a', { version: 'v1beta1' })).decide(alice, path)).allowed).toBe('yes');
    expect(reviews.asked[1]!.spec).toEqual({ user: 'alice', group: ['g'], extra: { k: ['v'] }, nonResourceAttributes: { path: '/x', verb: 'get' } }); // prettier-ignore
  });
  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['lies', says({ allowed: true, denied: true }), /^webhook subject access review returned both allow and deny response$/], // prettier-ignore
    ['speaks of another kind', (r) => void r.end('{"kind":"Foo","apiVersion":"v1"}'), /^no kind "Foo" is registered/],
    ['says another version', says({ allowed: true }, 'authorization.k8s.io/v1beta1'), /^no kind "SubjectAccessReview" is registered for version "authorization.k8s.io\/v1beta1"/], // prettier-ignore
    ['breaks off', (r) => void r.end('{"a":'), /^couldn't get version\/kind; json parse error: unexpected end of JSON input$/], // prettier-ignore
    ['says yes in words', says({ allowed: 'yes' }), /^json: cannot unmarshal string into Go struct field SubjectAccessReviewStatus.status.allowed of type bool$/], // prettier-ignore
    ['says ten megabytes', says({ allowed: true, reason: 'x'.repeat(10 << 20) }), /the answer is longer than 1048576 bytes$/], // prettier-ignore
    ['hangs', () => undefined, /Client.Timeout exceeded while awaiting headers\)$/],
    ['is busy', (r) => void r.writeHead(503).end(), /^the server is currently unable to handle the request$/],
  ])('that %s is passed over or its word is no, and the server failed if nobody else decides', async (_, answer, why) => {
    reviews.respond = answer;
    const lies = why.source.includes('both allow');
    // Only of the one that hangs anybody waits so long.
    const timeoutMs = why.source.includes('Timeout') ? 200 : 20_000;
    const open = chainOf(webhook('a', { timeoutMs }));
    expect(await open.decide()).toEqual({ allowed: lies ? 'no' : 'noOpinion', reason: '', error: expect.stringMatching(why) as string }); // prettier-ignore
    if (!lies) expect((await chainOf(webhook('a', { timeoutMs }), own('AlwaysAllow')).decide()).allowed).toBe('yes'); // prettier-ignore
    const closed = chainOf(webhook('a', { timeoutMs, deniesOnError: true }), own('AlwaysAllow'));
    expect(await closed.decide()).toEqual({ allowed: 'no', reason: '', error: expect.stringMatching(why) as string });
    const result = lies ? 'success' : why.source.includes('Timeout') ? 'timeout' : 'error';
    expect(await open.counted('apiserver_authorization_webhook_evaluations_total{')).toEqual([`apiserver_authorization_webhook_evaluations_total{name="a",result="${result}"} 1`]); // prettier-ignore
    expect(await open.counted('apiserver_authorization_webhook_evaluations_fail_open_total{')).toEqual(lies ? [] : [`apiserver_authorization_webhook_evaluations_fail_open_total{name="a",result="${result}"} 1`]); // prettier-ignore
  }); // prettier-ignore
  it('that says nothing of what it is says that it has no opinion', async () => {
    reviews.respond = (response) => void response.end('{}');
    expect(await chainOf(webhook('a')).decide()).toEqual({ allowed: 'noOpinion', reason: '' });
  });
  it('is not asked again of what it has answered, for as long as its word is good', async () => {
    reviews.respond = says({ allowed: true });
    const { decide } = chainOf(webhook('a', { authorizedTtlMs: 60_000 }));
    await decide();
    await decide({ ...alice });
    expect(reviews.asked).toHaveLength(1);
    await decide(alice, { ...pods, labelSelector: 'a=b' });
    expect(reviews.asked).toHaveLength(2);
    // What a client makes so long on purpose is not kept.
    const long = { ...pods, name: 'x'.repeat(10_000) };
    await decide(alice, long);
    await decide(alice, long);
    expect(reviews.asked).toHaveLength(4);
    reviews.respond = says({ allowed: false });
    await decide(alice, { ...pods, verb: 'get' });
    await decide(alice, { ...pods, verb: 'get' });
    expect(reviews.asked).toHaveLength(6);
  });
  it('is asked of what its conditions hold of, and says so where they cannot be told', async () => {
    const { decide, counted } = chainOf(
      webhook('a', {
        conditions: ({ user }) => (user === 'alice' ? false : { error: 'cel evaluation error' }),
        deniesOnError: true,
      }),
    );
    expect(await decide()).toEqual({ allowed: 'noOpinion', reason: '' });
    expect(await decide({ name: 'bob', groups: [] })).toEqual({ allowed: 'no', reason: '', error: 'cel evaluation error' }); // prettier-ignore
    expect(reviews.asked).toEqual([]);
    expect(await counted('apiserver_authorization_match_condition_e')).toContain('apiserver_authorization_match_condition_exclusions_total{name="a",type="Webhook"} 1'); // prettier-ignore
  });
  it('answers access reviews too, with what went wrong', async () => {
    reviews.respond = says({ allowed: true, denied: true, reason: 'hm' });
    const review = createReviews(chainOf(webhook('a')).authorizer).get('subjectaccessreviews')!;
    const spec = { user: 'zoe', nonResourceAttributes: { path: '/x', verb: 'get' } };
    const object = { kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec };
    const request = { info: pods, user: alice } as unknown as Parameters<typeof review>[0];
    expect((await review(request, object))['status']).toEqual({
      allowed: false,
      denied: true,
      reason: 'hm',
      evaluationError: 'webhook subject access review returned both allow and deny response',
    });
  });
});
