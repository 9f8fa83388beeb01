import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from '../../../schemas/core/base64.ts';
import type { Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { secrets, serviceAccounts } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startServiceAccountTokens } from './actor.ts';
import { claimsOf, reconcile, withoutReference } from './reconcile.ts';

const CA = 'the authority';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';
const account = (uid = 'u1', more: Partial<ServiceAccount> = {}): ServiceAccount => ({
  apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'd', uid }, ...more,
}); // prettier-ignore
const secret = (data?: Record<string, string>, annotations: Record<string, string> = { [NAME]: 'robot' }): Secret => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'd', uid: 's1', annotations }, type: 'kubernetes.io/service-account-token',
  ...(data && { data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, toBase64(value)])) }),
}); // prettier-ignore
const WHOLE = { 'ca.crt': CA, namespace: 'd', token: 't' };
const textOf = ({ data }: Secret) => Object.fromEntries(Object.entries(data ?? {}).map(([k, v]) => [k, fromBase64(v)]));

describe('the Secret of an account', () => {
  it.each<[what: string, Secret, data: Record<string, string> | undefined]>([
    ['that is empty is filled', secret(), { 'ca.crt': CA, namespace: 'd', token: 'new' }],
    ['that is whole stays', secret(WHOLE), undefined],
    ['keeps its token and what else it holds', secret({ token: 't', mine: 'x' }), { ...WHOLE, mine: 'x' }],
    ['gets the authority of today', secret({ ...WHOLE, 'ca.crt': 'old' }), WHOLE],
    [
      'keeps the namespace that it says',
      secret({ namespace: 'other' }),
      { ...WHOLE, namespace: 'other', token: 'new' },
    ],
    ['gets a token in place of an empty one', secret({ ...WHOLE, token: '' }), { ...WHOLE, token: 'new' }],
  ])('%s', (_, from, data) => {
    const { intents } = reconcile({ secret: from, account: account(), ca: CA, token: 'new' });
    if (data === undefined) return expect(intents).toEqual([]);
    expect(intents).toMatchObject([{ op: 'update', object: { metadata: { annotations: { [NAME]: 'robot', [UID]: 'u1' } } } }]); // prettier-ignore
    const [intent] = intents;
    const next = intent?.op === 'update' ? (intent.object as Secret) : secret();
    expect(textOf(next)).toEqual(data);
    expect(reconcile({ secret: next, account: account(), ca: CA, token: undefined }).intents).toEqual([]);
  });
  it('goes with the account, once', () => {
    const gone = { account: undefined, ca: CA, token: undefined };
    expect(reconcile({ secret: secret(WHOLE), ...gone }).intents).toMatchObject([{ op: 'delete', name: 's', uid: 's1' }]); // prettier-ignore
    const going = { ...secret(WHOLE), metadata: { ...secret().metadata, deletionTimestamp: 'x' } };
    expect(reconcile({ secret: going, ...gone }).intents).toEqual([]);
  });
  it('says who the account is', () => {
    expect(JSON.stringify(claimsOf(account(), secret()))).toBe(
      '{"iss":"kubernetes/serviceaccount","kubernetes.io/serviceaccount/namespace":"d","kubernetes.io/serviceaccount/secret.name":"s",' +
        '"kubernetes.io/serviceaccount/service-account.name":"robot","kubernetes.io/serviceaccount/service-account.uid":"u1","sub":"system:serviceaccount:d:robot"}',
    );
  });
});
describe('an account', () => {
  const naming = account('u1', { secrets: [{ name: 'a' }, { name: 's' }] });
  it.each<[what: string, ServiceAccount | undefined, uid: string, left: string[] | undefined]>([
    ['no longer names a Secret that is gone', naming, 'u1', ['a']],
    ['of whatever uid', naming, '', ['a']],
    ['of another uid stays', naming, 'u2', undefined],
    ['that does not name it stays', account('u1', { secrets: [{ name: 'a' }] }), 'u1', undefined],
    ['that names none stays', account(), 'u1', undefined],
    ['that is gone', undefined, 'u1', undefined],
  ])('%s', (_, of, uid, left) => {
    const intents = withoutReference(of, uid, 's');
    expect(intents).toMatchObject(left ? [{ op: 'update', object: { secrets: left.map((name) => ({ name })) } }] : []);
  });
});

