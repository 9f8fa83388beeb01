import { byName } from '../structural/order.ts';
import { formatMicroTime, formatTime, parseTime } from '../meta/time.ts';
import { parseJson } from './json.ts';
import type { WireReader, WireWriter } from './wire.ts';

/** A message that is something other than an object in JSON. */
export interface Special {
  /** In JSON; undefined: an empty message. */
  readonly zero?: unknown;
  toJson(reader: WireReader): unknown;
  toWire(value: unknown, writer: WireWriter): void;
}
const time = (format: (ms: number, micros: number) => string): Special => ({
  toJson(reader) {
    let seconds = 0;
    let nanos = 0;
    let any = false;
    while (reader.next()) {
      if (reader.field === 1) seconds = Number(BigInt.asIntN(64, reader.varint()));
      else if (reader.field === 2) nanos = Number(BigInt.asIntN(64, reader.varint()));
      else reader.skip();
      any = true;
    }
    return any ? format(seconds * 1000 + Math.floor(nanos / 1e6), Math.floor(nanos / 1000) % 1000) : null;
  },
  toWire(value, writer) {
    const text = value as string;
    const ms = parseTime(text);
    if (ms === undefined) return;
    writer.varint(1, Math.floor(ms / 1000));
    const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
    writer.varint(2, Number(fraction.slice(0, 9).padEnd(9, '0')));
  },
});
/** One bytes field that holds JSON. */
const rawJson: Special = {
  toJson(reader) {
    let value: unknown = null;
    while (reader.next()) {
      if (reader.field === 1) {
        const bytes = reader.bytes();
        value = bytes.length === 0 ? null : parseJson(bytes).value;
      } else reader.skip();
    }
    return value;
  },
  toWire: (value, writer) => writer.bytes(1, Buffer.from(JSON.stringify(value))),
};
const items: Special = {
  toJson(reader) {
    const list: string[] = [];
    while (reader.next()) list.push(reader.text());
    return list;
  },
  toWire: (value, writer) => (value as string[]).forEach((item) => writer.text(1, item)),
};
const quantity: Special = {
  zero: '0',
  toJson(reader) {
    let text = '0';
    while (reader.next()) text = reader.text();
    return text;
  },
  toWire: (value, writer) => writer.text(1, String(value)),
};
const intOrString: Special = {
  zero: 0,
  toJson(reader) {
    let [type, number, text] = [0n, 0, ''];
    while (reader.next()) {
      if (reader.field === 1) type = reader.varint();
      else if (reader.field === 2) number = Number(BigInt.asIntN(64, reader.varint()));
      else if (reader.field === 3) text = reader.text();
      else reader.skip();
    }
    return type === 0n ? number : text;
  },
  toWire(value, writer) {
    writer.varint(1, typeof value === 'number' ? 0 : 1);
    writer.varint(2, typeof value === 'number' ? value : 0);
    writer.text(3, typeof value === 'number' ? '' : (value as string));
  },
};
const duration: Special = {
  zero: '0s',
  toJson(reader) {
    let nanos = 0n;
    while (reader.next()) nanos = BigInt.asIntN(64, reader.varint());
    return `${Number(nanos) / 1e9}s`;
  },
  toWire: (value, writer) => writer.varint(1, Math.round(Number.parseFloat(String(value)) * 1e9)),
};
const META = 'k8s.io.apimachinery.pkg.apis.meta.v1';
/** By message: of those that are made of scalars alone. */
export const SCALAR_SPECIALS: Readonly<Record<string, Special>> = {
  [`${META}.Time`]: time((ms) => formatTime(ms)),
  [`${META}.MicroTime`]: time((ms, micros) => formatMicroTime(ms, micros)),
  [`${META}.FieldsV1`]: { ...rawJson, toWire: (value, writer) => rawJson.toWire(byName(value), writer) },
  [`${META}.Duration`]: duration,
  [`${META}.Verbs`]: items,
  'k8s.io.apimachinery.pkg.runtime.RawExtension': rawJson,
  'k8s.io.apimachinery.pkg.api.resource.Quantity': quantity,
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': intOrString,
  'k8s.io.api.authentication.v1.ExtraValue': items,
  'k8s.io.api.authorization.v1.ExtraValue': items,
  'k8s.io.api.certificates.v1.ExtraValue': items,
  'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON': rawJson,
};
