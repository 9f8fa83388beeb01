import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap, Pod, Secret } from '../../schemas/generated/core-v1.ts';
import { configMaps, secrets } from '../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../actors/runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../actors/runtime/testing/world.ts';
import { createReferences, type References } from './references.ts';

let world: TestWorld;
let api: FakeApi;
let references: References;
beforeEach(() => {
  world = testWorld();
  api = fakeApi(world);
  references = createReferences({ world, client: api.client('node:n1') });
});
const pod = (name: string): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd', uid: name } });
const configMap = (more: Partial<ConfigMap> = {}): Promise<ConfigMap> =>
  api.client().create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'd' }, data: { a: '1' }, ...more }); // prettier-ignore
/** What a promise comes to while the world goes on: value, or message of what was thrown. */
const outcome = async <T>(asked: Promise<T>): Promise<T | string> => {
  let result: T | string | undefined;
  void asked.then((value) => (result = value), (error: Error) => (result = error.message)); // prettier-ignore
  await world.until(() => result !== undefined);
  return result!;
};

describe('an object that pods name', () => {
  it('is watched once for all of them, as long as one of them is there', async () => {
    await configMap();
    for (const name of ['p', 'q']) references.register(pod(name));
    expect(api.openWatches).toBe(0);
    expect(await outcome(references.get('configmap', pod('p'), 'c'))).toMatchObject({ data: { a: '1' } });
    await outcome(references.get('configmap', pod('q'), 'c'));
    expect([references.size, api.openWatches]).toEqual([1, 1]);
    references.forget('p');
    await world.settle();
    expect([references.size, api.openWatches]).toEqual([1, 1]);
    references.forget('q');
    await world.settle();
    expect([references.size, api.openWatches]).toEqual([0, 0]);
  });
  it('is as new as it is known, and who asked for it hears of each change', async () => {
    await configMap();
    references.register(pod('p'));
    await outcome(references.get('configmap', pod('p'), 'c'));
    const heard: string[] = [];
    references.onChange((uids) => heard.push([...uids].join()));
    await api.client().patch(configMaps, 'c', 'd', 'merge', { data: { a: '2' } });
    await world.settle();
    expect(await outcome(references.get('configmap', pod('p'), 'c'))).toMatchObject({ data: { a: '2' } });
    await api.client().delete(configMaps, 'c', 'd');
    await world.settle();
    expect(await outcome(references.get('configmap', pod('p'), 'c'))).toBe('configmap "c" not found');
    expect(heard).toEqual(['p', 'p']);
  });
  it('that cannot change is not watched any more, and is known', async () => {
    await configMap({ immutable: true });
    references.register(pod('p'));
    await outcome(references.get('configmap', pod('p'), 'c'));
    await world.settle();
    expect(api.openWatches).toBe(0);
    expect(await outcome(references.get('configmap', pod('p'), 'c'))).toMatchObject({ data: { a: '1' } });
  });
  it('that is not there is told as kubelets tell it', async () => {
    references.register(pod('p'));
    expect(await outcome(references.get('secret', pod('p'), 's'))).toBe('secret "s" not found');
    await api.client().create<Secret>(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'd' }, data: {} }); // prettier-ignore
    await world.settle();
    expect(await outcome(references.get('secret', pod('p'), 's'))).toMatchObject({ kind: 'Secret' });
  });
});
it('pods that nobody has registered are told nothing', async () => {
  await configMap();
  expect(await outcome(references.get('configmap', pod('p'), 'c'))).toBe('object "d"/"c" not registered');
  expect(api.calls.filter(({ caller }) => caller === 'node:n1')).toEqual([]);
});
it('an API that does not answer is not waited for', async () => {
  api.intercept = ({ caller }) => (caller === 'node:n1' ? new Promise(() => undefined) : undefined);
  references.register(pod('p'));
  const late = 'failed to sync configmap cache: timed out waiting for the condition';
  expect(await outcome(references.get('configmap', pod('p'), 'c'))).toBe(late);
  const stop = new AbortController();
  const asked = references.get('configmap', pod('p'), 'c', stop.signal);
  stop.abort(new Error('deleted'));
  expect(await outcome(asked)).toBe('deleted');
});
