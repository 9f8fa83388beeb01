import { beforeEach, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { DOOR_DEFAULTS } from '../node/door-configuration.ts';
import { createAuthenticator, type Shown } from './clients.ts';
import { createAuthorizer } from './rights.ts';

let world: TestWorld;
let asked: { resource: string; spec: Record<string, unknown> }[];
let answer: (spec: Record<string, unknown>) => object;
const client = {
  create: async (gvr: { resource: string }, object: KubeObject & { spec: Record<string, unknown> }) => {
    asked.push({ resource: gvr.resource, spec: object.spec });
    return { ...object, status: answer(object.spec) };
  },
} as unknown as ApiClient;
beforeEach(() => {
  world = testWorld();
  asked = [];
});
const nothing: Shown = { certificate: undefined, authorization: undefined, protocols: undefined };

describe('a client', () => {
  const { authentication } = DOOR_DEFAULTS;
  const authenticate = (shown: Partial<Shown>, more: Partial<typeof authentication> = {}) =>
    createAuthenticator(world, client, { ...authentication, ...more })({ ...nothing, ...shown });
  const certificate = { commonName: 'alice', organizations: ['devs'], sha256: 'ab12' };
  const protocol = (token: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`; // prettier-ignore
  beforeEach(() => {
    answer = ({ token }) => (token === 'good' ? { authenticated: true, user: { username: 'bob', uid: 'u', groups: ['g'] } } : { error: 'expired' }); // prettier-ignore
  });
  it('is known by its certificate, and then nobody is asked', async () => {
    const { user } = await authenticate({ certificate, authorization: 'Bearer good' });
    expect(user).toEqual({
      username: 'alice',
      groups: ['devs', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    });
    expect(asked).toEqual([]);
  });
  it('without a name in its certificate is known by its token', async () => {
    const shown = { certificate: { ...certificate, commonName: '' }, authorization: 'Bearer good' };
    expect((await authenticate(shown)).user).toMatchObject({ username: 'bob' });
  });
  it('is known by its token, which the API reviews', async () => {
    const { user } = await authenticate({ authorization: 'bearer good' });
    expect(user).toEqual({ username: 'bob', uid: 'u', groups: ['g', 'system:authenticated'] });
    expect(asked).toEqual([{ resource: 'tokenreviews', spec: { token: 'good' } }]);
  });
  it('of a browser is known by a protocol, which is not told to anybody', async () => {
    const found = await authenticate({ protocols: `v5.channel.k8s.io, ${protocol('good')}` });
    expect(found).toMatchObject({ user: { username: 'bob' }, protocols: 'v5.channel.k8s.io' });
  });
  it.each<[string, Partial<Shown>, string | undefined]>([
    ['shows nothing', {}, undefined],
    ['shows a password', { authorization: 'Basic YTpi' }, undefined],
    ['shows a bad token', { authorization: 'Bearer bad' }, 'expired'],
    ['shows nothing but a token as protocol', { protocols: protocol('good') }, 'Unauthorized'],
  ])('that %s is nobody', async (_, shown, why) => {
    const found = await authenticate(shown);
    expect([found.user, 'why' in found && (found.why as Error | undefined)?.message]).toEqual([undefined, why]);
  });
  it('that shows nothing is anonymous where that may be, and one that shows what is wrong is not', async () => {
    const anonymous = { enabled: true };
    expect((await authenticate({}, { anonymous })).user).toEqual({ username: 'system:anonymous', groups: ['system:unauthenticated'] }); // prettier-ignore
    expect((await authenticate({ authorization: 'Bearer bad' }, { anonymous })).user).toBeUndefined();
  });
  it('has no token where tokens are not reviewed', async () => {
    expect((await authenticate({ authorization: 'Bearer good' }, { webhook: { enabled: false, cacheTTL: '2m' } })).user).toBeUndefined(); // prettier-ignore
    expect(asked).toEqual([]);
  });
  it('is remembered for two minutes, known or not', async () => {
    const ask = createAuthenticator(world, client, authentication);
    const both = async () => {
      for (const token of ['good', 'bad']) await ask({ ...nothing, authorization: `Bearer ${token}` });
    };
    await both();
    await world.advance(119_000);
    await both();
    expect(asked).toHaveLength(2);
    await world.advance(1_000);
    await both();
    expect(asked).toHaveLength(4);
  });
  it('is nobody while the API is away', async () => {
    answer = () => {
      throw new ApiError('ServiceUnavailable', 'away');
    };
    const found = authenticate({ authorization: 'Bearer good' });
    await world.advance(10_000);
    expect(await found).toMatchObject({ user: undefined, why: { message: 'away' } });
  });
});

describe('what a client may do', () => {
  const user = { username: 'bob', uid: 'u', groups: ['g'], extra: { k: ['v'] } };
  const pods = { verb: 'get', subresources: ['pods', 'proxy'] };
  const authorizer = (mode = 'Webhook') =>
    createAuthorizer(world, client, 'n1', { ...DOOR_DEFAULTS.authorization, mode });
  it('is asked of the API, in its name, and for less before more', async () => {
    answer = ({ resourceAttributes: a }) => ({ allowed: (a as { subresource: string }).subresource === 'proxy' });
    expect(await authorizer()(user, pods)).toBeUndefined();
    expect(asked.map(({ spec }) => spec)).toEqual(
      ['pods', 'proxy'].map((subresource) => ({
        user: 'bob', uid: 'u', groups: ['g'], extra: { k: ['v'] },
        resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource, name: 'n1' },
      })),
    ); // prettier-ignore
  });
  it('and what not is said in the kubelet’s words', async () => {
    answer = () => ({ allowed: false });
    expect(await authorizer()(user, pods)).toEqual({ status: 403, text: 'Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[pods proxy])\n' }); // prettier-ignore
    answer = () => ({ allowed: true, denied: true });
    expect(await authorizer()(user, { verb: '', subresources: ['log'] })).toEqual({ status: 500, text: 'Authorization error (user=bob, verb=, resource=nodes, subresource=log)' }); // prettier-ignore
  });
  it('is remembered, what it may for longer than what it may not', async () => {
    const ask = authorizer();
    answer = ({ resourceAttributes: a }) => ({ allowed: (a as { subresource: string }).subresource === 'stats' });
    const both = async () => {
      for (const subresource of ['stats', 'log']) await ask(user, { verb: 'get', subresources: [subresource] });
    };
    await both();
    await world.advance(29_000);
    await both();
    expect(asked).toHaveLength(2);
    await world.advance(1_000);
    await both();
    expect(asked).toHaveLength(3);
    await world.advance(300_000);
    await both();
    expect(asked).toHaveLength(5);
  });
  it('of a client that says too much of itself is not remembered', async () => {
    const ask = authorizer();
    answer = () => ({ allowed: true });
    const large = { ...user, groups: ['g'.repeat(10_000)] };
    for (let i = 0; i < 2; i++) await ask(large, pods);
    expect(asked).toHaveLength(2);
  });
  it('is everything where nobody is to be asked', async () => {
    expect(await authorizer('AlwaysAllow')(user, pods)).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
