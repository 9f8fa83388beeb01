import { encodeMessage, ProtobufError } from './protobuf.ts';
import { WireReader, WireWriter } from './wire.ts';

/** What Kubernetes puts around a message, and how it puts several into one. Source: runtime.Unknown, metav1.WatchEvent. */
const MAGIC = Buffer.from('k8s\0');
export const isProtobuf = (bytes: Uint8Array): boolean => MAGIC.equals(bytes.subarray(0, MAGIC.length));

export interface TypedBytes {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
  readonly contentType: string;
}
/** Opens the envelope. Throws ProtobufError. */
export function readEnvelope(bytes: Uint8Array): TypedBytes {
  if (bytes.length === 0) throw new ProtobufError('empty data');
  if (!isProtobuf(bytes))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (bytes.length === MAGIC.length) throw new ProtobufError('empty body');
  const out: { apiVersion: string; kind: string; raw: Uint8Array; contentType: string } = {
    apiVersion: '',
    kind: '',
    raw: new Uint8Array(0),
    contentType: '',
  };
  try {
    const reader = new WireReader(bytes.subarray(MAGIC.length));
    while (reader.next()) {
      if (reader.field === 1) {
        const type = new WireReader(reader.bytes());
        while (type.next()) {
          if (type.field === 1) out.apiVersion = type.text();
          else if (type.field === 2) out.kind = type.text();
          else type.skip();
        }
      } else if (reader.field === 2) out.raw = reader.bytes();
      else if (reader.field === 4) out.contentType = reader.text();
      else reader.skip();
    }
  } catch (cause) {
    throw new ProtobufError((cause as Error).message, { cause });
  }
  return out;
}
export function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = new WireWriter();
  type.text(1, apiVersion);
  type.text(2, kind);
  const unknown = new WireWriter();
  unknown.message(1, type);
  unknown.bytes(2, raw);
  unknown.text(3, '');
  unknown.text(4, '');
  return Buffer.concat([MAGIC, unknown.finish()]);
}
/** An object in its envelope. */
export const encodeObject = (definition: string, apiVersion: string, kind: string, object: object): Buffer =>
  envelope(apiVersion, kind, encodeMessage(definition, object));

/** A list of messages without their envelopes, in one. */
export function encodeList(apiVersion: string, kind: string, metadata: object, items: readonly Buffer[]): Buffer {
  const raw = new WireWriter();
  const meta = encodeMessage('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta', metadata);
  // The only list whose numbers are not those of all others.
  const odd = apiVersion === 'meta.k8s.io/v1beta1';
  if (!odd) raw.bytes(1, meta);
  for (const item of items) raw.bytes(odd ? 1 : 2, item);
  if (odd) raw.bytes(2, meta);
  return envelope(apiVersion, kind, raw.finish());
}
/** One event of a watch with its length before it. `object` is in its envelope. */
export function watchFrame(type: string, object: Buffer): Buffer {
  const extension = new WireWriter();
  extension.bytes(1, object);
  const event = new WireWriter();
  event.text(1, type);
  event.message(2, extension);
  const body = event.finish();
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}
