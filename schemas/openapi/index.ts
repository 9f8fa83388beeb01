import { createHash } from 'node:crypto';
import pathFacts from '../facts/paths.json' with { type: 'json' };
import resourceFacts from '../facts/resources.json' with { type: 'json' };
import schemaFacts from '../facts/schema.json' with { type: 'json' };
import { apiVersionOf } from '../meta/object.ts';
import type { Registry, Resource } from '../resource.ts';
import { builtinSchemas } from '../structural/builtin.ts';
import { customDefinitions, customPaths } from './custom.ts';
import { closure, V2, V3, type Dialect, type Json } from './definitions.ts';
import type { Describe } from './descriptions.ts';
import { pathObject, type PathFact } from './operations.ts';

export { descriptionsFrom, type Describe } from './descriptions.ts';

export interface OpenApiDocument {
  /** Made on the first call, then kept until the resources served change. */
  json(): Uint8Array;
  /** With quotes, as the header has it; the same in every process that serves the same. */
  readonly etag: string;
}
export interface OpenApiOptions {
  /** For `kubectl explain`; descriptionsFrom() makes one. */
  readonly describe?: Describe | undefined;
  /** A CRD's own openAPIV3Schema, with its descriptions. */
  readonly customSchema?: ((resource: Resource) => Json | undefined) | undefined;
}

