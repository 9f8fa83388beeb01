import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { collectDescriptions } from './descriptions.ts';
import { descriptionsFrom, openApiV2, openApiV3, openApiV3Index, type OpenApiDocument } from './index.ts';

type Document = Record<string, Record<string, Record<string, unknown>>>;
const parse = (document: OpenApiDocument | undefined): Document =>
  JSON.parse(Buffer.from(document!.json()).toString()) as Document;
const models = fileURLToPath(new URL('../../node_modules/@kubernetes/client-node/dist/gen/models', import.meta.url));
const describe = descriptionsFrom(models);

/** All `$ref`s of a document. */
function* refsOf(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value))
    if (key === '$ref' && typeof item === 'string') yield item;
    else yield* refsOf(item);
}
it.each([
  ['#/components/schemas/', (r: ReturnType<typeof createRegistry>) => parse(openApiV3(r, 'api/v1'))],
  ['#/definitions/', (r: ReturnType<typeof createRegistry>) => parse(openApiV2(r))],
])('defines all that it refers to by %s', (prefix, load) => {
  const document = load(createRegistry());
  const defined = (document['definitions'] ?? document['components']!['schemas'])!;
  const missing = new Set([...refsOf(document)].filter((ref) => !defined[ref.slice(prefix.length)]));
  expect([...missing]).toEqual([]);
});
it('lists a document for every group version, each with the hash it has', () => {
  const registry = createRegistry();
  const { paths } = parse(openApiV3Index(registry));
  expect(Object.keys(paths!)).toEqual(expect.arrayContaining(['api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'version', 'openid/v1/jwks'])); // prettier-ignore
  for (const [path, { serverRelativeURL }] of Object.entries(paths!))
    expect(serverRelativeURL).toBe(`/openapi/v3/${path}?hash=${openApiV3(registry, path)!.etag.slice(1, -1)}`);
  expect(openApiV3(registry, 'apis/nope/v1')).toBeUndefined();
});
it('has the same hash in another process, and says what kubectl looks for', () => {
  expect(openApiV3Index(createRegistry()).etag).toBe(openApiV3Index(createRegistry()).etag);
  const { paths } = parse(openApiV3(createRegistry(), 'apis/apps/v1'));
  expect(paths!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!['patch']).toMatchObject({
    'x-kubernetes-group-version-kind': { group: 'apps', kind: 'Deployment', version: 'v1' },
    parameters: expect.arrayContaining([expect.objectContaining({ name: 'fieldValidation', in: 'query' })]),
  });
});
it('describes kinds and fields from the declarations installed', () => {
  const { components } = parse(openApiV3(createRegistry(), 'apis/apps/v1', { describe }));
  const spec = components!['schemas']!['io.k8s.api.apps.v1.DeploymentSpec'] as { description: string; properties: Record<string, { description: string }> }; // prettier-ignore
  expect(spec.description).toMatch(/^DeploymentSpec is /);
  expect(spec.properties['replicas']!.description).toMatch(/^Number of desired pods\./);
  expect(spec.properties['template']!.description).toMatch(/^PodTemplateSpec /);
  expect(describe('io.k8s.api.core.v1.Event')!.text).toMatch(/^Event is a report/);
  expect(descriptionsFrom('/nowhere')('io.k8s.api.core.v1.Pod')).toBeUndefined();
});
it('says the same where the declarations were collected into one file, and nothing where that cannot be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubus-descriptions-'));
  try {
    const file = join(folder, 'descriptions.json');
    expect(descriptionsFrom(file)('io.k8s.api.core.v1.Pod')).toBeUndefined();
    writeFileSync(file, collectDescriptions(models));
    const text = (from: typeof describe): string => openApiV2(createRegistry(), { describe: from }).json().toString();
    expect(text(descriptionsFrom(file))).toBe(text(describe));
    writeFileSync(file, '{');
    expect(descriptionsFrom(file)('io.k8s.api.core.v1.Pod')).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
it('comes and goes with custom resources', () => {
  const registry = createRegistry();
  const own = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } };
  const before = openApiV3Index(registry, { customSchema: () => own }).etag;
  const widget = {
    group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', listKind: 'WidgetList', singular: 'widget',
    namespaced: true, verbs: new Set(['get']), shortNames: [], categories: [], storageVersionHash: '', columns: [],
    schema: { type: 'object', fields: { spec: { type: 'object', fields: { size: { type: 'integer' } } } } },
    subresources: new Map([['scale', { name: 'scale', kind: 'Scale', verbs: new Set(['get']) }]]),
    definition: { group: 'example.com', version: 'v1', resource: 'widgets' },
    storagePrefix: '/registry/example.com/widgets/', storageVersion: 'example.com/v1',
  } as unknown as Resource; // prettier-ignore
  registry.add(widget);
  expect(openApiV3Index(registry).etag).not.toBe(before);
  const { paths, components } = parse(openApiV3(registry, 'apis/example.com/v1'));
  expect(Object.keys(paths!)).toEqual([
    '/apis/example.com/v1/namespaces/{namespace}/widgets',
    '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}',
    '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/scale',
    '/apis/example.com/v1/widgets',
  ]);
  expect(components!['schemas']!['com.example.v1.Widget']).toMatchObject({
    properties: { spec: { properties: { size: { type: 'integer' } } } },
  });
  expect(parse(openApiV2(registry))['definitions']).toHaveProperty(['com.example.v1.WidgetList']);
  registry.remove(widget);
  expect(openApiV3(registry, 'apis/example.com/v1')).toBeUndefined();
  expect(openApiV3Index(registry).etag).toBe(before);
});
