import { describe, expect, it } from 'vitest';
import { publishedSchema } from './custom-schema.ts';
import { V2, V3, type Json } from './definitions.ts';

const published = (schema: Json | undefined, dialect: typeof V2): Json =>
  publishedSchema(schema, { dialect, refs: new Set(), describe: undefined });
const field = (schema: Json, dialect: typeof V2): unknown =>
  (published({ type: 'object', properties: { f: schema } }, dialect)['properties'] as Json)['f'];
const ENVELOPE = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const description = expect.stringContaining("Standard object's metadata.") as unknown;
const metadata = {
  2: { description, $ref: `#/definitions/${META}` },
  3: { description, allOf: [{ $ref: `#/components/schemas/${META}` }] },
};

// What the real server published.
describe('the schema of a custom kind', () => {
  it('has the envelope of all kinds', () => {
    const own = { description: 'd', type: 'object', properties: { spec: { type: 'object' } } };
    expect(published(own, V2)).toEqual({
      ...own,
      properties: { ...own.properties, ...ENVELOPE, metadata: metadata[2] },
    });
    expect(published(own, V3)).toMatchObject({ ...own, properties: { ...own.properties, ...ENVELOPE } });
  });
  it('that keeps what it does not know, or is none, says no more in v2 than that it is an object', () => {
    const any = { description: 'd', type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    expect(published(any, V2)).toEqual({ type: 'object' });
    expect(published(any, V3)).toMatchObject({ ...any, properties: ENVELOPE });
    expect([published(undefined, V2), published(undefined, V3)]).toEqual([{ type: 'object' }, { type: 'object' }]);
  });
  const anyOf = [{ type: 'integer' }, { type: 'string' }];
  const unknown = { 'x-kubernetes-preserve-unknown-fields': true };
  const embedded = { 'x-kubernetes-embedded-resource': true };
  it.each<[what: string, given: Json, v2: Json, v3?: Json]>([
    ['a default', { type: 'integer', default: 3, minimum: 1 }, { type: 'integer', minimum: 1 }],
    ['an enum', { type: 'string', enum: ['a'] }, { type: 'string', enum: ['a'] }],
    ['alternatives', { type: 'object', oneOf: [{ required: ['a'] }], not: { required: ['b'] } }, { type: 'object' }],
    ['a number or a text', { 'x-kubernetes-int-or-string': true }, { 'x-kubernetes-int-or-string': true }, { anyOf, 'x-kubernetes-int-or-string': true }],
    ['what may be null', { type: 'object', nullable: true, properties: { a: { type: 'string' } } }, {}],
    ['a list that may be null', { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' }, nullable: true }, { 'x-kubernetes-list-type': 'set' }],
    ['a map of what may be null', { type: 'object', additionalProperties: { type: 'string', nullable: true } }, { type: 'object', additionalProperties: {} }],
    ['what must be there and may be null', { type: 'object', required: ['a', 'b'], properties: { a: { type: 'string', nullable: true }, b: { type: 'string' } } }, { type: 'object', required: ['b'], properties: { a: {}, b: { type: 'string' } } }],
    ['anything', unknown, unknown],
    ['an object within', { type: 'object', ...embedded, properties: { spec: { type: 'object' } } },
      { type: 'object', ...embedded, required: ['kind', 'apiVersion'], properties: { spec: { type: 'object' }, ...ENVELOPE, metadata: metadata[2] } },
      { type: 'object', ...embedded, required: ['kind', 'apiVersion'], properties: { spec: { type: 'object' }, ...ENVELOPE, metadata: metadata[3] } }],
    ['any object within', { type: 'object', ...embedded, ...unknown }, { ...embedded, ...unknown },
      { type: 'object', ...embedded, ...unknown, required: ['kind', 'apiVersion'], properties: { ...ENVELOPE, metadata: metadata[3] } }],
  ])('publishes %s', (_, given, v2, v3 = given) => {
    expect([field(given, V2), field(given, V3)]).toEqual([v2, v3]);
  }); // prettier-ignore
});