/** Rises when the documents of built-in kinds change their form. */
const REVISION = 3;
const BEARER = { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' };
const INFO = { title: 'Kubernetes', version: '1.36' };
const builtinPaths = pathFacts as unknown as Readonly<Record<string, PathFact>>;
const builtinResources = new Set(resourceFacts.map(({ groupVersion, name }) => `${groupVersion} ${name}`));
const isCustom = (r: Resource): boolean =>
  r.definition.custom !== undefined || !builtinResources.has(`${apiVersionOf(r)} ${r.resource}`);

class Documents {
  private readonly kept = new Map<string, OpenApiDocument>();
  private customByGroup: Map<string, Resource[]> | undefined;
  private before = new Map<string, Resource[]>();
  private readonly registry: Registry;
  private readonly options: OpenApiOptions;
  constructor(registry: Registry, options: OpenApiOptions) {
    this.registry = registry;
    this.options = options;
    registry.onChange(() => {
      if (this.customByGroup !== undefined) this.before = this.customByGroup;
      this.customByGroup = undefined;
      // What lists or holds all custom resources differs.
      this.kept.delete('/index');
      this.kept.delete('/v2');
    });
  }
  v2(): OpenApiDocument {
    return this.keep('/v2', () => this.hash('/v2', [...this.custom().values()].flat()), () => this.build(V2, builtinPaths, [...this.custom().values()].flat()));
  } // prettier-ignore
  index(): OpenApiDocument {
    const paths = (): string[] => [...builtinGroups().keys(), ...this.custom().keys()].sort();
    return this.keep(
      '/index',
      () => digest(paths().map((path) => this.v3(path)!.etag).join()),
      () => ({
        paths: Object.fromEntries(
          paths().map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${this.v3(path)!.etag.slice(1, -1)}` }]),
        ),
      }),
    );
  } // prettier-ignore
  v3(path: string): OpenApiDocument | undefined {
    const custom = this.custom().get(path) ?? [];
    const facts = builtinGroups().get(path);
    if (facts === undefined && custom.length === 0) return undefined;
    return this.keep(path, () => this.hash(path, custom), () => this.build(V3, facts ?? {}, custom)); // prettier-ignore
  }
  private custom(): Map<string, Resource[]> {
    if (this.customByGroup === undefined) {
      this.customByGroup = new Map();
      for (const r of this.registry.all()) {
        if (!isCustom(r)) continue;
        const path = `apis/${r.group}/${r.version}`;
        const known = this.customByGroup.get(path);
        if (known === undefined) this.customByGroup.set(path, [r]);
        else known.push(r);
      }
      this.forgetChanged(this.before, this.customByGroup);
    }
    return this.customByGroup;
  }
  /** With thousands of custom kinds a change concerns one document. */
  private forgetChanged(before: Map<string, Resource[]>, now: Map<string, Resource[]>): void {
    for (const path of new Set([...before.keys(), ...now.keys()])) {
      const [old, present] = [before.get(path) ?? [], now.get(path) ?? []];
      if (old.length !== present.length || old.some((r, i) => r !== present[i])) this.kept.delete(path);
    }
  }
  private keep(path: string, etag: () => string, build: () => Json): OpenApiDocument {
    let document = this.kept.get(path);
    if (document === undefined) {
      let bytes: Uint8Array | undefined;
      let large: WeakRef<Uint8Array> | undefined;
      const make = (): Uint8Array => Buffer.from(JSON.stringify(build()));
      // That of the older version has all kinds, in megabytes, and hardly anyone asks for it twice.
      const json =
        path === '/v2'
          ? () => {
              const made = large?.deref() ?? make();
              large = new WeakRef(made);
              return made;
            }
          : () => (bytes ??= make());
      document = { etag: `"${etag()}"`, json };
      this.kept.set(path, document);
    }
    return document;
  }
  /** Of what goes into a document, so that an index need not build them all. */
  private hash(path: string, custom: readonly Resource[]): string {
    const parts = custom.map((r) => r.definition.custom?.digest ?? [
      r.resource, r.kind, [...r.subresources.keys()], r.schema, this.options.customSchema?.(r),
    ]); // prettier-ignore
    return digest(JSON.stringify([REVISION, path, this.options.describe !== undefined, parts]));
  }
  private build(dialect: Dialect, facts: Readonly<Record<string, PathFact>>, custom: readonly Resource[]): Json {
    const refs = new Set<string>();
    const { describe } = this.options;
    const paths: Record<string, Json> = {};
    const all = { ...facts };
    for (const r of custom) Object.assign(all, customPaths(r));
    for (const path of Object.keys(all).sort()) paths[path] = pathObject(path, all[path]!, dialect, refs);
    const own: Record<string, Json> = {};
    for (const r of custom) Object.assign(own, customDefinitions(r, this.options.customSchema?.(r), { dialect, refs, describe }));
    const names = dialect.version === 2 ? [...refs, ...Object.keys(schemaFacts)] : refs;
    const found = [...closure(names, builtinSchemas, dialect, this.options.describe), ...Object.entries(own)];
    const definitions = Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
    return dialect.version === 2
      ? { swagger: '2.0', info: INFO, paths, definitions, parameters: {}, securityDefinitions: { BearerToken: BEARER }, security: [{ BearerToken: [] }] }
      : { openapi: '3.0.0', info: INFO, paths, components: { schemas: definitions, securitySchemes: { BearerToken: BEARER } } };
  } // prettier-ignore
}
const digest = (text: string): string => createHash('sha512').update(text).digest('hex').toUpperCase();

let groups: Map<string, Record<string, PathFact>> | undefined;
/** Built-in paths by the document of v3 that they are in: `apis/apps/v1`, `api`, `version`. */
function builtinGroups(): Map<string, Record<string, PathFact>> {
  if (groups === undefined) {
    groups = new Map();
    for (const [path, fact] of Object.entries(builtinPaths)) {
      const parts = path.split('/').filter((part) => part !== '');
      const depth = parts[0] === 'apis' ? 3 : parts[0] === 'api' ? 2 : parts.length;
      const key = parts.slice(0, depth).join('/');
      const group = groups.get(key) ?? {};
      group[path] = fact;
      groups.set(key, group);
    }
  }
  return groups;
}

const byRegistry = new WeakMap<Registry, Documents>();
function documents(registry: Registry, options: OpenApiOptions): Documents {
  let found = byRegistry.get(registry);
  if (found === undefined) byRegistry.set(registry, (found = new Documents(registry, options)));
  return found;
}
/** `/openapi/v2`. Options count on the first call for a registry. */
export const openApiV2 = (registry: Registry, options: OpenApiOptions = {}): OpenApiDocument =>
  documents(registry, options).v2();
/** `/openapi/v3`: where the document of each group version is. */
export const openApiV3Index = (registry: Registry, options: OpenApiOptions = {}): OpenApiDocument =>
  documents(registry, options).index();
/** `/openapi/v3/<path>`, for instance `apis/apps/v1`; undefined for a group that is not served. */
export const openApiV3 = (
  registry: Registry,
  path: string,
  options: OpenApiOptions = {},
): OpenApiDocument | undefined => documents(registry, options).v3(path);
