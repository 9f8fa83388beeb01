import { describe, expect, it } from 'vitest';
import { simulate } from '../../../bus/memory/simulation.ts';
import { customResources } from '../../../schemas/apiextensions/custom-resources.ts';
import { fromStorage, Unconverted, whenConverted } from '../../../schemas/convert.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { OutboundAnswer, OutboundRequest } from '../../runtime/outbound/outbound.ts';
import { conversionWebhook } from './conversion-webhook.ts';

type Json = Record<string, unknown>;
interface Asked {
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly DynamicObject[] };
} // prettier-ignore
const schema = (field: string): Json => ({
  openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [field]: { type: 'string' } } } } },
}); // prettier-ignore
const crd = (change: Json = {}): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gizmos.example.com' },
  spec: {
    group: 'example.com', scope: 'Namespaced', names: { plural: 'gizmos', kind: 'Gizmo' },
    versions: [{ name: 'v1', served: true, storage: true, schema: schema('color') }, { name: 'v2', served: true, storage: false, schema: schema('colour') }],
    conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://hook.example', ...change } } },
  },
  status: { conditions: [{ type: 'NamesAccepted', status: 'True' }] },
}); // prettier-ignore
const object = (name: string): DynamicObject => ({
  apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name, uid: `u-${name}`, resourceVersion: '7', labels: { l: name } }, spec: { color: 'red' },
}); // prettier-ignore

/** What a good webhook makes of an object. */
const converted = ({ request }: Asked, of: DynamicObject): Json => ({ ...of, apiVersion: request.desiredAPIVersion, spec: { colour: (of['spec'] as Json)['color'], extra: 'x' } }); // prettier-ignore
const good = (asked: Asked): Json => ({ uid: asked.request.uid, result: { status: 'Success' }, convertedObjects: asked.request.objects.map((o) => converted(asked, o)) }); // prettier-ignore
const review = (response: unknown): Json => ({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response }); // prettier-ignore
const json = (body: unknown, status = 200): OutboundAnswer => ({ status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }); // prettier-ignore
const text = (body: string, status: number): OutboundAnswer => ({ status, headers: { 'content-type': 'text/plain' }, body: Buffer.from(body) }); // prettier-ignore

function hooked(answer: (asked: Asked) => OutboundAnswer, change: Json = {}): { v2: Resource; calls: OutboundRequest[] } {
  const calls: OutboundRequest[] = [];
  const call = (request: OutboundRequest): Promise<OutboundAnswer> => {
    calls.push(request);
    return Promise.resolve(answer(JSON.parse(Buffer.from(request.body!).toString()) as Asked));
  };
  const world = simulate(1).world('apiserver');
  const definition = crd(change);
  const resolve = (): { host: string; port: number } => ({ host: '10.0.0.1', port: 8443 });
  const resources = customResources(definition, { convert: conversionWebhook(definition, { world, call, resolve }) });
  return { v2: resources.find((r) => r.version === 'v2')!, calls };
} // prettier-ignore

