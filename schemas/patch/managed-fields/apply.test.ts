import { describe, expect, it } from 'vitest';
import type { DynamicObject } from '../../meta/object.ts';
import { statusOf } from '../../meta/status.ts';
import { builtinSchemas } from '../../structural/builtin.ts';
import { applyServerSide } from './apply.ts';
import { inOrder } from './field-set.ts';
import { updateManagedFields } from './update.ts';

const schema = builtinSchemas.definition('io.k8s.api.apps.v1.Deployment')!;
const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
const NOW = '2026-01-01T00:00:00Z';
type Spec = Record<string, unknown>;
const config = (spec?: Spec) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  ...(spec && { spec }),
});
const container = (name: string, more: object = {}) => ({ name, ...more });
const template = (...containers: object[]) => ({ template: { spec: { containers } } });

/** A server of one object. */
class Server {
  live: DynamicObject | undefined;
  apply(manager: string, body: unknown, force = false): this {
    const { object, managedFields } = applyServerSide({ live: this.live, config: body, manager, force, kind, now: NOW, schema, set: builtinSchemas }); // prettier-ignore
    this.store(object, managedFields);
    return this;
  }
  put(manager: string, spec: Spec): this {
    const updated = { ...this.live!, spec } as DynamicObject;
    const managedFields = updateManagedFields({ live: this.live, updated, manager, apiVersion: 'apps/v1', now: NOW, schema, set: builtinSchemas }); // prettier-ignore
    this.store(updated, managedFields);
    return this;
  }
  private store(object: DynamicObject, managedFields: unknown): void {
    this.live = { ...object, metadata: { ...object.metadata, uid: 'u', managedFields } } as unknown as DynamicObject;
  }
  get spec(): Spec {
    return (this.live!['spec'] ?? {}) as Spec;
  }
  owners(): unknown[] {
    return this.live!.metadata.managedFields!.map((e) => [e.manager, e.operation]);
  }
}
const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    const status = statusOf(error)!;
    return [status.code, status.message, status.details?.causes];
  }
  return undefined;
};

describe('server-side apply', () => {
  it('removes what its manager no longer sets, and only that', () => {
    const server = new Server()
      .apply('one', config({ replicas: 2, ...template(container('c', { image: 'i:1' })) }))
      .apply('two', config(template(container('side', { image: 's:1' }))));
    expect(server.spec).toEqual({ replicas: 2, ...template(container('c', { image: 'i:1' }), container('side', { image: 's:1' })) }); // prettier-ignore
    server.apply('one', config(template(container('c', { image: 'i:1' }))));
    expect(server.spec).toEqual(template(container('c', { image: 'i:1' }), container('side', { image: 's:1' })));
    server.apply('two', config());
    expect(server.spec).toEqual(template(container('c', { image: 'i:1' })));
    expect(server.owners()).toEqual([['one', 'Apply']]);
  });
  it('leaves a field that is shared, and what nobody owns', () => {
    const server = new Server()
      .apply('one', config({ replicas: 2, paused: true }))
      .apply('two', config({ replicas: 2 }));
    server.live = { ...server.live!, spec: { ...server.spec, minReadySeconds: 5 } } as unknown as DynamicObject;
    server.apply('one', config());
    expect(server.spec).toEqual({ replicas: 2, minReadySeconds: 5 });
  });
  it("keeps the order of the object, the configuration's own items in their order", () => {
    const names = (s: Server) => (s.spec as { template: { spec: { containers: { name: string }[] } } }).template.spec.containers.map((c) => c.name); // prettier-ignore
    const server = new Server().apply('one', config(template(container('a'), container('b'), container('c'))));
    expect(names(server.apply('two', config(template(container('x'), container('b')))))).toEqual(['a', 'x', 'b', 'c']);
    expect(names(server.apply('one', config(template(container('c'), container('a'), container('b')))))).toEqual(['x', 'c', 'a', 'b']); // prettier-ignore
  });
  it('changes nothing when applied again', () => {
    const server = new Server().apply('one', config({ replicas: 2 }));
    const { live } = server;
    const again = applyServerSide({ live, config: config({ replicas: 2 }), manager: 'one', force: false, kind, now: '2026-02-02T00:00:00Z', schema, set: builtinSchemas }); // prettier-ignore
    expect(again.object).toBe(live);
    expect(again.managedFields).toBe(live!.metadata.managedFields);
  });
  it('refuses to take fields, unless forced', () => {
    const server = new Server().apply('one', config({ replicas: 2, paused: true }));
    expect(refusal(() => server.apply('two', config({ replicas: 3 })))).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
      [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' }],
    ]);
    expect(refusal(() => server.apply('two', config({ replicas: 3, paused: false })))?.[1]).toBe(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.paused\n- .spec.replicas',
    );
    server.apply('two', config({ replicas: 3 }), true);
    expect(server.live!.metadata.managedFields!.map((e) => e.fieldsV1)).toEqual([
      { 'f:spec': { 'f:paused': {} } },
      { 'f:spec': { 'f:replicas': {} } },
    ]);
  });
  it('conflicts with those who update, and with what was there before anybody applied', () => {
    const server = new Server().apply('one', config({ replicas: 2 })).put('hpa', { replicas: 5 });
    expect(refusal(() => server.apply('one', config({ replicas: 2 })))?.[1]).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas',
    );
    server.live = { ...server.live!, metadata: { name: 'd', uid: 'u' } } as unknown as DynamicObject;
    expect(refusal(() => server.apply('one', config({ replicas: 2 })))?.[1]).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
    );
    expect(server.apply('one', config({ paused: true })).owners()).toEqual([
      ['one', 'Apply'],
      ['before-first-apply', 'Update'],
    ]);
  });
  it.each<[string, unknown, number, string]>([
    ['no kind', { metadata: { name: 'd' } }, 400, 'invalid object type: /, Kind='],
    ['managedFields', { ...config(), metadata: { name: 'd', managedFields: [] } }, 400, 'metadata.managedFields must be nil'],
    ['a wrong type', config({ replicas: 'x' }), 500, 'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string'],
    ['an unknown field', config({ nope: 1 }), 500, 'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.nope: field not declared in schema'],
    ['equal keys', config(template(container('x'), container('x'))), 500, 'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="x"]'],
  ])('refuses %s', (_name, body, code, message) => {
    expect(refusal(() => new Server().apply('one', body))?.slice(0, 2)).toEqual([code, message]);
  }); // prettier-ignore
  it('lets kubectl take over what it applied on the client side, and keeps that annotation in step', () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const server = new Server().apply('x', config());
    server.live = {
      ...config({ replicas: 2 }),
      metadata: { name: 'd', uid: 'u', annotations: { [annotation]: JSON.stringify(config({ replicas: 2 })) } },
    } as unknown as DynamicObject;
    server.apply('kubectl', config({ replicas: 2, paused: true }));
    expect(JSON.parse(server.live.metadata.annotations![annotation]!)).toEqual(config({ replicas: 2, paused: true }));
  });
});

