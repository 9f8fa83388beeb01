import { describe, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from './api-client.ts';
import type { Informer } from './informer.ts';
import { pods } from './resources.ts';
import { createSureCreates } from './sure-creates.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

const pod = (uid: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    generateName: 'web-',
    namespace: 'd',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true }],
  },
  spec: { containers: [] },
});
const timeout = new ApiError('Timeout', 'the outcome is unknown');

function setUp() {
  const world = testWorld();
  const api = fakeApi(world);
  const real = api.client();
  /** What becomes of the next creates: thrown before or after they are done. */
  const before: (Error | undefined)[] = [];
  const after: (Error | undefined)[] = [];
  const asked: string[] = [];
  const client: ApiClient = {
    ...real,
    async create<T extends KubeObject>(gvr: GroupVersionResource, object: T, o = {}) {
      asked.push((o as { nameEnd?: string }).nameEnd!);
      const refusal = before.shift();
      if (refusal) throw refusal;
      const made = await real.create(gvr, object, o);
      const loss = after.shift();
      if (loss) throw loss;
      return made;
    },
  };
  const seen = new Set<string>();
  const cache = { gvr: pods, get: (key: string) => (seen.has(key) ? pod('u') : undefined) } as Informer<KubeObject>;
  const creates = createSureCreates({ client, world, informers: [cache] });
  const create = (place = '', uid = 'u', key = 'd/web'): Promise<unknown> =>
    creates
      .create(key, { op: 'create', gvr: pods, object: pod(uid), place }, {})
      .then(({ metadata }) => metadata.name, reasonOf);
  const names = (): string[] => api.objects(pods).map(({ metadata }) => metadata.name!);
  return { world, api, real, before, after, asked, seen, creates, create, names };
}

describe('a create whose answer was lost', () => {
  it('is asked for again by its name, and known by it', async () => {
    const { after, asked, create, names } = setUp();
    after.push(timeout);
    expect(await create()).toBe('Timeout');
    const [made] = names();
    expect(await create()).toBe(made);
    expect(names()).toEqual([made]);
    expect(asked[1]).toBe(asked[0]);
    // Then there is no doubt any more.
    expect(await create()).not.toBe(made);
    expect(names()).toHaveLength(2);
  });
  it('is asked for until somebody answers, whatever is said meanwhile', async () => {
    const { before, asked, create, names } = setUp();
    before.push(timeout, new ApiError('Forbidden', 'exceeded quota'), timeout, undefined);
    expect([await create(), await create(), await create()]).toEqual(['Timeout', 'Forbidden', 'Timeout']);
    expect(await create()).toBe(names()[0]);
    expect(new Set(asked).size).toBe(1);
  });
  it('is asked for again where it cannot be looked at', async () => {
    const { api, after, asked, create, names } = setUp();
    after.push(timeout);
    await create();
    api.intercept = ({ verb }) => {
      if (verb === 'list') throw new ApiError('ServiceUnavailable', 'nobody there');
    };
    expect(await create()).toBe('ServiceUnavailable');
    api.intercept = undefined;
    expect(await create()).toBe(names()[0]);
    expect(new Set(asked).size).toBe(1);
  });
  it.each<[string, (o: ReturnType<typeof setUp>) => void | Promise<void>]>([
    ['that a cache shows', ({ seen, names, creates }) => (seen.add(`d/${names()[0]}`), creates.begin('d/web'))],
    ['of long ago', async ({ world, before, create, creates }) => {
      await world.advance(300_000);
      // Noting one of another key looks at all of them.
      before.push(timeout);
      await create('', 'u', 'd/other');
      creates.begin('d/web');
    }],
  ])('is over: one %s', async (_, happens) => {
    const o = setUp();
    o.after.push(timeout);
    await o.create();
    await happens(o);
    await o.create();
    expect(o.asked.at(-1)).not.toBe(o.asked[0]);
    expect(o.names()).toHaveLength(2);
  }); // prettier-ignore
  it('stays in doubt while the cache shows others', async () => {
    const { after, asked, create, creates, seen } = setUp();
    after.push(timeout);
    await create();
    seen.add('d/web-other');
    creates.begin('d/web');
    await create();
    expect(asked[1]).toBe(asked[0]);
  });
  it.each([
    ['place', ['n1', 'u', 'd/web'], ['n2', 'u', 'd/web']],
    ['key', ['', 'u', 'd/web'], ['', 'u', 'd/api']],
  ] as const)('stands for none of another %s', async (_, first, second) => {
    const { before, asked, create } = setUp();
    before.push(timeout);
    await create(...first);
    await create(...second);
    await create(...first);
    expect(asked[1]).not.toBe(asked[0]);
    expect(asked[2]).toBe(asked[0]);
  });
  it('is nothing of an owner of the same name that came later', async () => {
    const { after, create, names } = setUp();
    after.push(timeout);
    await create('', 'former');
    const [former] = names();
    const later = await create('', 'later');
    expect(later).not.toBe(former);
    expect(names()).toContain(later);
  });
  it('has been and is gone: another is made', async () => {
    const { real, after, create, names } = setUp();
    after.push(timeout);
    await create();
    await real.delete(pods, names()[0]!, 'd', { gracePeriodSeconds: 0 });
    await create();
    expect(names()).toHaveLength(1);
  });
});

it('a name that is taken is no refusal: others are tried, eight in all', async () => {
  const { before, asked, create, names } = setUp();
  const taken = new ApiError('AlreadyExists', 'taken');
  before.push(taken, taken, undefined);
  expect(await create()).toBe(names()[0]);
  expect(new Set(asked).size).toBe(3);
  before.push(...Array.from({ length: 8 }, () => taken));
  expect(await create()).toBe('AlreadyExists');
  expect(asked).toHaveLength(11);
});
it('a refusal leaves no doubt', async () => {
  const { before, asked, create } = setUp();
  before.push(new ApiError('Forbidden', 'exceeded quota'));
  await create();
  await create();
  expect(asked[1]).not.toBe(asked[0]);
});
