import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../testing/cluster.ts';
import type { ActorPage, MachineList, ServerMessage } from './protocol.ts';
import { serveForTest, type Served } from './testing/serve.ts';

let s: Served;
let cookie: string;
beforeAll(async () => {
  s = await serveForTest();
  for (let i = 0; i < 3; i++) s.component.start(`pod/default/web-${i}`);
  cookie = await s.login();
});
afterAll(() => s.stop());
const statusOf = (text: string): unknown => JSON.parse(text) as unknown;

describe('logging in', () => {
  it('takes a code once, for a cookie that no script and no other site gets', async () => {
    const code = s.code();
    const first = await s.send('POST', '/api/login', { body: { code } });
    expect(first.status).toBe(200);
    expect(JSON.parse(first.text)).toEqual({ user: 'kubernetes-admin', canControl: true, cluster: 'test' });
    expect(String(first.headers['set-cookie'])).toMatch(
      /^__Host-kubus-console-\d+=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    expect((await s.send('POST', '/api/login', { body: { code } })).status).toBe(401);
  });
  it.each([
    ['an old code', () => ({ code: s.code(Date.now() - 11 * 60_000) }), 401],
    ['a code with a later end', () => ({ code: s.code().replace(/^[^.]+/, (Date.now() + 9e9).toString(36)) }), 401],
    ['a code of nobody', () => ({ code: 'x.y.z' }), 401],
    ['no code', () => ({ code: '' }), 401],
    ['a token that nobody knows', () => ({ token: 'abc' }), 401],
    ['nothing', () => ({}), 400],
    ['null', () => null, 400],
  ])('refuses %s', async (_what, body, status) => {
    const answer = await s.send('POST', '/api/login', { body: body() });
    expect([answer.status, statusOf(answer.text)]).toMatchObject([status, { kind: 'Status', code: status }]);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
  it('forgets a session that logged out', async () => {
    const mine = await s.login();
    expect((await s.send('GET', '/api/session', { headers: { cookie: mine } })).status).toBe(200);
    expect((await s.send('POST', '/api/logout', { headers: { cookie: mine } })).status).toBe(204);
    expect((await s.send('GET', '/api/session', { headers: { cookie: mine } })).status).toBe(401);
  });
  it('recognizes bearer tokens and certificates of administrators', async () => {
    const viewer = await s.send('GET', '/api/session', { headers: { authorization: 'Bearer viewer' } });
    expect(JSON.parse(viewer.text)).toMatchObject({ user: 'viewer', canControl: false });
    const admin = await s.send('GET', '/api/session', { certificate: true });
    expect(JSON.parse(admin.text)).toMatchObject({ user: 'kubernetes-admin', canControl: true });
  });
  it.each(['/api/session', '/api/machines', '/api/actors', '/api/stream'])('wants one for %s', async (path) => {
    for (const headers of [{}, { cookie: cookie.replace(/=.*/, '=guess') }, { authorization: 'Bearer guess' }])
      expect((await s.send('GET', path, { headers })).status).toBe(401);
  });
});

describe('other sites', () => {
  it.each([
    ['without our header', { 'kubus-console': '' }],
    ['from another origin', { origin: 'https://evil.example' }],
    ['as a browser says', { 'sec-fetch-site': 'cross-site' }],
    ['from another port of this host', { 'sec-fetch-site': 'same-site' }],
  ])('can change nothing: %s', async (_how, headers) => {
    const body = { type: 'pause', target: { component: 'scheduler', id: 's-1', actor: 'pod/default/web-0' } };
    const answer = await s.send('POST', '/api/commands', { body, headers: { cookie, ...headers } });
    expect(answer.status).toBe(403);
  });
  it('can read nothing, and frame nothing', async () => {
    const read = await s.send('GET', '/api/machines', { headers: { cookie, 'sec-fetch-site': 'cross-site' } });
    expect(read.status).toBe(403);
    const page = await s.send('GET', '/');
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
    );
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|http/);
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(page.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the files', () => {
  it('are the page, and nothing beside it', async () => {
    const page = await s.send('GET', '/');
    expect([page.status, page.text]).toEqual([200, '<!doctype html><title>page</title>']);
    const again = await s.send('GET', '/', { headers: { 'if-none-match': String(page.headers['etag']) } });
    expect(again.status).toBe(304);
    for (const path of ['/secret.key', '/pki/ca.key', '/../pki/ca.key', '/%2e%2e/pki/ca.key', '//etc/passwd'])
      expect((await s.send('GET', path)).status).toBe(404);
    expect((await s.send('GET', '/healthz')).text).toBe('ok');
  });
});

describe('the API', () => {
  it('tells the charts and the actors', async () => {
    const { machines } = JSON.parse(
      (await s.send('GET', '/api/machines', { headers: { cookie } })).text,
    ) as MachineList;
    expect(machines.map((m) => m.id)).toContain('pod');
    const page = JSON.parse(
      (await s.send('GET', '/api/actors?limit=2&text=WEB', { headers: { cookie } })).text,
    ) as ActorPage;
    expect(page.actors.map((a) => a.actor)).toEqual(['pod/default/web-0', 'pod/default/web-1']);
    const rest = JSON.parse(
      (await s.send('GET', `/api/actors?limit=2&continue=${page.continue}`, { headers: { cookie } })).text,
    ) as ActorPage;
    expect(rest).toMatchObject({ actors: [{ actor: 'pod/default/web-2' }] });
    expect(rest.continue).toBeUndefined();
  });
  it.each([
    ['GET', '/api/actors?limit=0', undefined, 400],
    ['GET', '/api/actors?continue=zzz', undefined, 400],
    ['GET', '/api/nothing', undefined, 404],
    ['DELETE', '/api/actors', undefined, 405],
    ['PUT', '/api/follow', { stream: 'none', actors: [] }, 404],
    ['PUT', '/api/follow', { stream: 'none', actors: [{}] }, 400],
    ['PUT', '/api/follow', { stream: 'none', actors: Array.from({ length: 17 }, () => ({})) }, 400],
    ['POST', '/api/commands', { type: 'explode', target: { component: 'a', id: 'b', actor: 'c' } }, 400],
    ['POST', '/api/commands', { type: 'break', target: { component: 'a', id: 'b', actor: 'c' }, on: {} }, 400],
    ['POST', '/api/commands', { type: 'pause', target: 5 }, 400],
    ['POST', '/api/commands', { type: 'pause', target: { component: 'scheduler', id: 's-1', actor: 'none' } }, 404],
  ])('answers %s %s with a Status: %j -> %i', async (method, path, body, status) => {
    const answer = await s.send(method, path, { headers: { cookie }, ...(body !== undefined && { body }) });
    expect([answer.status, statusOf(answer.text)]).toMatchObject([status, { kind: 'Status', code: status }]);
  });
  it.each([
    ['what is not JSON', { raw: '{' }, 400],
    ['a form', { raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['too much', { raw: JSON.stringify('x'.repeat(70_000)) }, 413],
  ])('refuses a body that is %s', async (_what, o, status) => {
    const answer = await s.send('POST', '/api/commands', {
      ...o,
      headers: { cookie, ...('headers' in o && o.headers) },
    });
    expect(answer.status).toBe(status);
  });
  it('lets those look who may not control', async () => {
    const headers = { authorization: 'Bearer viewer' };
    expect((await s.send('GET', '/api/actors', { headers })).status).toBe(200);
    const body = { type: 'pause', target: { component: 'scheduler', id: 's-1', actor: 'pod/default/web-0' } };
    const answer = await s.send('POST', '/api/commands', { headers, body });
    expect([answer.status, statusOf(answer.text)]).toMatchObject([403, { message: expect.stringContaining('nonResourceURLs') }]); // prettier-ignore
  });
  it('streams: hello, components, counts, then what happens; follows and steers an actor', async () => {
    const { messages, close } = await s.stream(cookie);
    const find = <T extends ServerMessage['type']>(type: T) =>
      messages.findLast((m): m is Extract<ServerMessage, { type: T }> => m.type === type);
    const hello = await eventually('hello', () => find('hello'));
    await eventually('counts', () => messages.find((m) => m.type === 'counts' && m.rows.some((r) => r.count === 3)));
    expect(messages.slice(0, 3).map((m) => m.type)).toEqual(['hello', 'components', 'counts']);
    const target = { component: 'scheduler', id: 's-1', actor: 'pod/default/web-0' };
    const put = await s.send('PUT', '/api/follow', {
      headers: { cookie },
      body: { stream: hello.stream, actors: [target] },
    });
    expect(put.status).toBe(204);
    await eventually('it is followed', () => find('followed'));
    const command = (body: object) =>
      s.send('POST', '/api/commands', { headers: { cookie }, body: { target, ...body } });
    expect(JSON.parse((await command({ type: 'pause' })).text)).toMatchObject({ control: { mode: 'paused' } });
    s.component.actors.get(target.actor)!.send({ type: 'go' });
    expect((await command({ type: 'step' })).status).toBe(200);
    const steps = await eventually('the step', () => find('steps'));
    expect(steps).toMatchObject({ actor: target, steps: [{ event: 'go', from: ['red'], to: ['green.bright'] }] });
    expect((await command({ type: 'step' })).status).toBe(409);
    expect((await command({ type: 'resume' })).status).toBe(200);
    await eventually('it runs', () => (find('control')?.control.mode === 'running' ? true : undefined));
    close();
  });
});
