import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../bus/memory/simulation.ts';
import { customResources } from '../../../schemas/apiextensions/custom-resources.ts';
import { fromStorage, whenConverted } from '../../../schemas/convert.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { DynamicObject, KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { OutboundAnswer, OutboundRequest } from '../../runtime/outbound/outbound.ts';
import { conversionWebhook } from './conversion-webhook.ts';

/** By number, not by time: a busy machine tries as many. */
const RUNS = 500;
type Json = Record<string, unknown>;
const FIELDS = ['a', 'b', 'c', 'list', 'map', 'any'];
const VERSIONS = ['v1', 'v2', 'v3'];
/** What the three versions know of a spec: parts of it, all of it, other types. */
const SPECS: readonly Json[] = [
  { a: { type: 'string' }, list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string', default: 'x' } } } } },
  { a: { type: 'string' }, b: { type: 'integer', nullable: true }, c: { type: 'boolean', default: true }, list: { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }, map: { type: 'object', additionalProperties: { type: 'string' } }, any: { 'x-kubernetes-preserve-unknown-fields': true } },
  { a: { type: 'integer' }, any: { type: 'object', properties: { a: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } } } },
]; // prettier-ignore
const definition = (strategy: 'None' | 'Webhook'): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gizmos.example.com' },
  spec: {
    group: 'example.com', scope: 'Namespaced', names: { plural: 'gizmos', kind: 'Gizmo' },
    versions: VERSIONS.map((name, i) => ({ name, served: true, storage: i === 1, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: SPECS[i] } } } } })),
    conversion: { strategy, ...(strategy === 'Webhook' && { webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://hook.example' } } }) },
  },
  status: { conditions: [{ type: 'NamesAccepted', status: 'True' }] },
}) as CustomResourceDefinition; // prettier-ignore

