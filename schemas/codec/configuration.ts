/**
 * Configuration files of components (apiserver.config.k8s.io, kubescheduler.config.k8s.io), read as strictly as the real
 * ones read them: what their fields are called, and of which types. What they mean is checked by whose files they are.
 */
import { parseDuration } from '../meta/duration.ts';

/**
 * `struct`: as Go calls it, which errors show; with its package where that is not the version's. `any` is not looked at;
 * `bytes` are base64.
 */
export type Shape =
  | 'string'
  | 'int32'
  | 'int64'
  | 'float32'
  | 'bool'
  | 'duration'
  | 'bytes'
  | 'any'
  | { readonly list: Shape }
  | { readonly struct: string; readonly fields: Fields };
type Fields = Readonly<Record<string, Shape>>;
export const struct = (name: string, fields: Fields): Shape & { readonly struct: string } => ({ struct: name, fields });
/** Thrown for what is no such configuration: the message is that of Go's strict decoder. */
export class StrictError extends Error {}

/** A kind of file: how it is called in which versions, and what is in it. */
export interface ConfigurationKind {
  readonly shape: Shape & { readonly struct: string };
  /** Other than these are unknown: `apiVersion/kind`. */
  readonly names: readonly string[];
}
export interface Source {
  readonly value: unknown;
  /** Of the file. */
  readonly text: string;
  /** Keys that stand there twice, as the decoder words it. */
  readonly duplicates?: readonly string[] | undefined;
}
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const jsonType = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};
/** What Go says of what is no object where one with a kind is looked for. */
export const notVersioned = (value: unknown): string =>
  `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`; // prettier-ignore
const JSON_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  int32: 'number',
  int64: 'number',
  float32: 'number',
  bool: 'boolean',
  duration: 'string',
  bytes: 'string',
};
const WHOLE: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63 };

/** What stands in a file, without what is null. Thrown: StrictError. */
export function readConfiguration(source: Source, kind: ConfigurationKind): Readonly<Record<string, unknown>> {
  const { value, unknown } = decodeConfiguration(source, kind);
  if (unknown.length > 0) throw new StrictError(`strict decoding error: ${unknown.join(', ')}`);
  return value;
}
/** The same where what is unknown is not all that may be wrong: `unknown` is what a strict error would list. Thrown: StrictError. */
export function decodeConfiguration(
  { value: given, text, duplicates = [] }: Source,
  { shape, names }: ConfigurationKind,
): { readonly value: Readonly<Record<string, unknown>>; readonly unknown: readonly string[] } {
  // YAML goes through JSON with sorted keys.
  const value = text.trimStart().startsWith('{') ? given : sorted(given);
  if (!isObject(value)) throw new StrictError(notVersioned(value));
  const { kind, apiVersion } = value as { kind?: string; apiVersion?: string };
  if (!kind) throw new StrictError(`Object 'Kind' is missing in '${text}'`);
  if (!apiVersion) throw new StrictError(`Object 'apiVersion' is missing in '${text}'`);
  if (!names.includes(`${apiVersion}/${kind}`))
    throw new StrictError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`); // prettier-ignore
  const unknown = checkShape(value, shape, apiVersion.slice(apiVersion.lastIndexOf('/') + 1));
  const doubled = duplicates.length > 0 ? [`yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`] : [];
  return { value: withoutNulls(value) as Readonly<Record<string, unknown>>, unknown: [...doubled, ...unknown] };
}
/** What it holds that the shape does not know, as Go words it. Thrown: StrictError, where something is of another type. */
export function checkShape(value: unknown, shape: Shape, version: string): string[] {
  const unknown: string[] = [];
  check(value, shape, { version, struct: '', dotted: '', path: '' }, unknown);
  return unknown;
}
interface Place {
  readonly version: string;
  readonly struct: string;
  /** `resources.providers`, as Go's decoder names places. */
  readonly dotted: string;
  /** `resources[0].providers[1]`, as its strict errors do. */
  readonly path: string;
}
const nameOf = (shape: Shape, version: string): string => {
  if (typeof shape === 'string') return shape === 'duration' ? 'string' : shape === 'bytes' ? '[]uint8' : shape;
  if ('list' in shape) return `[]${nameOf(shape.list, version)}`;
  return shape.struct.includes('.') ? shape.struct : `${version}.${shape.struct}`;
};
function check(value: unknown, shape: Shape, at: Place, unknown: string[]): void {
  if (value === null || value === undefined) return;
  const wrong = (which = ''): StrictError =>
    new StrictError(`json: cannot unmarshal ${jsonType(value)}${which} into Go struct field ${at.struct.replace(/^.*\./, '')}.${at.dotted} of type ${nameOf(shape, at.version)}`); // prettier-ignore
  if (shape === 'any') return;
  if (typeof shape === 'string') {
    if (typeof value !== JSON_TYPES[shape]) throw wrong();
    const bound = WHOLE[shape];
    if (bound !== undefined && !isWhole(value as number, bound)) throw wrong(` ${String(value)}`);
    if (shape === 'duration') checkDuration(value as string);
    if (shape === 'bytes') checkBase64(value as string);
    return;
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) throw wrong();
    for (const [i, item] of value.entries()) check(item, shape.list, { ...at, path: `${at.path}[${i}]` }, unknown);
    return;
  }
  if (!isObject(value)) throw wrong();
  for (const [name, own] of Object.entries(value)) {
    const path = at.path === '' ? name : `${at.path}.${name}`;
    const of = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (of === undefined) unknown.push(`unknown field ${JSON.stringify(path)}`);
    else
      check(
        own,
        of,
        { ...at, struct: shape.struct, dotted: at.dotted === '' ? name : `${at.dotted}.${name}`, path },
        unknown,
      );
  }
}
const isWhole = (n: number, bound: number): boolean => Number.isInteger(n) && n >= -bound && n < bound;
/** Source: encoding/base64 CorruptInputError. */
function checkBase64(text: string): void {
  const clean = text.replace(/[\r\n]/g, '');
  const whole = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(clean)![0].length;
  const good = whole + /^[A-Za-z0-9+/]*/.exec(clean.slice(whole))![0].length;
  if (whole < clean.length) throw new StrictError(`illegal base64 data at input byte ${good}`);
}
function checkDuration(text: string): void {
  const nanoseconds = parseDuration(text);
  if (typeof nanoseconds === 'string') throw new StrictError(nanoseconds);
}
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}
/** `identity: null` says as much as nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => (item === null ? {} : withoutNulls(item)));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, own]) => own !== null)
      .map(([name, own]) => [name, withoutNulls(own)]),
  );
}
