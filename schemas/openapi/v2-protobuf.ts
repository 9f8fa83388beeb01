import { WireWriter } from '../codec/wire.ts';
import { printYaml } from '../codec/yaml-print.ts';

/**
 * An OpenAPI v2 document as protobuf, which is how Go's clients read it. Field numbers are those of gnostic's
 * openapiv2/OpenAPIv2.proto; what a Kubernetes document never holds (files, headers of answers, XML) is left out.
 */
export function encodeOpenApiV2(document: object): Uint8Array {
  const writer = new WireWriter();
  encode(writer, DOCUMENT, document as Json);
  return writer.finish();
}
type Json = Readonly<Record<string, unknown>>;
type Write = (writer: WireWriter, field: number, value: never) => void;
/** In order of numbers. A key `x-` stands for all extensions. */
type Fields = readonly (readonly [key: string, field: number, write: Write])[];

function encode(writer: WireWriter, fields: Fields, value: Json): void {
  for (const [key, field, write] of fields) {
    if (key === 'x-') {
      for (const name in value) if (name.startsWith('x-')) extension(writer, field, { [name]: value[name] } as never);
    } else if (value[key] !== undefined) write(writer, field, value[key] as never);
  }
}
const text: Write = (writer, field, value: string) => void (value !== '' && writer.text(field, value));
const flag: Write = (writer, field, value: boolean) => void (value && writer.varint(field, 1));
const whole: Write = (writer, field, value: number) => void (value !== 0 && writer.varint(field, value));
const real: Write = (writer, field, value: number) => void (value !== 0 && writer.double(field, value));
/** A message; described late where it holds itself. */
const message =
  (fields: () => Fields): Write =>
  (writer, field, value: Json) => {
    const inner = new WireWriter();
    encode(inner, fields(), value);
    writer.message(field, inner);
  };
const each =
  (write: Write): Write =>
  (writer, field, values: readonly unknown[]) => {
    for (const value of values) write(writer, field, value as never);
  };
/** An empty text in a list is one all the same. */
const texts: Write = (writer, field, values: readonly string[]) => {
  for (const value of values) writer.text(field, value);
};
/** A map as a list of names and values. */
const named =
  (write: Write): Write =>
  (writer, field, values: Json) => {
    for (const [name, value] of Object.entries(values)) {
      const inner = new WireWriter();
      inner.text(1, name);
      write(inner, 2, value as never);
      writer.message(field, inner);
    }
  };
const within =
  (field: number, write: Write): Write =>
  (writer, outer, value) => {
    const inner = new WireWriter();
    write(inner, field, value);
    writer.message(outer, inner);
  };
/** Nearly all are kinds that come many times. */
const printed = new Map<string, string>();
function yamlOf(value: unknown): string {
  const key = JSON.stringify(value);
  let text = printed.get(key);
  if (text === undefined) {
    text = printYaml(value);
    if (printed.size < 4096) printed.set(key, text);
  }
  return text;
}
const anything: Write = (writer, field, value: unknown) => {
  const inner = new WireWriter();
  inner.text(2, yamlOf(value));
  writer.message(field, inner);
};
const extension = named(anything);
const EXTENSIONS = (field: number) => ['x-', field, text] as const;

const SCHEMA: Fields = [
  ['$ref', 1, text],
  ['format', 2, text],
  ['title', 3, text],
  ['description', 4, text],
  ['default', 5, anything],
  ['multipleOf', 6, real],
  ['maximum', 7, real],
  ['exclusiveMaximum', 8, flag],
  ['minimum', 9, real],
  ['exclusiveMinimum', 10, flag],
  ['maxLength', 11, whole],
  ['minLength', 12, whole],
  ['pattern', 13, text],
  ['maxItems', 14, whole],
  ['minItems', 15, whole],
  ['uniqueItems', 16, flag],
  ['maxProperties', 17, whole],
  ['minProperties', 18, whole],
  ['required', 19, texts],
  ['enum', 20, each(anything)],
  [
    'additionalProperties',
    21,
    (writer, field, value: unknown) =>
      within(typeof value === 'boolean' ? 2 : 1, typeof value === 'boolean' ? flag : schema)(
        writer,
        field,
        value as never,
      ),
  ],
  [
    'type',
    22,
    (writer, field, value: string | readonly string[]) =>
      within(1, texts)(writer, field, (typeof value === 'string' ? [value] : value) as never),
  ],
  ['items', 23, within(1, (writer, field, value: Json) => schema(writer, field, value as never))],
  ['allOf', 24, each((writer, field, value: Json) => schema(writer, field, value as never))],
  [
    'properties',
    25,
    within(
      1,
      named((writer, field, value: Json) => schema(writer, field, value as never)),
    ),
  ],
  ['discriminator', 26, text],
  ['readOnly', 27, flag],
  ['externalDocs', 29, message(() => DOCS)],
  ['example', 30, anything],
  EXTENSIONS(31),
];
const schema = message(() => SCHEMA);
const DOCS: Fields = [['description', 1, text], ['url', 2, text], EXTENSIONS(3)];