const word = fc.oneof(fc.constantFrom(...FIELDS, 'metadata', 'kind', 'apiVersion', 'labels', 'annotations', 'name', 'uid', '__proto__', 'constructor', 'uid', 'response', 'result', 'status', 'message', 'convertedObjects', '0', '1', 'Success', 'v1', 'a/b', ''), fc.string({ maxLength: 5 })); // prettier-ignore
const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ maxDepth: 4, withCrossShrink: true }, word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('json'), { maxLength: 3 }), fc.dictionary(word, tie('json'), { maxKeys: 4 })), // prettier-ignore
}));
const version = fc.constantFrom(...VERSIONS);
/** As bodies have become when they get here: parsed from JSON. */
const parsed = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const stored = fc.tuple(version, fc.dictionary(word, json, { maxKeys: 5 }), json).map(([v, spec, other]) =>
  parsed({ apiVersion: `example.com/${v}`, kind: 'Gizmo', metadata: { name: 'x', namespace: 'n', uid: 'u', resourceVersion: '7', finalizers: ['a/b'], labels: { l: 'x' } }, spec, other }) as unknown as DynamicObject,
); // prettier-ignore
const named = (resources: readonly Resource[], name: string): Resource => resources.find((r) => r.version === name)!;
/** What an error of JavaScript would say, and no server. */
const INTERNAL = /is not a function|is not iterable|Cannot (?:read|set|convert)|undefined|call stack|BigInt|\[object|RangeError|TypeError/; // prettier-ignore

describe('whatever is converted', () => {
  const resources = customResources(definition('None'));
  it('without anybody, becomes what the version knows of it, once and for all', () => {
    fc.assert(
      fc.property(stored, version, version, (object, first, second) => {
        const before = structuredClone(object);
        const one = fromStorage(named(resources, first), object);
        expect(one.apiVersion).toBe(`example.com/${first}`);
        expect(one.metadata).toEqual(before.metadata);
        expect(Object.keys(one).filter((key) => !['apiVersion', 'kind', 'metadata', 'spec'].includes(key))).toEqual([]);
        // What is read has its defaults; then nothing changes any more.
        const there = named(resources, second);
        const read = fromStorage(there, fromStorage(there, one));
        expect(fromStorage(there, read)).toEqual(read);
        expect(object).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });

  /** A webhook's answer: good, then with something else in one place of it. */
  const answerOf = (asked: Json, place: readonly string[], value: unknown): unknown => {
    const request = asked['request'] as { uid: string; desiredAPIVersion: string; objects: KubeObject[] };
    const review = {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview',
      response: { uid: request.uid, result: { status: 'Success' }, convertedObjects: request.objects.map((o) => ({ ...o, apiVersion: request.desiredAPIVersion })) },
    } as unknown as Json; // prettier-ignore
    let at = review;
    for (const key of place.slice(0, -1)) {
      const next = Object.hasOwn(at, key) ? at[key] : undefined;
      if (typeof next !== 'object' || next === null) break;
      at = next as Json;
    }
    Object.defineProperty(at, place.at(-1)!, { value, enumerable: true, configurable: true, writable: true });
    return review;
  };
  /** Asks for two objects in another version; what came of it. */
  async function asked(answer: (asked: Json) => OutboundAnswer): Promise<readonly KubeObject[] | Error> {
    const world = simulate(1).world('apiserver');
    const crd = definition('Webhook');
    const call = (request: OutboundRequest): Promise<OutboundAnswer> =>
      Promise.resolve(answer(JSON.parse(Buffer.from(request.body!).toString()) as Json));
    const convert = conversionWebhook(crd, { world, call, resolve: () => ({ host: '10.0.0.1', port: 1 }) });
    const v1 = named(customResources(crd, { convert }), 'v1');
    const two = ['x', 'y'].map((name) => ({ apiVersion: 'example.com/v2', kind: 'Gizmo', metadata: { name, uid: `u-${name}`, resourceVersion: '7', finalizers: ['a/b'] }, spec: { a: 's' } })); // prettier-ignore
    try {
      await v1.definition.custom!.versions.prepare(two, 'example.com/v1');
      return await Promise.all(two.map((one) => whenConverted(() => fromStorage(v1, one))));
    } catch (error) {
      return error as Error;
    }
  }
  function isSound(came: readonly KubeObject[] | Error): void {
    if (came instanceof Error) {
      expect(came).toBeInstanceOf(ApiError);
      expect(came.message).not.toMatch(INTERNAL);
      return;
    }
    for (const [i, { apiVersion, kind, metadata }] of came.entries()) {
      const { labels: _labels, annotations: _annotations, ...rest } = metadata;
      const name = ['x', 'y'][i]!;
      expect({ apiVersion, kind, rest }).toEqual({ apiVersion: 'example.com/v1', kind: 'Gizmo', rest: { name, uid: `u-${name}`, resourceVersion: '7', finalizers: ['a/b'] } }); // prettier-ignore
    }
  }
  const body = (value: unknown): OutboundAnswer => ({
    status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  }); // prettier-ignore
  const PLACES = [['apiVersion'], ['kind'], ['response'], ['response', 'uid'], ['response', 'result'], ['response', 'result', 'status'], ['response', 'convertedObjects'], ...['', 'apiVersion', 'kind', 'metadata', 'spec'].map((field) => ['response', 'convertedObjects', '1', field].filter((part) => part !== '')), ...['name', 'uid', 'labels', 'annotations', 'finalizers', 'ownerReferences'].map((field) => ['response', 'convertedObjects', '0', 'metadata', field])]; // prettier-ignore
  it('by a webhook that is wrong in one place, stays itself or is refused in words', async () => {
    const place = fc.oneof(fc.constantFrom(...PLACES), fc.array(word, { minLength: 1, maxLength: 5 }));
    await fc.assert(
      fc.asyncProperty(place, json, async (at, value) => isSound(await asked((given) => body(answerOf(given, at, value))))), // prettier-ignore
      { numRuns: RUNS },
    );
  });
  it('by a webhook that answers anything, is refused in words', async () => {
    const anything = fc.oneof(
      json,
      fc.string(),
      fc.constantFrom('', '{', 'null', '[]', '{"response":', '\u0000', '<html>'),
    );
    await fc.assert(
      fc.asyncProperty(anything, fc.constantFrom(200, 200, 201, 204, 301, 404, 500), async (value, status) =>
        isSound(await asked(() => ({ ...body(value), status }))),
      ),
      { numRuns: RUNS },
    );
  });
  const deep = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels));
  it.each<[string, (given: Json) => OutboundAnswer]>([
    ['of ten megabytes', (given) => body(answerOf(given, ['response', 'convertedObjects', '0', 'spec', 'a'], 'x'.repeat(10_000_000)))],
    ['that goes deep', (given) => body(answerOf(given, ['response', 'convertedObjects', '0', 'spec', 'any'], deep(1_000)))],
    ['that goes too deep', () => body(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    ['with the objects twice', (given) => {
      const review = answerOf(given, ['x'], 1) as { response: { convertedObjects: unknown[] } };
      review.response.convertedObjects.push(...review.response.convertedObjects);
      return body(review);
    }],
    ['with the objects the other way round', (given) => {
      const review = answerOf(given, ['x'], 1) as { response: { convertedObjects: unknown[] } };
      review.response.convertedObjects.reverse();
      return body(review);
    }],
  ])('by an answer %s', async (_, answer) => isSound(await asked(answer))); // prettier-ignore
});
