import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../../bus/real-world.ts';
import { startReviewServer, type ReviewServer } from '../../../../ops/testing/review-server.ts';
import { createTokenWebhook, type TokenWebhook } from './token-reviews.ts';

const AUDIENCES = ['https://api.example'];
let reviews: ReviewServer<Record<string, unknown>>;
const opened: TokenWebhook[] = [];
beforeAll(async () => {
  reviews = await startReviewServer();
});
beforeEach(() => {
  reviews.asked = [];
});
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
});
afterAll(() => reviews.close());
const open = (version: 'v1' | 'v1beta1' = 'v1', cacheMs = 60_000) => {
  const options = { server: { url: reviews.url, ca: reviews.ca }, version, cacheMs };
  const webhook = createTokenWebhook(realWorld({ level: 'silent' }), options, AUDIENCES);
  opened.push(webhook);
  return webhook.authenticate;
};
const says =
  (status: object, more: object = {}) =>
  (response: ServerResponse, review: Record<string, unknown>) =>
    void response.end(JSON.stringify({ kind: 'TokenReview', apiVersion: review['apiVersion'], status, ...more }));
const user = { username: 'bob', uid: '7', groups: ['g'], extra: { 'x/y': ['1'] } };
const bob = { name: 'bob', uid: '7', groups: ['g', 'system:authenticated'], extra: { 'x/y': ['1'] } };

describe('a server that reviews tokens', () => {
  it.each(['v1', 'v1beta1'] as const)('is asked in %s, and believed', async (version) => {
    reviews.respond = says({ authenticated: true, user });
    expect(await open(version)('t', AUDIENCES)).toEqual({ user: bob, audiences: AUDIENCES });
    expect(reviews.asked).toMatchObject([
      {
        apiVersion: `authentication.k8s.io/${version}`,
        kind: 'TokenReview',
        spec: { token: 't', audiences: AUDIENCES },
      },
    ]);
  });
  // What kube-apiserver makes of the same answers.
  it.each<[name: string, respond: typeof reviews.respond, found: object]>([
    ['no', says({ authenticated: false }), { user: undefined }],
    ['nothing', says({}, { status: undefined }), { user: undefined }],
    ['why not', says({ authenticated: false, error: 'I do not like it' }), { user: undefined, error: 'I do not like it' }],
    ['yes and why not', says({ authenticated: true, error: 'hm', user: { username: 'b' } }), { user: { name: 'b', groups: ['system:authenticated'] }, audiences: AUDIENCES }],
    ['yes to nobody', says({ authenticated: true }), { user: { name: '', groups: ['system:authenticated'] }, audiences: AUDIENCES }],
    ['yes for others', says({ authenticated: true, user, audiences: ['elsewhere'] }), { user: undefined }],
    ['yes for us among others', says({ authenticated: true, user, audiences: ['elsewhere', ...AUDIENCES] }), { user: bob, audiences: AUDIENCES }],
    ['another type', says({ authenticated: 'yes' }), { user: undefined, error: 'json: cannot unmarshal string into Go struct field TokenReviewStatus.status.authenticated of type bool' }],
    ['groups that are none', says({ authenticated: true, user: { username: 'b', groups: 'g' } }), { user: undefined, error: 'json: cannot unmarshal string into Go struct field UserInfo.status.user.groups of type []string' }],
    ['another kind', (r) => void r.end('{"kind":"Pod","apiVersion":"v1"}'), { user: undefined, error: 'converting (v1.Pod) to (v1.TokenReview): unknown conversion' }],
    ['garbage', (r) => void r.end('{garbage'), { user: undefined, error: "couldn't get version/kind; json parse error: invalid character 'g' looking for beginning of object key string" }],
    ['no byte', (r) => void r.end(), { user: undefined, error: '0-length response with status code: 200 and content type: application/json' }],
    ['who are you', (r) => void r.writeHead(401).end('{}'), { user: undefined, error: 'the server has asked for the client to provide credentials' }],
    ['ten megabytes', (r) => void r.end('y'.repeat(10_000_000)), { user: undefined, error: 'unexpected error when reading response body. Please retry. Original error: the answer is longer than 3145728 bytes' }],
  ])('that says %s', async (_, act, found) => {
    reviews.respond = act;
    expect(await open()('t', AUDIENCES)).toEqual(found);
    expect(reviews.asked.length).toBe(1);
  }); // prettier-ignore
  it('is asked once for many who come at once, and not again for a while; for other audiences it is', async () => {
    const authenticate = open();
    reviews.respond = (response, review) => setImmediate(() => says({ authenticated: true, user })(response, review));
    await Promise.all(Array.from({ length: 20 }, () => authenticate('t', AUDIENCES)));
    await authenticate('t', AUDIENCES);
    expect(reviews.asked.length).toBe(1);
    await authenticate('t', ['x', ...AUDIENCES]);
    expect(reviews.asked.length).toBe(2);
  });
  it('whose no is remembered, but not that it was in trouble', async () => {
    const authenticate = open();
    reviews.respond = says({ authenticated: false });
    await authenticate('no', AUDIENCES);
    reviews.respond = says({ authenticated: true, user });
    expect(await authenticate('no', AUDIENCES)).toEqual({ user: undefined });
    reviews.respond = (response) => void response.writeHead(403).end('{}');
    expect(await authenticate('trouble', AUDIENCES)).toMatchObject({ error: expect.any(String) });
    reviews.respond = says({ authenticated: true, user });
    expect(await authenticate('trouble', AUDIENCES)).toMatchObject({ user: bob });
  });
  it('is asked each time where nothing is to be remembered', async () => {
    const authenticate = open('v1', 0);
    reviews.respond = says({ authenticated: true, user });
    await authenticate('t', AUDIENCES);
    await authenticate('t', AUDIENCES);
    expect(reviews.asked.length).toBe(2);
  });
});