describe('the scale of an object', () => {
  const within = { 'f:spec': { 'f:replicas': {} } };
  const scaled = (server: Server, replicas: number) =>
    applyServerSide({ live: server.live, config: config({ replicas }), manager: 'scaler', subresource: 'scale', within, printedVersion: 'autoscaling/v1', force: false, kind, now: undefined, schema, set: builtinSchemas }); // prettier-ignore
  it('tells of others in its own version', () => {
    const server = new Server().apply('one', config()).apply('x', config({ paused: true })).put('hpa', { paused: true, replicas: 2 }); // prettier-ignore
    expect(refusal(() => scaled(server, 3))?.[1]).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" using autoscaling/v1: .spec.replicas',
    );
  });
  it('is nobody’s before somebody applied, whoever owns the rest', () => {
    const server = new Server().apply('one', config({ paused: true }));
    server.live = { ...server.live!, spec: { ...server.spec, replicas: 2 } } as unknown as DynamicObject;
    expect(refusal(() => scaled(server, 3))?.[1]).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" with subresource "scale" using autoscaling/v1: .spec.replicas',
    );
    const options = { manager: 'm', apiVersion: 'apps/v1', subresource: 'scale', now: undefined, schema, set: builtinSchemas, within }; // prettier-ignore
    const updated = { ...server.live, spec: { ...server.spec, replicas: 5 } } as unknown as DynamicObject;
    expect(updateManagedFields({ ...options, live: server.live, updated })).toEqual(server.live.metadata.managedFields);
  });
});
describe('versions', () => {
  it('that are served no more own nothing', () => {
    const server = new Server().apply('one', config({ replicas: 2 }));
    const gone = { ...server.live!.metadata.managedFields![0]!, manager: 'old', apiVersion: 'apps/v0' };
    const live = { ...server.live!, metadata: { ...server.live!.metadata, managedFields: [gone] } } as unknown as DynamicObject; // prettier-ignore
    const { managedFields } = applyServerSide({ live, config: config({ replicas: 3 }), manager: 'two', force: false, kind, now: NOW, schema, set: builtinSchemas, versionOf: () => undefined }); // prettier-ignore
    expect(managedFields.map((entry) => entry.manager)).not.toContain('old');
  });
});
describe('a set as it is written', () => {
  it('has keys by their values, numbers as numbers', () => {
    const set = { 'k:{"port":443}': {}, 'v:"x"': {}, 'k:{"port":80}': {}, 'f:b': {}, '.': {}, 'f:a': {} };
    expect(Object.keys(inOrder(set))).toEqual(['.', 'f:a', 'f:b', 'k:{"port":80}', 'k:{"port":443}', 'v:"x"']);
  });
});
