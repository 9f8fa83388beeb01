import messageFacts from '../facts/protobuf.json' with { type: 'json' };
import { builtinSchemas } from '../structural/builtin.ts';
import { SCALAR_SPECIALS, type Special } from './protobuf-special.ts';
import { WireReader, WireWriter } from './wire.ts';

/**
 * Kubernetes' protobuf. Objects here are those of JSON; what the two forms call differently (embedded structs, times,
 * quantities) is translated.
 * Source: apimachinery pkg/runtime/serializer/protobuf; the generated.proto files.
 */
type Json = Record<string, unknown>;
type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'double';
interface Field {
  readonly number: number;
  /** In JSON; undefined: the fields of the message lie in the object itself. */
  readonly name: string | undefined;
  readonly type: Scalar | Message;
  readonly repeated: boolean;
  readonly map: boolean;
  /** No pointer in Go: written even where it is absent, as its zero value. */
  readonly always: boolean;
  zero: Buffer | undefined;
}
interface Message {
  readonly name: string;
  readonly special: Special | undefined;
  readonly fields: ReadonlyMap<number, Field>;
}
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}
const SCALARS: ReadonlySet<string> = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'double']);
const facts = messageFacts as unknown as Readonly<
  Record<string, readonly (readonly [number, string, string, string?])[]>
>;
const messages = new Map<string, Message>();

/** `k8s.io.api.core.v1.Pod` for a definition `io.k8s.api.core.v1.Pod`. */
const messageName = (definition: string): string =>
  definition
    .replace(/^io\.k8s\./, 'k8s.io.')
    .replaceAll('-apiserver', '_apiserver')
    .replaceAll('-aggregator', '_aggregator');
const definitionName = (message: string): string =>
  message
    .replace(/^k8s\.io\./, 'io.k8s.')
    .replaceAll('_apiserver', '-apiserver')
    .replaceAll('_aggregator', '-aggregator');

function message(name: string): Message {
  let known = messages.get(name);
  if (known !== undefined) return known;
  const fields = new Map<number, Field>();
  known = { name, special: SPECIALS[name], fields };
  messages.set(name, known);
  const json = builtinSchemas.definition(definitionName(name))?.fields;
  const names = json && Object.keys(json);
  // The facts are in the order of JSON; the wire's is that of the numbers.
  for (const [number, given, type, repeated] of (facts[name] ?? []).toSorted((a, b) => a[0] - b[0])) {
    const map = /^map<string, (.+)>$/.exec(type);
    const member = jsonName(name, given, names);
    const single = repeated !== 'repeated' && map === null && type !== 'bytes';
    fields.set(number, {
      number,
      name: member,
      type: typeOf(map?.[1] ?? type, name),
      repeated: repeated === 'repeated',
      map: map !== null,
      always: single && member !== undefined && json?.[member] !== undefined && json[member].pointer !== true,
      zero: undefined,
    });
  }
  return known;
}
/** Go's embedded structs are messages of their own; a few names differ in case only. */
function jsonName(owner: string, given: string, names: readonly string[] | undefined): string | undefined {
  if (owner.endsWith('.JSONSchemaProps'))
    return (
      SCHEMA_NAMES[given] ??
      given.replace(/^xKubernetes/, 'x-kubernetes').replace(/(?<=^x-kubernetes.*)[A-Z]/g, (c) => `-${c.toLowerCase()}`)
    );
  if (names === undefined || names.includes(given)) return given;
  return names.find((n) => n.toLowerCase() === given.toLowerCase());
}
const SCHEMA_NAMES: Readonly<Record<string, string>> = { schema: '$schema', ref: '$ref' };
function typeOf(given: string, owner: string): Field['type'] {
  // Within maps full names begin with a dot.
  const type = given.replace(/^\./, '');
  if (SCALARS.has(type)) return type as Scalar;
  return message(type.includes('.') ? type : `${owner.slice(0, owner.lastIndexOf('.'))}.${type}`);
}

/** Whether objects of this definition have a protobuf form. */
export const hasProtobuf = (definition: string): boolean => Object.hasOwn(facts, messageName(definition));

