import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { createExecutor, type Written } from './executor.ts';
import type { Intent } from './intent.ts';
import { configMaps, secrets } from './resources.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

const object = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'd' },
});
const create = (name: string): Intent => ({ op: 'create', gvr: configMaps, object: object(name) });
const remove = (name: string): Intent => ({ op: 'delete', gvr: configMaps, namespace: 'd', name });
function setUp(options: { inFlight?: number } = {}) {
  const world = testWorld();
  const api = fakeApi(world);
  const execute = createExecutor({ client: api.client(), ...options });
  const abort = new AbortController();
  return { world, api, abort, execute: (intents: readonly Intent[], o: object = {}) => execute(intents, { signal: abort.signal, ...o }) };
} // prettier-ignore
const many = (n: number): Intent[] => Array.from({ length: n }, (_, i) => create(`c${i}`));

describe('executor', () => {
  it('widens with success and never has more than its limit under way', async () => {
    const { api, execute } = setUp({ inFlight: 16 });
    let [now, most] = [0, 0];
    api.intercept = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    };
    await execute(many(200));
    expect(most).toBe(16);
    expect(api.objects(configMaps)).toHaveLength(200);
  });
  it('stops at the first refusal: one call, not two hundred', async () => {
    const { api, execute } = setUp();
    api.intercept = () => {
      throw new ApiError('Forbidden', 'quota');
    };
    await expect(execute(many(200))).rejects.toThrow('quota');
    expect(api.calls).toHaveLength(1);
  });
  it('waits for what is under way before it reports a failure', async () => {
    const { api, execute } = setUp();
    let finished = 0;
    api.intercept = async ({ name }) => {
      if (name === 'c20') throw new ApiError('Forbidden', 'no');
      await new Promise((resolve) => setTimeout(resolve, 2));
      finished++;
    };
    await expect(execute(many(100))).rejects.toThrow('no');
    expect(finished).toBe(api.objects(configMaps).length);
  });
  it('keeps the order of what is not alike', async () => {
    const { api, execute } = setUp();
    await execute([create('a'), create('b'), remove('a'), { op: 'create', gvr: secrets, object: object('s') }]);
    const order = api.calls.map((c) => `${c.verb} ${c.resource}`);
    expect(order).toEqual(['create configmaps', 'create configmaps', 'delete configmaps', 'create secrets']);
  });
  it('counts tolerated refusals and deletes of what is gone as done', async () => {
    const { execute } = setUp();
    await execute([create('a')]);
    await execute([{ ...create('a'), tolerate: ['AlreadyExists'] } as Intent, remove('nothing')]);
    await expect(execute([create('a')])).rejects.toMatchObject({ status: { reason: 'AlreadyExists' } });
  });
  it('tells what it has written', async () => {
    const { execute } = setUp();
    const written: Written[] = [];
    const created: string[] = [];
    const onCreated = (o: KubeObject): void => void created.push(o.metadata.name!);
    await execute([create('a'), remove('a')], { onWritten: (w: Written) => written.push(w), onCreated });
    expect(written).toEqual([
      { gvr: configMaps, revision: 2 },
      { gvr: configMaps, deleted: { key: 'd/a', uid: undefined } },
    ]);
    expect(created).toEqual(['a']);
  });
  it('does not touch another object of the same name', async () => {
    const { api, execute } = setUp();
    await execute([create('a')]);
    await expect(execute([{ ...remove('a'), uid: 'other' } as Intent])).rejects.toMatchObject({ status: { reason: 'Conflict' } }); // prettier-ignore
    expect(api.objects(configMaps)).toHaveLength(1);
  });
  it('starts nothing more once it is aborted', async () => {
    const { api, abort, execute } = setUp();
    api.intercept = () => {
      if (api.calls.length === 3) abort.abort(new Error('enough'));
    };
    await expect(execute(many(100))).rejects.toThrow('enough');
    expect(api.calls.length).toBeLessThan(10);
  });
});
