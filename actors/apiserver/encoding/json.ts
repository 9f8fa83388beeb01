import { fromStorage } from '../../../schemas/convert.ts';
import { builtinSchemas } from '../../../schemas/structural/builtin.ts';
import { byName, inGoOrder } from '../../../schemas/structural/order.ts';
import { apiVersionOf, type KubeObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { ListAnswer } from '../core.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { WatchEncoding } from '../watch-cache/watchers.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';

/** What the JSON of a resource's objects begins with; lists of builtin kinds leave it out of their items. */
interface Head {
  readonly apiVersion: string;
  readonly isStorage: boolean;
  readonly text: string;
  /** Bytes up to `"metadata"`. */
  readonly length: number;
  /** Members in the order in which Go prints them. */
  readonly arrange: (object: object) => object;
}
const heads = new WeakMap<Resource, Head>();
function headOf(resource: Resource): Head {
  let head = heads.get(resource);
  if (head === undefined) {
    const apiVersion = apiVersionOf(resource);
    const [kind, version] = [JSON.stringify(resource.kind), JSON.stringify(apiVersion)];
    // Custom objects are maps in the real server, which it prints by name.
    const custom = resource.definition.custom !== undefined;
    const text = custom ? `{"apiVersion":${version},"kind":${kind},` : `{"kind":${kind},"apiVersion":${version},`;
    const arrange = custom ? byName : (object: object) => inGoOrder(object, resource.schema, builtinSchemas);
    head = {
      apiVersion,
      isStorage: apiVersion === resource.storageVersion,
      text,
      length: Buffer.byteLength(text),
      arrange,
    };
    heads.set(resource, head);
  }
  return head;
}
function encode(head: Head, object: KubeObject): Buffer {
  const { kind: _kind, apiVersion: _version, ...rest } = object;
  return Buffer.from(`${head.text}${goJson(head.arrange(rest)).slice(1)}\n`);
}
/** Members in the order in which Go prints them. */
export const arranged = (resource: Resource, object: object): object => headOf(resource).arrange(object);
/** An object that comes from no cache, in the same form. */
export const objectJson = (resource: Resource, object: KubeObject): Buffer => encode(headOf(resource), object);
/** The object in the resource's version, encoded once; with the newline that ends every body. */
export function jsonOf(resource: Resource, entry: Entry): Buffer {
  const head = headOf(resource);
  const make = (): Buffer => encode(head, fromStorage(resource, entry.object));
  return head.isStorage ? entry.json(make) : entry.encoded(`json ${head.apiVersion}`, make);
}
const COMMA = 0x2c;
const BRACE = 0x7b;
const TAIL = Buffer.from(']}\n');

/** Joins the cached bytes of the items. `custom`: items carry kind and apiVersion, as those of custom resources do. */
export function listJson(answer: ListAnswer, custom: boolean): Buffer {
  const { resource, entries } = answer;
  const head = headOf(resource);
  const metadata = listMetadata(answer);
  const [kind, version] = [JSON.stringify(resource.listKind), JSON.stringify(head.apiVersion)];
  // Lists of custom kinds are maps in the real server, which it prints by name and of which it leaves nothing out.
  const start = Buffer.from(
    custom
      ? `{"apiVersion":${version},"items":[`
      : `{"kind":${kind},"apiVersion":${version},"metadata":${JSON.stringify(metadata)},"items":[`,
  );
  const tail = custom
    ? Buffer.from(`],"kind":${kind},"metadata":${JSON.stringify(byName({ continue: '', ...metadata }))}}\n`)
    : TAIL;
  const skip = custom ? 0 : head.length - 1;
  let length = start.length + tail.length + Math.max(0, entries.length - 1);
  for (const entry of entries) length += jsonOf(resource, entry).length - skip - 1;
  const out = Buffer.allocUnsafe(length);
  let at = start.copy(out);
  for (let i = 0; i < entries.length; i++) {
    if (i > 0) out[at++] = COMMA;
    const bytes = jsonOf(resource, entries[i]!);
    const from = at;
    at += bytes.copy(out, at, skip, bytes.length - 1);
    // The last byte of what was skipped is the comma after the head: the item's opening brace takes its place.
    if (skip > 0) out[from] = BRACE;
  }
  tail.copy(out, at);
  return out;
}
export const listMetadata = (answer: ListAnswer): object => ({
  // What nobody stores is of no version.
  ...(answer.revision > 0 && { resourceVersion: String(answer.revision) }),
  ...(answer.continue !== undefined && { continue: answer.continue }),
  ...(answer.remaining !== undefined && { remainingItemCount: answer.remaining }),
});

const OPEN = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const CLOSE = Buffer.from('}\n');
export const BOOKMARK_END = { 'k8s.io/initial-events-end': 'true' };

const encodings = new WeakMap<Resource, WatchEncoding<Buffer>>();
/** Watch events as lines of JSON. */
export function jsonWatch(resource: Resource): WatchEncoding<Buffer> {
  let known = encodings.get(resource);
  if (known === undefined) encodings.set(resource, (known = make(resource)));
  return known;
}
function make(resource: Resource): WatchEncoding<Buffer> {
  const head = headOf(resource);
  return {
    id: `json ${head.apiVersion}`,
    event(type, entry, revision) {
      const bytes = entry.revision === revision ? jsonOf(resource, entry) : encode(head, at(resource, entry, revision));
      return Buffer.concat([OPEN[type], bytes.subarray(0, -1), CLOSE]);
    },
    bookmark: (revision, end) => {
      const metadata = {
        resourceVersion: String(revision),
        ...(end && { annotations: BOOKMARK_END }),
      };
      const object = { kind: resource.kind, apiVersion: head.apiVersion, metadata };
      return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    join: (frames) => Buffer.concat(frames),
  };
}
/** The last state of an object that left, at the version at which it did. */
export function at(resource: Resource, entry: Entry, revision: number): KubeObject {
  const object = fromStorage(resource, entry.object);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