/** The object of a definition, as JSON would have it but without kind and apiVersion. Throws ProtobufError. */
export function decodeMessage(definition: string, raw: Uint8Array): Json {
  const type = message(messageName(definition));
  try {
    return readMessage(type, new WireReader(raw), {});
  } catch (cause) {
    throw new ProtobufError(`proto: ${(cause as Error).message}`, { cause });
  }
}
function readMessage(type: Message, reader: WireReader, into: Json): Json {
  while (reader.next()) {
    const field = type.fields.get(reader.field);
    if (field === undefined) reader.skip();
    else if (field.name === undefined) readMessage(field.type as Message, new WireReader(reader.bytes()), into);
    else if (field.map) {
      const map = (into[field.name] ??= {}) as Json;
      const [key, value] = readPair(field.type, new WireReader(reader.bytes()));
      map[key] = value;
    } else {
      const value = readValue(field.type, reader);
      if (field.repeated) ((into[field.name] ??= []) as unknown[]).push(value);
      else into[field.name] = value;
    }
  }
  return into;
}
function readPair(type: Field['type'], reader: WireReader): [string, unknown] {
  let key = '';
  let value: unknown = typeof type === 'string' ? '' : null;
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = readValue(type, reader);
    else reader.skip();
  }
  return [key, value];
}
function readValue(type: Field['type'], reader: WireReader): unknown {
  switch (type) {
    case 'string':
      return reader.text();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.varint() !== 0n;
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, reader.varint()));
    case 'double':
      return reader.double();
    default: {
      const inner = new WireReader(reader.bytes());
      return type.special ? type.special.toJson(inner) : readMessage(type, inner, {});
    }
  }
}

/** An object without its envelope, as lists hold it. */
export function encodeMessage(definition: string, object: object): Buffer {
  const raw = new WireWriter();
  writeMessage(message(messageName(definition)), object as Json, raw);
  return raw.finish();
}
function writeMessage(type: Message, object: Json, writer: WireWriter): void {
  for (const field of type.fields.values()) {
    if (field.name === undefined) {
      const inner = new WireWriter();
      writeMessage(field.type as Message, object, inner);
      writer.message(field.number, inner);
      continue;
    }
    const value = object[field.name];
    if (value === undefined || value === null) {
      if (field.always) writer.append((field.zero ??= zeroOf(field)));
      continue;
    }
    if (field.map)
      for (const [key, item] of Object.entries(value).sort(byKey)) {
        const pair = new WireWriter();
        pair.text(1, key);
        writeValue(2, field.type, item, pair);
        writer.message(field.number, pair);
      }
    else if (field.repeated) for (const item of value as unknown[]) writeValue(field.number, field.type, item, writer);
    else writeValue(field.number, field.type, value, writer);
  }
}
const ZERO: Readonly<Record<Scalar, unknown>> = { string: '', bytes: '', bool: false, int32: 0, int64: 0, double: 0 };
const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
function zeroOf({ number, type }: Field): Buffer {
  const writer = new WireWriter();
  writeValue(number, type, typeof type === 'string' ? ZERO[type] : type.special ? type.special.zero : {}, writer);
  return writer.finish();
}
function writeValue(number: number, type: Field['type'], value: unknown, writer: WireWriter): void {
  switch (type) {
    case 'string':
      return writer.text(number, value as string);
    case 'bytes':
      return writer.bytes(number, Buffer.from(value as string, 'base64'));
    case 'bool':
      return writer.varint(number, value ? 1 : 0);
    case 'int32':
    case 'int64':
      return writer.varint(number, value as number);
    case 'double':
      return writer.double(number, value as number);
    default: {
      const inner = new WireWriter();
      if (type.special === undefined) writeMessage(type, (value ?? {}) as Json, inner);
      else if (value !== undefined) type.special.toWire(value, inner);
      writer.message(number, inner);
    }
  }
}

const schemaProps = (): Message => message('k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');
/** A schema, or else: a boolean (2: allows), a list of schemas or of names. */
const either = (schemaField: number, otherField: number, other: 'bool' | 'schemas' | 'names'): Special => ({
  toJson(reader) {
    const list: unknown[] = [];
    let schema: unknown;
    let allows = false;
    while (reader.next()) {
      if (reader.field === schemaField) schema = readValue(schemaProps(), reader);
      else if (reader.field !== otherField) reader.skip();
      else if (other === 'bool') allows = reader.varint() !== 0n;
      else list.push(other === 'names' ? reader.text() : readValue(schemaProps(), reader));
    }
    return schema ?? (other === 'bool' ? allows : list);
  },
  toWire(value, writer) {
    if (typeof value === 'boolean') writer.varint(otherField, value ? 1 : 0);
    else if (Array.isArray(value))
      for (const item of value) writeValue(otherField, other === 'names' ? 'string' : schemaProps(), item, writer);
    else {
      if (other === 'bool') writer.varint(otherField, 1);
      writeValue(schemaField, schemaProps(), value, writer);
    }
  },
});
const EXTENSIONS = 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1';
const SPECIALS: Readonly<Record<string, Special>> = {
  ...SCALAR_SPECIALS,
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: either(2, 1, 'bool'),
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: either(1, 2, 'schemas'),
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: either(1, 2, 'names'),
};
