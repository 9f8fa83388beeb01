import { encodeList, encodeObject, envelope, watchFrame } from '../../../schemas/codec/protobuf-envelope.ts';
import { encodeMessage } from '../../../schemas/codec/protobuf.ts';
import { fromStorage } from '../../../schemas/convert.ts';
import { apiVersionOf, type KubeObject } from '../../../schemas/meta/object.ts';
import { schemaNameOf } from '../../../schemas/registry.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Status } from '../../../schemas/meta/status.ts';
import type { WholeAnswer } from '../core.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { Accepted } from '../doors/https/accept.ts';
import type { WatchEncoding } from '../watch-cache/watchers.ts';
import { at, BOOKMARK_END, listMetadata } from './json.ts';
import { partialOf } from './transforms.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const PARTIAL = `${META}.PartialObjectMetadata`;

/** How the objects of a watch or list are shown: whole, or as metadata alone. */
interface Form {
  readonly id: string;
  readonly definition: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly listKind: string;
  of(object: KubeObject): object;
}
function formOf(resource: Resource, partial: string): Form {
  if (partial !== '')
    return {
      id: `partial-protobuf ${partial}`,
      definition: PARTIAL,
      apiVersion: `meta.k8s.io/${partial}`,
      kind: 'PartialObjectMetadata',
      listKind: 'PartialObjectMetadataList',
      of: (object) => partialOf(resource, object, partial),
    };
  const apiVersion = apiVersionOf(resource);
  const { kind, listKind } = resource;
  return { id: `protobuf ${apiVersion}`, definition: schemaNameOf(resource), apiVersion, kind, listKind, of: (o) => o };
}
const rawOf = (resource: Resource, entry: Entry, form: Form): Buffer =>
  entry.encoded(form.id, () => encodeMessage(form.definition, form.of(fromStorage(resource, entry.object))));

export const statusProtobuf = (status: Status): Buffer => encodeObject(`${META}.Status`, 'v1', 'Status', status);

export function renderProtobuf(answer: WholeAnswer, { version: partial }: Accepted): Buffer {
  if (answer.type === 'object') {
    const object = answer.object as KubeObject;
    if (object.kind === 'Status') return statusProtobuf(object as unknown as Status);
    if (partial !== '' && answer.resource) {
      const form = formOf(answer.resource, partial);
      return encodeObject(form.definition, form.apiVersion, form.kind, form.of(object));
    }
    const slash = object.apiVersion.indexOf('/');
    const gv = { group: object.apiVersion.slice(0, Math.max(0, slash)), version: object.apiVersion.slice(slash + 1) };
    return encodeObject(schemaNameOf({ ...gv, kind: object.kind }), object.apiVersion, object.kind, object);
  }
  const form = formOf(answer.resource, partial);
  if (answer.type === 'entry') return envelope(form.apiVersion, form.kind, rawOf(answer.resource, answer.entry, form));
  const items = answer.entries.map((entry) => rawOf(answer.resource, entry, form));
  return encodeList(form.apiVersion, form.listKind, listMetadata(answer), items);
}

/** One of discovery's documents, whose kinds belong to no group. */
export function documentProtobuf(document: object): Buffer {
  const { kind = '', apiVersion = '', ...rest } = document as { kind?: string; apiVersion?: string };
  const aggregated = apiVersion.startsWith('apidiscovery');
  const definition = aggregated ? `io.k8s.api.apidiscovery.v2.${kind}` : `${META}.${kind}`;
  return encodeObject(definition, apiVersion, kind, rest);
}
/** Watch events with their length before them. */
export function protobufWatch(resource: Resource, partial: string): WatchEncoding<Buffer> {
  const form = formOf(resource, partial);
  return {
    id: form.id,
    event(type, entry, revision) {
      const raw =
        entry.revision === revision
          ? rawOf(resource, entry, form)
          : encodeMessage(form.definition, form.of(at(resource, entry, revision)));
      return watchFrame(type, envelope(form.apiVersion, form.kind, raw));
    },
    bookmark(revision, end) {
      const metadata = { resourceVersion: String(revision), ...(end && { annotations: BOOKMARK_END }) };
      return watchFrame('BOOKMARK', encodeObject(form.definition, form.apiVersion, form.kind, { metadata }));
    },
    join: (frames) => Buffer.concat(frames),
  };
}
export const errorFrame = (status: Status): Buffer => watchFrame('ERROR', statusProtobuf(status));
