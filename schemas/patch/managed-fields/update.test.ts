import { describe, expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../../generated/meta-v1.ts';
import type { DynamicObject } from '../../meta/object.ts';
import { builtinSchemas } from '../../structural/builtin.ts';
import { updateManagedFields, type ManagedUpdate } from './update.ts';

const T1 = '2026-01-01T00:00:01Z';
const T2 = '2026-01-01T00:00:02Z';
const configMap = (data: Record<string, string>, managedFields?: unknown): DynamicObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', uid: 'u', ...(managedFields !== undefined && { managedFields }) },
    data,
  }) as unknown as DynamicObject;
const write = (live: DynamicObject | undefined, updated: DynamicObject, more: Partial<ManagedUpdate> = {}) =>
  updateManagedFields({
    live, updated, manager: 'one', apiVersion: 'v1', now: T1, set: builtinSchemas,
    schema: builtinSchemas.definition(`io.k8s.api.core.v1.${updated.kind}`)!, ...more,
  }); // prettier-ignore
const owned = (entries: ManagedFieldsEntry[]) => Object.fromEntries(entries.map((e) => [e.manager, e.fieldsV1]));

describe('ownership after ordinary writes', () => {
  const created = write(undefined, configMap({ x: '1', y: '1' }));
  const live = configMap({ x: '1', y: '1' }, created);

  it('gives the creator what it set', () => {
    expect(created).toEqual([
      { manager: 'one', operation: 'Update', apiVersion: 'v1', time: T1, fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { '.': {}, 'f:x': {}, 'f:y': {} } } },
    ]); // prettier-ignore
  });
  it('moves a changed field to who changed it and drops a removed one', () => {
    const entries = write(live, configMap({ x: '2' }, created), { manager: 'two', now: T2 });
    expect(owned(entries)).toEqual({ one: { 'f:data': {} }, two: { 'f:data': { 'f:x': {} } } });
    expect(entries.map((e) => e.time)).toEqual([T1, T2]);
  });
  it('owns a null of a custom kind', () => {
    const type = { apiVersion: 'example.com/v1', kind: 'X', metadata: { name: 'a', uid: 'u' } };
    const schema = { fields: { spec: { type: 'object' as const, fields: { a: { type: 'string' as const } } } }, read: () => ({ object: type as never, strict: [] }) };
    const made = write(undefined, { ...type, spec: {} }, { schema });
    const entries = write({ ...type, metadata: { ...type.metadata, managedFields: made }, spec: {} }, { ...type, spec: { a: null } }, { schema, manager: 'two' });
    expect(owned(entries)['two']).toEqual({ 'f:spec': { 'f:a': {} } });
  }); // prettier-ignore
  it('tracks nothing of an object with an item that has no key', () => {
    const schema = { kind: 'FlowSchema', apiVersion: 'flowcontrol.apiserver.k8s.io/v1', metadata: { name: 'a' } };
    const updated = { ...schema, status: { conditions: [{ status: 'True' }] } } as unknown as DynamicObject;
    const definition = builtinSchemas.definition('io.k8s.api.flowcontrol.v1.FlowSchema')!;
    expect(write(undefined, updated, { schema: definition })).toEqual([]);
  });
  it('returns the list it got when nothing changes', () => {
    expect(write(live, configMap({ x: '1', y: '1' }, created), { manager: 'two', now: T2 })).toBe(created);
    expect(write(live, configMap({ x: '1', y: '1' }), { manager: 'two', now: T2 })).toBe(created);
  });
  it.each([[[]], [[{}]]])('forgets all when the client sends %j, and stays so', (reset) => {
    expect(write(live, configMap({ x: '2' }, reset), { now: T2 })).toEqual([]);
    expect(write(configMap({ x: '1' }), configMap({ x: '2' }), { now: T2 })).toEqual([]);
  });
  it.each([
    [[{ manager: 'x', operation: 'Frob', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }]],
    [[{ manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { nonsense: {} } }]],
    ['x'],
  ])('falls back to the stored entries when %j is sent', (given) => {
    expect(write(live, configMap({ x: '1', y: '1' }, given), { now: T2 })).toBe(created);
  });
  it('keeps a subresource apart and never lets it write what it does not', () => {
    const pod = (phase: string, image: string, managedFields?: unknown) =>
      ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u', managedFields }, spec: { containers: [{ name: 'c', image }] }, status: { phase } }) as unknown as DynamicObject; // prettier-ignore
    const first = write(undefined, pod('Pending', 'a:1'));
    const entries = write(pod('Pending', 'a:1', first), pod('Running', 'a:2', first), { manager: 'kubelet', subresource: 'status', now: T2, reset: { 'f:spec': {} } }); // prettier-ignore
    expect(entries.map((e) => [e.manager, e.subresource, e.fieldsV1])).toEqual([
      ['one', undefined, { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:image': {} } } }, 'f:status': {} }],
      ['kubelet', 'status', { 'f:status': { 'f:phase': {} } }],
    ].map(([m, s, f]) => [m, s, m === 'one' ? expect.objectContaining({ 'f:spec': (f as Record<string, unknown>)['f:spec'] }) : f])); // prettier-ignore
  });
  it('joins the oldest of more than ten updaters', () => {
    let object = configMap({}, []);
    let entries: ManagedFieldsEntry[] = write(undefined, configMap({ k0: '0' }));
    for (let i = 1; i <= 14; i++) {
      const data = { ...(object['data'] as Record<string, string>), [`k${i}`]: '1' };
      object = configMap(data, entries);
      entries = write(configMap({ ...data, [`k${i}`]: '0' }, entries), object, { manager: `m${i}`, now: `2026-01-01T00:00:${10 + i}Z` }); // prettier-ignore
    }
    expect(entries).toHaveLength(10);
    const old = entries.find((e) => e.manager === 'ancient-changes')!;
    expect(Object.keys((old.fieldsV1 as Record<string, object>)['f:data']!)).toEqual(
      expect.arrayContaining(['f:k1', 'f:k2', 'f:k3', 'f:k4']),
    );
  });
  it('names list items by their keys, defaults of keys included', () => {
    const service = (ports: unknown[]) =>
      ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports } }) as unknown as DynamicObject;
    const [entry] = write(undefined, service([{ port: 80 }, { port: 80, protocol: 'UDP' }]));
    expect(entry!.fieldsV1).toEqual({
      'f:spec': {
        'f:ports': {
          '.': {},
          'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
          'k:{"port":80,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} },
        },
      },
    });
  });
});