describe('a webhook that converts', () => {
  it('is asked once for many, without their versions, and may change labels but no other metadata', async () => {
    const { v2, calls } = hooked((asked) => {
      const response = good(asked);
      for (const one of response['convertedObjects'] as DynamicObject[]) {
        expect(one.metadata).not.toHaveProperty('resourceVersion');
        one.metadata = { ...one.metadata, labels: { new: 'x' }, finalizers: ['not/this'] };
      }
      return json(review(response));
    });
    const stored = [object('a'), object('b')];
    expect(() => fromStorage(v2, stored[0]!)).toThrow(Unconverted);
    await v2.definition.custom!.versions.prepare(stored, 'example.com/v2');
    await v2.definition.custom!.versions.prepare(stored, 'example.com/v2');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ method: 'POST', url: 'https://hook.example/?timeout=30s' });
    expect(fromStorage(v2, stored[1]!)).toEqual({
      apiVersion: 'example.com/v2', kind: 'Gizmo', metadata: { name: 'b', uid: 'u-b', resourceVersion: '7', labels: { new: 'x' } }, spec: { colour: 'red' },
    }); // prettier-ignore
  });
  it('is found behind a service by its name there', async () => {
    const { v2, calls } = hooked((asked) => json(review(good(asked))), { url: undefined, service: { namespace: 'n', name: 's', path: '/p', port: 443 } }); // prettier-ignore
    await whenConverted(() => fromStorage(v2, object('a')));
    expect(calls[0]!.url).toBe('https://s.n.svc:443/p?timeout=30s');
    expect(calls[0]!.route!()).toEqual({ host: '10.0.0.1', port: 8443 });
  });
  it('is not asked about what is of the version already', () => {
    const { v2, calls } = hooked(() => json({}));
    const present = { ...object('a'), apiVersion: 'example.com/v2', spec: { colour: 'red' } };
    expect(fromStorage(v2, present)).toBe(present);
    expect(calls).toEqual([]);
  });
  const ofOne = (change: (one: DynamicObject) => unknown) => (asked: Asked): OutboundAnswer => {
    const [one] = good(asked)['convertedObjects'] as DynamicObject[];
    return json(review({ ...good(asked), convertedObjects: [change(one!)] }));
  }; // prettier-ignore
  const FOR = 'conversion webhook for example.com/v1, Kind=Gizmo';
  const metadata = (change: Json) => ofOne((one) => ({ ...one, metadata: { ...one.metadata, ...change } }));
  it.each<[string, (asked: Asked) => OutboundAnswer, string]>([
    ['a failure', (a) => json(review({ uid: a.request.uid, result: { status: 'Failure', message: 'no way' } })), `${FOR} failed: no way`],
    ['no result', (a) => json(review({ uid: a.request.uid, result: {} })), `${FOR} failed: response.result.status was '', not 'Success'`],
    ['no response', () => json(review(undefined)), `${FOR} failed: no response provided`],
    ['fewer objects', (a) => json(review({ ...good(a), convertedObjects: [] })), `${FOR} returned 0 objects, expected 1`],
    ['another kind', ofOne((one) => ({ ...one, kind: 'Other' })), `${FOR} returned invalid object at index 0: invalid kind (expected Gizmo, received Other)`],
    ['another version', ofOne((one) => ({ ...one, apiVersion: 'example.com/v1' })), `${FOR} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)`],
    ['another name', metadata({ name: 'z' }), `${FOR} returned invalid object: must have the same name: a != z`],
    ['another uid', metadata({ uid: 'z' }), `${FOR} returned invalid object: must have the same UID: u-a != z`],
    ['no metadata', ofOne((one) => ({ ...one, metadata: undefined })), `${FOR} returned invalid object: must have the same name: a != `],
    ['labels that are a list', metadata({ labels: [1] }), `${FOR} returned invalid metadata: invalid metadata.labels of type []interface {} in converted object`],
    ['labels that are numbers', metadata({ labels: { a: 1 } }), `${FOR} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`],
    ['an object that is none', ofOne(() => 'x'), 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
    ['nothing for an object', ofOne(() => null), 'unexpected end of JSON input'],
    ['another review', (a) => json({ ...review(good(a)), kind: 'Other' }), `${FOR} failed: no kind "Other" is registered for version "apiextensions.k8s.io/v1" in scheme "pkg/runtime/scheme.go:111"`],
    ['an error of its own', () => text('boom', 500), `${FOR} failed: an error on the server ("boom") has prevented the request from succeeding`],
    ['a status', () => json({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'told' }, 400), `${FOR} failed: told`],
    ['nothing', () => ({ status: 200, headers: {}, body: Buffer.alloc(0) }), `${FOR} failed: 0-length response with status code: 200 and content type: application/json`],
  ])('is not believed when it answers with %s', async (_, answer, message) => {
    const { v2 } = hooked(answer);
    await expect(whenConverted(() => fromStorage(v2, object('a')))).rejects.toMatchObject({ status: { message, code: 500 } });
  }); // prettier-ignore
});
