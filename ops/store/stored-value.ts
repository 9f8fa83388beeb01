import { decode } from '../../bus/codec.ts';
import type { KeyValue } from '../../bus/protocol/etcd.ts';
import { isProtobuf, readEnvelope } from '../../schemas/codec/protobuf-envelope.ts';
import { decodeMessage, hasProtobuf } from '../../schemas/codec/protobuf.ts';
import { parseApiVersion } from '../../schemas/meta/object.ts';
import { builtinSchemas } from '../../schemas/structural/builtin.ts';
import { canonical } from '../../schemas/structural/decode.ts';
import { schemaNameOf } from '../../schemas/registry.ts';

type Json = Readonly<Record<string, unknown>>;
/** What a value of the store turned out to be. */
export type StoredValue =
  | { readonly object: Json }
  | { readonly text: string }
  /** Only an API server that has the key can open it. */
  | { readonly encrypted: { readonly provider: string; readonly key: string } }
  /** Nobody here knows it; `problem` where it said what it is and was not. */
  | { readonly base64: string; readonly problem?: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A value as it was meant, whoever wrote it: Kubus (MessagePack), a stock kube-apiserver (protobuf in its envelope, JSON
 * for custom kinds), or a client of etcd. Objects get the revision as their resourceVersion, as their readers give them.
 */
export function readStored({ value, modRevision }: Pick<KeyValue, 'value' | 'modRevision'>): StoredValue {
  const encrypted = encryptionOf(value);
  if (encrypted !== undefined) return { encrypted };
  try {
    const object = objectOf(value);
    if (object !== undefined) return { object: withRevision(object, modRevision) };
  } catch (error) {
    return { base64: base64(value), problem: (error as Error).message };
  }
  try {
    return { text: utf8.decode(value) };
  } catch {
    return { base64: base64(value) };
  }
}
const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64');

/** `k8s:enc:<provider>:v<n>:<key>:`. Source: apiserver pkg/server/options/encryptionconfig/config.go. */
function encryptionOf(value: Uint8Array): { readonly provider: string; readonly key: string } | undefined {
  const head = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, 512)).toString('latin1');
  const parts = /^k8s:enc:([a-z]+):v\d+:([^:]*):/.exec(head);
  return parts === null ? undefined : { provider: parts[1]!, key: parts[2]! };
}
const BRACE = 0x7b;
/** Undefined: it does not say that it is one. Throws Error for what says so and cannot be read. */
function objectOf(value: Uint8Array): Json | undefined {
  if (isProtobuf(value)) return fromEnvelope(value);
  if (value[0] === BRACE) return parsed(() => JSON.parse(utf8.decode(value)) as unknown);
  return isMessagePackMap(value[0]) ? parsed(() => decode(value)) : undefined;
}
/** No text in UTF-8 begins with the first, and hardly any with the others. */
const isMessagePackMap = (first = 0): boolean => (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
function parsed(read: () => unknown): Json | undefined {
  try {
    const value = read();
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    // It only looked like one.
    return undefined;
  }
}
function fromEnvelope(value: Uint8Array): Json {
  const { apiVersion, kind, raw, contentType } = readEnvelope(value);
  if (contentType === 'application/json') return JSON.parse(utf8.decode(raw)) as Json;
  const definition = schemaNameOf({ ...parseApiVersion(apiVersion), kind });
  if (contentType !== '' || !hasProtobuf(definition))
    throw new Error(`${kind} of ${apiVersion}${contentType && ` as ${contentType}`} is not known to this kubus`);
  // Protobuf says zeroes that JSON leaves out.
  const object = { apiVersion, kind, ...decodeMessage(definition, raw) };
  const schema = builtinSchemas.definition(definition);
  return schema === undefined ? object : canonical(object, schema, builtinSchemas);
}
function withRevision(object: Json, revision: number): Json {
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null || typeof object['kind'] !== 'string') return object;
  return { ...object, metadata: { ...metadata, resourceVersion: String(revision) } };
}
