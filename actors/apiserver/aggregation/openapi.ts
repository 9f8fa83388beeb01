import { createHash } from 'node:crypto';
import type { World } from '../../../bus/world.ts';
import type { RemoteService, RemoteServices } from './registered.ts';
import { createRetried, type Retried } from './retried.ts';
import { mergeSpecs, onlyBelow, type Swagger } from './swagger.ts';
import type { Transports } from './transport.ts';

/** Source: kube-aggregator pkg/controllers/openapi, openapiv3. */
const PACE = { firstMs: 5, maxMs: 3_600_000, againMs: 60_000 };
const TIMEOUT_MS = 60_000;
const AGGREGATOR = { name: 'system:aggregator', groups: [] };

interface Kept {
  /** Of `/openapi/v3`: what there is below it. */
  readonly index: Readonly<Record<string, unknown>>;
  readonly spec: Swagger | undefined;
  readonly etag: string;
}
export interface RemoteDocuments extends Retried {
  /** Whose document of `/openapi/v3/<path>` it is. */
  ownerOf(path: string): RemoteService | undefined;
  /** With what aggregated servers have of their own; the same object if there is nothing of them. */
  mergeIndex(own: Merged): Merged;
  mergeV2(own: Merged): Merged;
}
interface Merged {
  json(): Uint8Array;
  readonly etag: string;
}

/** Keeps the OpenAPI documents of aggregated servers. */
export function keepDocuments(world: Pick<World, 'clock' | 'log'>, remotes: RemoteServices, transports: Transports): RemoteDocuments {
  const kept = new Map<string, Kept>();
  const merged = new Map<string, { readonly of: string; readonly document: Merged }>();
  const ask = (remote: RemoteService, path: string, headers: readonly string[]) =>
    transports.ask(remote, { path, as: AGGREGATOR, headers, timeoutMs: TIMEOUT_MS });

  const retried = createRetried(world, PACE, async (name) => {
    const remote = remotes.get(name);
    if (remote === undefined) return;
    if (!remote.available) throw new Error('service unavailable');
    const before = kept.get(name);
    const [v3, v2] = await Promise.all([
      ask(remote, '/openapi/v3', []),
      ask(remote, '/openapi/v2', ['Accept', 'application/json', ...(before?.etag ? ['If-None-Match', before.etag] : [])]),
    ]);
    if (remotes.get(name) === undefined) return;
    const index = v3.status === 200 ? ((JSON.parse(v3.body.toString()) as { paths?: Kept['index'] }).paths ?? {}) : {};
    if (v2.status === 304 && before !== undefined) return void kept.set(name, { ...before, index });
    if (v2.status !== 200) return void kept.set(name, { index, spec: undefined, etag: '' });
    const spec = onlyBelow(JSON.parse(v2.body.toString()) as Swagger, `/apis/${remote.group}/${remote.version}/`);
    kept.set(name, { index, spec, etag: v2.header('etag') });
  });
  const take = (remote: RemoteService): void => {
    const { name, component } = remote;
    if (component === undefined) return retried.add(name);
    retried.forget(name);
    void documentsOf(remote).then((documents) => remotes.get(name)?.component === component && kept.set(name, documents));
  };
  remotes.onChange((name, is) => {
    if (is !== undefined) return take(is);
    retried.forget(name);
    kept.delete(name);
  });
  for (const remote of remotes.all()) take(remote);

  /** Made once for what there is now. */
  const merge = (what: string, own: Merged, parts: readonly unknown[], make: (own: unknown) => unknown): Merged => {
    if (parts.length === 0) return own;
    const of = hash([own.etag, parts]);
    const before = merged.get(what);
    if (before?.of === of) return before.document;
    let bytes: Uint8Array | undefined;
    const json = (): Uint8Array => (bytes ??= Buffer.from(JSON.stringify(make(JSON.parse(Buffer.from(own.json()).toString())))));
    const document = { etag: `"${of}"`, json };
    merged.set(what, { of, document });
    return document;
  };
  const sorted = (): Kept[] => [...kept].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  return {
    ...retried,
    ownerOf(path) {
      for (const [name, { index }] of kept) if (Object.hasOwn(index, path)) return remotes.get(name);
      return undefined;
    },
    mergeIndex(own) {
      const parts = sorted().filter(({ index }) => Object.keys(index).length > 0).map(({ index }) => index);
      return merge('v3', own, parts, (document) => {
        const paths: Record<string, unknown> = { ...(document as { paths: object }).paths };
        for (const part of parts) Object.assign(paths, part);
        return { paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))) };
      });
    },
    mergeV2(own) {
      const parts = sorted().flatMap(({ spec }) => spec ?? []);
      return merge('v2', own, parts, (document) => (parts as Swagger[]).reduce((into, from) => mergeSpecs(into, from), document as Swagger));
    },
  };
} // prettier-ignore
const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').toUpperCase();
/** Of what a component serves they are known here. */
async function documentsOf({ group, version }: RemoteService): Promise<Kept> {
  const { openApiV2, openApiV3, V3_PATH } = await import('../../../schemas/metrics/openapi.ts');
  const index = { [V3_PATH]: { serverRelativeURL: `/openapi/v3/${V3_PATH}?hash=${hash(openApiV3())}` } };
  return { index, spec: onlyBelow(openApiV2(), `/apis/${group}/${version}/`), etag: '' };
}
