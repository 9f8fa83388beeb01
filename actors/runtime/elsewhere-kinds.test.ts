import { describe, expect, it } from 'vitest';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient } from './api-client.ts';
import { createInformers } from './informer.ts';
import { kindsOf, type Kind } from './kinds.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

const apiServices: GroupVersionResource = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'watch'];
const apiService = (version: string, versionPriority: number, more: object = {}): KubeObject => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: `${version}.ext.example.com` },
  spec: { group: 'ext.example.com', version, versionPriority, service: { namespace: 'x', name: 'y' }, ...more },
} as KubeObject); // prettier-ignore
const resource = (name: string, verbs = ALL): object => ({ name, kind: name.toUpperCase(), namespaced: true, verbs });

/** A cluster whose other API servers say what `says` holds; undefined: they say nothing. */
async function setUp(...names: KubeObject[]) {
  const world = testWorld(1);
  const api = fakeApi(world);
  const says: Record<string, object[] | undefined> = {};
  const asked: string[] = [];
  const whole = api.client('controller-manager');
  const client: ApiClient = {
    ...whole,
    get: async <T extends KubeObject>(gvr: GroupVersionResource, ...rest: [string, string?]) => {
      if (gvr.resource !== '') return whole.get<T>(gvr, ...rest);
      asked.push(gvr.version);
      const resources = says[gvr.version];
      if (resources === undefined) throw new ApiError('ServiceUnavailable', 'nobody there');
      return { kind: 'APIResourceList', apiVersion: 'v1', metadata: {}, resources } as unknown as T;
    },
  };
  for (const name of names) await whole.create(apiServices, name);
  const informers = createInformers(client, world);
  const kinds = kindsOf(informers);
  const news: string[] = [];
  const shown = ({ gvr }: Kind): string => `${gvr.version}/${gvr.resource}`;
  const isElsewhere = ({ gvr }: Kind): boolean => gvr.group === 'ext.example.com';
  kinds.on({
    add: (kind) => void (isElsewhere(kind) && news.push(`+${shown(kind)}`)),
    remove: (kind) => void (isElsewhere(kind) && news.push(`-${shown(kind)}`)),
  });
  return { world, says, asked, news, kinds, informers, admin: api.client('admin'), all: () => [...kinds.all()].filter(isElsewhere).map(shown) };
} // prettier-ignore

describe('kinds of other API servers', () => {
  it('are those that can be listed and deleted, in the version that is preferred', async () => {
    const { says, kinds, all } = await setUp(apiService('v1', 1), apiService('v2', 2));
    says['v1'] = [resource('old'), resource('both'), resource('read', ['get', 'list']), resource('old/status')];
    says['v2'] = [resource('both')];
    await kinds.synced;
    expect(all().sort()).toEqual(['v1/old', 'v2/both']);
    expect(kinds.byKind('ext.example.com', 'BOTH')).toMatchObject({ gvr: { version: 'v2' }, namespaced: true });
    expect(kinds.byKind('ext.example.com', 'READ')).toBeUndefined();
    expect(kinds.failing()).toEqual([]);
  });
  it('are asked for when somebody registers a server, and every half minute, and not once it is gone', async () => {
    const { world, says, asked, news, kinds, admin } = await setUp();
    await kinds.synced;
    await world.advance(60_000);
    expect(asked).toEqual([]);
    says['v1'] = [resource('a')];
    await admin.create(apiServices, apiService('v1', 1));
    await world.advance(10);
    expect(news).toEqual(['+v1/a']);
    says['v1'] = [resource('b')];
    await world.advance(31_000);
    expect(news.splice(0)).toEqual(['+v1/a', '-v1/a', '+v1/b']);
    await admin.delete(apiServices, 'v1.ext.example.com');
    await world.advance(10);
    expect(news).toEqual(['-v1/b']);
    expect(kinds.byKind('ext.example.com', 'B')).toBeUndefined();
    const before = asked.length;
    await world.advance(120_000);
    expect(asked).toHaveLength(before);
  });
  it('are kept while their server says nothing, which is told', async () => {
    const { world, says, kinds, all } = await setUp(apiService('v1', 1), apiService('v2', 2));
    says['v1'] = [resource('a')];
    await kinds.synced;
    expect([all(), kinds.failing()]).toEqual([['v1/a'], ['ext.example.com/v2']]);
    says['v1'] = undefined;
    says['v2'] = [];
    await kinds.refresh();
    expect([all(), kinds.failing()]).toEqual([['v1/a'], ['ext.example.com/v1']]);
    says['v1'] = [];
    await world.advance(31_000);
    expect([all(), kinds.failing()]).toEqual([[], []]);
  });
  it('are not asked for of what this API server serves itself, nor after the end', async () => {
    const own = apiService('v1', 1, { service: null });
    const { world, asked, kinds, informers, admin } = await setUp(own);
    await kinds.synced;
    expect(asked).toEqual([]);
    await admin.patch(apiServices, 'v1.ext.example.com', undefined, 'merge', { spec: { service: { namespace: 'x', name: 'y' } } });
    await world.advance(10);
    expect(asked).toEqual(['v1']);
    informers.stop();
    await world.advance(120_000);
    expect(asked).toEqual(['v1']);
  }); // prettier-ignore
});
