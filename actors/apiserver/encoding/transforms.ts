import { fromStorage } from '../../../schemas/convert.ts';
import { builtinSchemas } from '../../../schemas/structural/builtin.ts';
import { inGoOrder } from '../../../schemas/structural/order.ts';
import type { DynamicObject, KubeObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { WholeAnswer, Core, ListAnswer } from '../core.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { WatchEncoding } from '../watch-cache/watchers.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';
import { arranged, at, BOOKMARK_END, jsonOf, listMetadata } from './json.ts';

/** PartialObjectMetadata and Table. Source: apiserver pkg/endpoints/handlers/response.go. */
const metaVersion = (version: string): string => `meta.k8s.io/${version}`;

/** Not before it is needed: facts are read lazily. */
const objectMeta = () => builtinSchemas.definition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')!;
export const partialOf = (resource: Resource | undefined, object: KubeObject, version: string): object => ({
  kind: 'PartialObjectMetadata',
  apiVersion: metaVersion(version),
  metadata: inGoOrder(shownMetadata(resource, object), objectMeta(), builtinSchemas),
});
/** Annotations that stand for a field are made only where the whole object is converted. */
function shownMetadata(resource: Resource | undefined, { metadata }: KubeObject): KubeObject['metadata'] {
  const hidden = resource?.definition.fieldAnnotations;
  if (hidden === undefined || !metadata.annotations) return metadata;
  const left = Object.entries(metadata.annotations).filter(([name]) => !hidden.includes(name));
  const { annotations: _, ...rest } = metadata;
  return left.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(left) };
}
export const partialJson = (resource: Resource, entry: Entry, version: string): Buffer =>
  // A webhook may give each version labels and annotations of its own.
  entry.encoded(`partial ${version}${resource.definition.custom ? ` ${resource.version}` : ''}`, () =>
    Buffer.from(goJson(partialOf(resource, fromStorage(resource, entry.object), version))),
  );
export function partialListJson(answer: ListAnswer, version: string): Buffer {
  const head = `{"kind":"PartialObjectMetadataList","apiVersion":"${metaVersion(version)}","metadata":${JSON.stringify(listMetadata(answer))},"items":`;
  // Go builds this list from nothing: without items it is nil.
  if (answer.entries.length === 0) return Buffer.from(`${head}null}\n`);
  return joined(
    `${head}[`,
    answer.entries.map((entry) => partialJson(answer.resource, entry, version)),
  );
}
const COMMA = Buffer.from(',');
const TAIL = Buffer.from(']}\n');
function joined(head: string, items: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(head)];
  for (let i = 0; i < items.length; i++) {
    if (i > 0) parts.push(COMMA);
    parts.push(items[i]!);
  }
  parts.push(TAIL);
  return Buffer.concat(parts);
}

export function tableJson(core: Core, answer: WholeAnswer, version: string, include: string): Buffer {
  const resource = answer.resource!;
  const metadata =
    answer.type === 'list'
      ? listMetadata(answer)
      : versionOf(answer.type === 'entry' ? answer.entry.object : (answer.object as KubeObject));
  const now = core.world.clock.now();
  const rows =
    answer.type === 'list'
      ? answer.entries.map((entry) => rowOf(core, resource, entry, version, include, now))
      : answer.type === 'entry'
        ? [rowOf(core, resource, answer.entry, version, include, now)]
        : [Buffer.from(goJson(rowOfObject(core, resource, answer.object as DynamicObject, version, include, now)))];
  const head = headOf(core, resource, version, metadata);
  if (rows.length === 0 && isPlain(resource)) return Buffer.from(`${head}"rows":null}\n`);
  return joined(`${head}"rows":[`, rows);
}
/** Tables that no printer makes leave out what is empty. Source: apiserver pkg/registry/rest defaultTableConvertor. */
const isPlain = ({ columns, definition }: Resource): boolean =>
  definition.custom === undefined && (columns.length === 0 || columns[1]?.name === 'Created At');
