import { WireReader, WireWriter } from '../../schemas/codec/wire.ts';

/**
 * Messages of a gRPC service, read from a compact protobuf text: `message Name { type field = 1; repeated type field = 2;
 * map<string, string> field = 3; }`. Names of fields are not on the wire, so they are written as they are read. Enums are
 * `int32`. Integers are numbers: above 2^53 they are rounded, which is what times in ns and unlimited sizes bear.
 */
export interface Schema {
  encode(message: string, value: Fields): Buffer;
  /** Zero for each scalar that is not there; messages that are not there are undefined. Throws Error on what is no message. */
  decode(message: string, bytes: Uint8Array): Fields;
}
export type Fields = Readonly<Record<string, unknown>>;

type Scalar = 'string' | 'bytes' | 'bool' | 'int' | 'double';
interface Field {
  readonly name: string;
  readonly number: number;
  readonly kind: 'one' | 'list' | 'map';
  /** Of a map: of its values. */
  readonly type: Scalar | { readonly message: string };
}
interface Message {
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
}
const SCALARS: Readonly<Record<string, Scalar>> = {
  string: 'string', bytes: 'bytes', bool: 'bool', double: 'double', int32: 'int', int64: 'int', uint32: 'int', uint64: 'int',
}; // prettier-ignore
const NO_BYTES = new Uint8Array(0);
const MESSAGE = /message\s+(\w+)\s*\{([^}]*)\}/g;
const FIELD = /(?:(repeated)\s+)?(map\s*<\s*string\s*,\s*\w+\s*>|\w+)\s+(\w+)\s*=\s*(\d+)\s*;/g;
/** Of an entry of a map. */
const KEY = 1;
const VALUE = 2;

/** Throws on a type that the text does not define. */
export function parseSchema(text: string): Schema {
  const messages = new Map<string, Message>();
  for (const [, name = '', body = ''] of text.matchAll(MESSAGE)) {
    const fields = [...body.matchAll(FIELD)].map(([, repeated, type = '', field = '', number]): Field => {
      const value = type.startsWith('map') ? /,\s*(\w+)/.exec(type)![1]! : type;
      const kind = value !== type ? 'map' : repeated === undefined ? 'one' : 'list';
      return { name: field, number: Number(number), kind, type: SCALARS[value] ?? { message: value } };
    });
    messages.set(name, { fields, byNumber: new Map(fields.map((field) => [field.number, field])) });
  }
  const find = (name: string): Message => {
    const message = messages.get(name);
    if (message === undefined) throw new Error(`no message ${name} in this schema`);
    return message;
  };
  for (const { fields } of messages.values())
    for (const { type } of fields) if (typeof type !== 'string') find(type.message);

  function write(writer: WireWriter, message: Message, value: Fields): void {
    for (const field of message.fields) {
      const given = value[field.name];
      if (given === undefined || given === null) continue;
      if (field.kind === 'list')
        for (const item of given as readonly unknown[]) writeValue(writer, field.number, field.type, item, true);
      else if (field.kind === 'one') writeValue(writer, field.number, field.type, given, false);
      else
        for (const [key, item] of Object.entries(given)) {
          const start = writer.open(field.number);
          writer.text(KEY, key);
          writeValue(writer, VALUE, field.type, item, true);
          writer.close(start);
        }
    }
  }
  function writeValue(writer: WireWriter, number: number, type: Field['type'], value: unknown, always: boolean): void {
    if (typeof type !== 'string') {
      const start = writer.open(number);
      write(writer, find(type.message), value as Fields);
      return writer.close(start);
    }
    switch (type) {
      case 'int':
        if (always || value !== 0) writer.varint(number, value as number);
        return;
      case 'bool':
        if (always || value === true) writer.varint(number, value === true ? 1 : 0);
        return;
      case 'double':
        if (always || value !== 0) writer.double(number, value as number);
        return;
      case 'bytes': {
        const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
        if (always || bytes.length > 0) writer.bytes(number, bytes);
        return;
      }
      case 'string':
        if (always || value !== '') writer.text(number, value as string);
    }
  }
  function read(message: Message, bytes: Uint8Array): Fields {
    const out: Record<string, unknown> = {};
    for (const { name, kind, type } of message.fields)
      if (kind === 'list') out[name] = [];
      else if (kind === 'map') out[name] = {};
      else if (typeof type === 'string') out[name] = zero(type);
    const reader = new WireReader(bytes);
    while (reader.next()) {
      const field = message.byNumber.get(reader.field);
      if (field === undefined) reader.skip();
      else if (field.kind === 'one') out[field.name] = readValue(reader, field.type);
      else if (field.kind === 'list' && field.type === 'int')
        (out[field.name] as number[]).push(...reader.varints().map(number));
      else if (field.kind === 'list') (out[field.name] as unknown[]).push(readValue(reader, field.type));
      else readEntry(out[field.name] as Record<string, unknown>, field, reader.bytes());
    }
    return out;
  }
  function readEntry(map: Record<string, unknown>, { type }: Field, bytes: Uint8Array): void {
    const entry = new WireReader(bytes);
    let key = '';
    let value: unknown = typeof type === 'string' ? zero(type) : {};
    while (entry.next())
      if (entry.field === KEY) key = entry.text();
      else if (entry.field === VALUE) value = readValue(entry, type);
      else entry.skip();
    map[key] = value;
  }
  function readValue(reader: WireReader, type: Field['type']): unknown {
    if (typeof type !== 'string') return read(find(type.message), reader.bytes());
    switch (type) {
      case 'int':
        return number(reader.varint());
      case 'bool':
        return reader.varint() !== 0n;
      case 'double':
        return reader.double();
      case 'bytes':
        return reader.bytes();
      case 'string':
        return reader.text();
    }
  }
  return {
    encode(name, value) {
      const writer = new WireWriter();
      write(writer, find(name), value);
      return writer.finish();
    },
    decode: (name, bytes) => read(find(name), bytes),
  };
}
const number = (varint: bigint): number => Number(BigInt.asIntN(64, varint));
function zero(type: Scalar): unknown {
  switch (type) {
    case 'int':
    case 'double':
      return 0;
    case 'bool':
      return false;
    case 'bytes':
      return NO_BYTES;
    case 'string':
      return '';
  }
}
