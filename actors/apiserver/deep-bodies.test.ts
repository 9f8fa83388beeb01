import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../bus/bus.ts';
import { encode, Encoded } from '../../bus/codec.ts';
import type { PatchType } from '../../bus/protocol/api.ts';
import * as subjects from '../../bus/subjects.ts';
import { until } from '../../bus/testing/until.ts';
import { ensurePki } from '../../ops/pki/pki.ts';
import type { DynamicObject } from '../../schemas/meta/object.ts';
import { reasonOf, statusOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { startServers, tempFolder, type TestServers } from './testing/servers.ts';

const crds = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const widgets = { group: 'example.com', version: 'v1', resource: 'widgets' };
/** Deepest that is kept, less what is above `spec.x`. */
const KEPT = 998;

let all: TestServers;
let admin: ApiClient;
let bus: Bus;
const folder = tempFolder();
beforeAll(async () => {
  all = await startServers(1, await ensurePki(folder.path, ['127.0.0.1'], Date.now()));
  admin = all.client('admin');
  bus = all.connect('deep');
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await admin.create(crds, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  }); // prettier-ignore
  // Nobody here tells that its names are accepted.
  await admin.patch(crds, 'widgets.example.com', undefined, 'merge', {
    status: {
      acceptedNames: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' }, storedVersions: ['v1'],
      conditions: ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True', reason: 'Test', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' })),
    },
  }, { subresource: 'status' }); // prettier-ignore
  await until(() => admin.list(widgets, {}).then(() => true, () => false)); // prettier-ignore
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});

/** MessagePack by hand: our own encoder would not go as deep. */
const map = (fields: Record<string, Uint8Array>): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0x80 + Object.keys(fields).length),
    ...Object.entries(fields).flatMap(([key, value]) => [encode(key), value]),
  ]);
const ARRAY_OF_ONE = 0x91;
const MAP_OF_ONE = Uint8Array.of(0x81, 0xa1, 0x61);
const shapes = {
  arrays: (depth: number) => Buffer.concat([Buffer.alloc(depth - 1, ARRAY_OF_ONE), Uint8Array.of(0x90)]),
  maps: (depth: number) => Buffer.concat([...Array.from({ length: depth - 1 }, () => MAP_OF_ONE), Uint8Array.of(0x80)]),
};
const widget = (name: string, x: Uint8Array, resourceVersion?: string): Uint8Array =>
  map({
    apiVersion: encode('example.com/v1'),
    kind: encode('Widget'),
    metadata: encode({ name, namespace: 'default', resourceVersion }),
    spec: map({ x }),
  });
type Verb = 'create' | 'update' | 'patch';
const send = (verb: Verb, name: string, object: Uint8Array, patchType?: PatchType): Promise<unknown> =>
  bus.request(
    subjects.api({ caller: 'admin', verb, ...widgets, namespace: 'default', name: verb === 'create' ? '' : name }),
    new Encoded(
      map({ object, ...(patchType && { patchType: encode(patchType), query: encode({ fieldManager: 'me' }) }) }),
    ),
    { timeoutMs: 10_000 },
  );
const reason = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, reasonOf);
const depthOf = (value: unknown): number => {
  let depth = 0;
  for (let v = value; typeof v === 'object' && v !== null; v = Object.values(v)[0]) depth++;
  return depth;
};

describe.each(Object.keys(shapes) as (keyof typeof shapes)[])('%s within each other', (shape) => {
  const of = shapes[shape];
  it('are kept 1,000 levels deep, and come back from reads and watches', async () => {
    const name = `kept-${shape}`;
    const seen: unknown[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const batch of admin.watch<DynamicObject>(widgets, { signal: stop.signal }))
        for (const { object } of batch) seen.push(object['spec']);
    })().catch(() => undefined);
    await send('create', name, widget(name, of(KEPT)));
    const read = await admin.get<DynamicObject>(widgets, name, 'default');
    expect(depthOf((read['spec'] as { x: unknown }).x)).toBe(KEPT);
    await send('update', name, widget(name, of(KEPT - 1), read.metadata.resourceVersion));
    await send('patch', name, map({ spec: map({ x: of(KEPT) }) }), 'merge');
    // As kubectl edit does: all of it, with managedFields, which are deeper still.
    await admin.update(widgets, await admin.get<DynamicObject>(widgets, name, 'default'));
    const copy = [{ op: 'copy', from: '/spec/x', path: shape === 'arrays' ? '/spec/x/0/0/-' : '/spec/x/a/a/b' }];
    expect(await reason(admin.patch(widgets, name, 'default', 'json', copy as never))).toBe('BadRequest');
    await until(() => seen.some((spec) => depthOf((spec as { x?: unknown } | undefined)?.x) === KEPT));
    stop.abort();
    await watching;
  });
  it.each([1_001, 1_500, 3_000, 10_000, 100_000])('are refused %i levels deep, and nobody else notices', async (depth) => {
    const name = `kept-${shape}`;
    const requests: [Verb, Uint8Array, PatchType?][] = [
      ['create', widget('new', of(depth))], ['update', widget(name, of(depth))],
      ['patch', map({ spec: map({ x: of(depth) }) }), 'merge'], ['patch', widget(name, of(depth)), 'apply'],
      ['patch', of(depth), 'json'],
    ];
    for (const [verb, body, patchType] of requests) {
      const bystander = admin.get(widgets, name, 'default');
      const error: unknown = await send(verb, name, body, patchType).then(() => undefined, (e: unknown) => e);
      expect([verb, patchType, statusOf(error)]).toEqual([verb, patchType, expect.objectContaining({ code: 400, reason: 'BadRequest' })]);
      await bystander;
    }
    expect(await admin.get(widgets, name, 'default')).toMatchObject({ metadata: { name } });
  }); // prettier-ignore
});
