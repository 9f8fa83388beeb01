import { encodeObject, envelope, isProtobuf, readEnvelope } from '../../../schemas/codec/protobuf-envelope.ts';
import { decodeMessage, encodeMessage, hasProtobuf } from '../../../schemas/codec/protobuf.ts';
import { WireReader } from '../../../schemas/codec/wire.ts';
import { parseYaml } from '../../../schemas/codec/yaml.ts';
import { printYaml } from '../../../schemas/codec/yaml-print.ts';
import { schemaNameOf } from '../../../schemas/registry.ts';
import type { Json } from './mutate.ts';
import type { WireAnswer } from './wire-client.ts';

/** What the bytes of an answer say, and whether this project's own codecs would have written the same bytes. */
export interface Read {
  readonly value: Json;
  /** Where the bytes are not those that the codec makes of the value; empty if they are. */
  readonly odd: string;
}
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export async function read(answer: WireAnswer): Promise<Read> {
  const type = String(answer.headers['content-type'] ?? '');
  const { bytes } = answer;
  if (type.startsWith(`${PROTOBUF};stream=watch`)) return protobufFrames(bytes);
  if (type.startsWith(PROTOBUF)) return protobuf(bytes);
  const text = bytes.toString('utf8');
  if (type.startsWith('application/yaml')) {
    const { value } = await parseYaml(bytes);
    return { value: value as Json, odd: firstOdd(text, printYaml(value)) };
  }
  try {
    return { value: JSON.parse(text) as Json, odd: '' };
  } catch {
    const lines = text.split('\n').filter((line) => line !== '');
    try {
      return { value: lines.map((line) => JSON.parse(line) as Json), odd: '' };
    } catch {
      return { value: text, odd: '' };
    }
  }
}
function firstOdd(a: string, b: string): string {
  if (a === b) return '';
  let i = 0;
  while (a[i] === b[i]) i++;
  return `at ${i}: ${JSON.stringify(a.slice(Math.max(0, i - 40), i + 40))} we write ${JSON.stringify(b.slice(Math.max(0, i - 40), i + 40))}`;
}
const definitionOf = (apiVersion: string, kind: string): string => {
  if (kind === 'Status' || kind === 'DeleteOptions' || kind === 'APIResourceList' || kind === 'APIGroupList' || kind === 'APIVersions' || kind === 'APIGroup') return `${META}.${kind}`; // prettier-ignore
  if (kind.startsWith('PartialObjectMetadata')) return `${META}.${kind}`;
  const [version, group = ''] = apiVersion.split('/').reverse() as [string, string?];
  return schemaNameOf({ group, version, kind });
};

function protobuf(bytes: Buffer): Read {
  try {
    return opened(bytes);
  } catch (error) {
    return { value: `${(error as Error).message}: ${bytes.toString('latin1')}`, odd: '' };
  }
}
function opened(bytes: Buffer): Read {
  if (!isProtobuf(bytes)) return { value: `not protobuf: ${bytes.toString('latin1')}`, odd: '' };
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  const list = kind.endsWith('List') && !kind.startsWith('API');
  const item = list ? definitionOf(apiVersion, kind.slice(0, -4)) : definitionOf(apiVersion, kind);
  if (!hasProtobuf(item)) return { value: { apiVersion, kind, unknown: Buffer.from(raw).toString('base64') }, odd: '' };
  if (!list) {
    const object = decodeMessage(item, raw);
    const again = encodeObject(item, apiVersion, kind, object);
    return { value: { apiVersion, kind, ...(object as { [key: string]: Json }) }, odd: again.equals(bytes) ? '' : oddBytes(item, raw, object) };
  } // prettier-ignore
  const reader = new WireReader(raw);
  const items: Json[] = [];
  let metadata: Json = {};
  let odd = '';
  while (reader.next()) {
    const isMeta = reader.field === (apiVersion === 'meta.k8s.io/v1beta1' ? 2 : 1);
    if (isMeta) metadata = decodeMessage(`${META}.ListMeta`, reader.bytes()) as Json;
    else {
      const inner = reader.bytes();
      const object = decodeMessage(item, inner);
      items.push(object as Json);
      if (odd === '' && !encodeMessage(item, object).equals(inner)) odd = oddBytes(item, inner, object);
    }
  }
  if (odd === '' && !envelope(apiVersion, kind, Buffer.from(raw)).equals(bytes)) odd = 'the envelope';
  return { value: { apiVersion, kind, metadata, items }, odd };
}
function oddBytes(item: string, raw: Uint8Array, object: object): string {
  const ours = encodeMessage(item, object);
  const given = Buffer.from(raw);
  let i = 0;
  while (ours[i] === given[i] && i < ours.length) i++;
  return `${item} at ${i}: ${JSON.stringify(given.subarray(Math.max(0, i - 24), i + 24).toString('latin1'))} we write ${JSON.stringify(ours.subarray(Math.max(0, i - 24), i + 24).toString('latin1'))}`;
}
/** Frames of a watch: a length, then an event that holds an object in its envelope. */
function protobufFrames(bytes: Buffer): Read {
  const events: Json[] = [];
  let odd = '';
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const reader = new WireReader(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
    if (at > bytes.length) break;
    let type = '';
    let object: Read = { value: null, odd: '' };
    while (reader.next()) {
      if (reader.field === 1) type = reader.text();
      else {
        const inner = new WireReader(reader.bytes());
        while (inner.next()) object = protobuf(Buffer.from(inner.bytes()));
      }
    }
    events.push({ type, object: object.value });
    odd ||= object.odd;
  }
  return { value: events, odd };
}