describe('on a cluster', () => {
  function setUp(issue: ((claims: object) => string) | undefined = (claims) => `signed ${JSON.stringify(claims)}`) {
    const c = testCluster();
    c.start((deps) => startServiceAccountTokens(deps, CA, issue));
    const makeAccount = async (name = 'robot') => c.client.create<ServiceAccount>(serviceAccounts, { ...account(), metadata: { name, namespace: 'd' } }); // prettier-ignore
    const make = async (name: string, annotations: Record<string, string> = { [NAME]: 'robot' }, type?: string) =>
      c.client.create<Secret>(secrets, { ...secret(), ...(type && { type }), metadata: { name, namespace: 'd', annotations } }); // prettier-ignore
    const seen = (name = 's') => c.api.object<Secret>(secrets, `d/${name}`);
    const writes = () => c.api.calls.filter(({ caller, verb }) => caller !== 'test' && verb !== 'get' && verb !== 'watch'); // prettier-ignore
    return { ...c, makeAccount, make, seen, writes };
  }
  it('a Secret is filled once, and again what is taken out of it', async () => {
    const { client, make, makeAccount, quiet, seen, writes } = setUp();
    const { uid } = (await makeAccount()).metadata;
    await make('s');
    await make('other', { [NAME]: 'robot' }, 'Opaque');
    await quiet();
    expect(textOf(seen()!)).toEqual({ 'ca.crt': CA, namespace: 'd', token: expect.stringContaining(`"${uid}"`) });
    expect(seen()!.metadata.annotations).toEqual({ [NAME]: 'robot', [UID]: uid });
    expect(seen('other')!.data).toBeUndefined();
    expect(writes()).toHaveLength(1);
    await client.update(secrets, { ...seen()!, data: {} });
    await quiet();
    expect(Object.keys(seen()!.data!)).toHaveLength(3);
    expect(writes()).toHaveLength(2);
  });
  it.each([
    ['of an account that never was', { [NAME]: 'nobody' }],
    ['of an account that was another', { [NAME]: 'robot', [UID]: 'before' }],
  ])('a Secret %s goes', async (_, annotations) => {
    const { make, makeAccount, quiet, seen } = setUp();
    await makeAccount();
    await make('s', annotations);
    await quiet();
    expect(seen()).toBeUndefined();
  });
  it('Secrets go with their account, also when another of its name takes its place at once', async () => {
    const { client, make, makeAccount, quiet, seen } = setUp();
    await makeAccount();
    await makeAccount('other');
    await make('s');
    await make('kept', { [NAME]: 'other' });
    await quiet();
    await client.delete(serviceAccounts, 'robot', 'd');
    await makeAccount();
    await quiet();
    expect([seen(), seen('kept')]).toEqual([undefined, expect.anything()]);
  });
  it('an account is told of Secrets that go', async () => {
    const { api, client, make, makeAccount, quiet } = setUp();
    const made = await makeAccount();
    await make('s');
    await quiet();
    await client.update(serviceAccounts, { ...made, secrets: [{ name: 's' }, { name: 'kept' }] });
    await client.delete(secrets, 's', 'd');
    await quiet();
    expect(api.object<ServiceAccount>(serviceAccounts, 'd/robot')!.secrets).toEqual([{ name: 'kept' }]);
  });
  it('what fails is done again; nothing is taken away because a server does not answer', async () => {
    const { api, make, makeAccount, seen, world } = setUp();
    await makeAccount();
    let failures = 6;
    api.intercept = ({ caller, verb }) => {
      if (caller !== 'test' && (verb === 'get' || verb === 'update') && failures-- > 0) throw new ApiError('ServiceUnavailable', 'later'); // prettier-ignore
    };
    await make('s');
    await world.advance(60_000);
    expect(Object.keys(seen()!.data!)).toHaveLength(3);
  });
  it('a Secret that somebody changes meanwhile is left to the next look', async () => {
    const { api, client, make, makeAccount, quiet, seen, writes } = setUp();
    await makeAccount();
    let first = true;
    api.intercept = async ({ caller, verb, resource }) => {
      if (caller === 'test' || verb !== 'update' || resource !== 'secrets' || !first) return;
      first = false;
      await client.update(secrets, { ...seen()!, data: { mine: 'eA==' } });
    };
    await make('s');
    await quiet();
    expect(textOf(seen()!)).toMatchObject({ mine: 'x', token: expect.stringContaining('signed') });
    expect(writes()).toHaveLength(2);
  });
  it('does nothing without a key', async () => {
    const c = testCluster();
    const [controller] = c.start((deps) => startServiceAccountTokens(deps, CA, undefined));
    await controller!.ready;
    await c.client.create(secrets, secret());
    await c.quiet();
    expect(c.api.calls.filter(({ caller }) => caller !== 'test')).toEqual([]);
  });
});