const BODY: Fields = [
  ['description', 1, text],
  ['name', 2, text],
  ['in', 3, text],
  ['required', 4, flag],
  ['schema', 5, schema],
  EXTENSIONS(6),
];
const QUERY: Fields = [
  ['required', 1, flag],
  ['in', 2, text],
  ['description', 3, text],
  ['name', 4, text],
  ['type', 6, text],
  ['format', 7, text],
  ['uniqueItems', 20, flag],
  EXTENSIONS(23),
];
const PATH: Fields = [
  ['required', 1, flag],
  ['in', 2, text],
  ['description', 3, text],
  ['name', 4, text],
  ['type', 5, text],
  ['format', 6, text],
  ['uniqueItems', 19, flag],
  EXTENSIONS(22),
];
/** Which of the kinds of parameters it is. */
const parameter: Write = (writer, field, value: Json) => {
  const inner = new WireWriter();
  if (value['in'] === 'body') message(() => BODY)(inner, 1, value as never);
  // Headers have the numbers of paths.
  else if (value['in'] === 'query')
    within(
      3,
      message(() => QUERY),
    )(inner, 2, value as never);
  else
    within(
      value['in'] === 'path' ? 4 : 1,
      message(() => PATH),
    )(inner, 2, value as never);
  writer.message(field, inner);
};
const REFERENCE: Fields = [
  ['$ref', 1, text],
  ['description', 2, text],
];
const parameters = each((writer, field, value: Json) =>
  value['$ref'] === undefined
    ? within(1, parameter)(writer, field, value as never)
    : within(
        2,
        message(() => REFERENCE),
      )(writer, field, value as never),
);
const RESPONSE: Fields = [['description', 1, text], ['schema', 2, within(1, schema)], EXTENSIONS(5)];
const security = each(within(1, named((writer, field, scopes: readonly string[]) => {
  const inner = new WireWriter();
  texts(inner, 1, scopes as never);
  writer.message(field, inner);
}))); // prettier-ignore
const OPERATION: Fields = [
  ['tags', 1, texts],
  ['summary', 2, text],
  ['description', 3, text],
  ['externalDocs', 4, message(() => DOCS)],
  ['operationId', 5, text],
  ['produces', 6, texts],
  ['consumes', 7, texts],
  ['parameters', 8, parameters],
  [
    'responses',
    9,
    within(
      1,
      named(
        within(
          1,
          message(() => RESPONSE),
        ),
      ),
    ),
  ],
  ['schemes', 10, texts],
  ['deprecated', 11, flag],
  ['security', 12, security],
  EXTENSIONS(13),
];
const operation = message(() => OPERATION);
const PATH_ITEM: Fields = [
  ['$ref', 1, text],
  ['get', 2, operation],
  ['put', 3, operation],
  ['post', 4, operation],
  ['delete', 5, operation],
  ['options', 6, operation],
  ['head', 7, operation],
  ['patch', 8, operation],
  ['parameters', 9, parameters],
  EXTENSIONS(10),
];
const INFO: Fields = [['title', 1, text], ['version', 2, text], ['description', 3, text], EXTENSIONS(7)];
const API_KEY: Fields = [
  ['type', 1, text],
  ['name', 2, text],
  ['in', 3, text],
  ['description', 4, text],
  EXTENSIONS(5),
];
const DOCUMENT: Fields = [
  ['swagger', 1, text],
  ['info', 2, message(() => INFO)],
  ['host', 3, text],
  ['basePath', 4, text],
  ['schemes', 5, texts],
  ['consumes', 6, texts],
  ['produces', 7, texts],
  ['paths', 8, within(2, named(message(() => PATH_ITEM)))],
  ['definitions', 9, within(1, named(schema))],
  ['parameters', 10, within(1, named(parameter))],
  ['security', 12, security],
  [
    'securityDefinitions',
    13,
    within(
      1,
      named(
        within(
          2,
          message(() => API_KEY),
        ),
      ),
    ),
  ],
  EXTENSIONS(16),
];