const versionOf = (object: KubeObject): object => ({ resourceVersion: object.metadata.resourceVersion ?? '' });
const headOf = (core: Core, resource: Resource, version: string, metadata: object, columns = true): string =>
  `{"kind":"Table","apiVersion":"${metaVersion(version)}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${columns ? columnsJson(core, resource) : null},`;
const columnsOf = new WeakMap<Resource, string>();
function columnsJson(core: Core, resource: Resource): string {
  let known = columnsOf.get(resource);
  if (known === undefined) columnsOf.set(resource, (known = goJson(core.tables?.columns(resource) ?? [])));
  return known;
}
/** Cells change with time (ages), the object beside them does not. */
function rowOf(core: Core, resource: Resource, entry: Entry, version: string, include: string, now: number): Buffer {
  const object = fromStorage(resource, entry.object) as DynamicObject;
  const cells = goJson(core.tables?.cells(resource, object, now) ?? []);
  if (include === 'None') return Buffer.from(`{"cells":${cells},"object":null}`);
  const beside = include === 'Object' ? jsonOf(resource, entry).subarray(0, -1) : partialJson(resource, entry, version);
  return Buffer.concat([Buffer.from(`{"cells":${cells},"object":`), beside, CLOSE]);
}
const CLOSE = Buffer.from('}');
const rowOfObject = (
  core: Core,
  resource: Resource,
  object: DynamicObject,
  version: string,
  include: string,
  now: number,
): object => ({
  cells: core.tables?.cells(resource, object, now) ?? [],
  object:
    include === 'None'
      ? null
      : include === 'Object'
        ? arranged(resource, object)
        : partialOf(resource, object, version),
});

const END = Buffer.from('}\n');
/** Watch events whose objects are metadata alone. */
export function partialWatch(resource: Resource, version: string): WatchEncoding<Buffer> {
  return {
    id: `partial ${version} ${resource.version}`,
    event(type, entry, revision) {
      const object =
        entry.revision === revision
          ? partialJson(resource, entry, version)
          : Buffer.from(goJson(partialOf(resource, at(resource, entry, revision), version)));
      return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, END]);
    },
    bookmark: (revision, end) =>
      bookmark(partialOf(resource, { kind: '', apiVersion: '', metadata: bookmarkMetadata(revision, end) }, version)),
    join: (frames) => Buffer.concat(frames),
  };
}
const bookmarkMetadata = (revision: number, end: boolean): KubeObject['metadata'] => ({
  resourceVersion: String(revision),
  ...(end && { annotations: BOOKMARK_END }),
});
const bookmark = (object: object): Buffer => Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);

function emptyCells(core: Core, resource: Resource): readonly unknown[] {
  try {
    return core.tables?.cells(resource, { kind: resource.kind, apiVersion: '', metadata: {} }, 0) ?? [];
  } catch {
    // Columns that take for granted what every stored object has.
    return [];
  }
}
let tables = 0;
/** Watch events whose objects are tables of one row; only the first of a watch names its columns. */
export function tableWatch(core: Core, resource: Resource, version: string, include: string): WatchEncoding<Buffer> {
  const repeats = resource.definition.repeatsColumns === true;
  let first = true;
  return {
    // Not shared: which event is the first differs from watch to watch.
    id: `table ${tables++}`,
    event(type, entry, revision) {
      const object = at(resource, entry, revision) as DynamicObject;
      const row = goJson(rowOfObject(core, resource, object, version, include, core.world.clock.now()));
      const head = headOf(core, resource, version, versionOf(object), first);
      first = repeats;
      return Buffer.from(`{"type":"${type}","object":${head}"rows":[${row}]}}\n`);
    },
    bookmark(revision, end) {
      // The same as of an object that has nothing but its version.
      const empty = { kind: resource.kind, apiVersion: '', metadata: bookmarkMetadata(revision, end) };
      const row = goJson({ cells: emptyCells(core, resource), object: include === 'Object' || include === 'None' ? null : partialOf(resource, empty, version) }); // prettier-ignore
      const head = headOf(core, resource, version, { resourceVersion: String(revision) }, first);
      first = repeats;
      return Buffer.from(`{"type":"BOOKMARK","object":${head}"rows":[${row}]}}\n`);
    },
    join: (frames) => Buffer.concat(frames),
  };
}
