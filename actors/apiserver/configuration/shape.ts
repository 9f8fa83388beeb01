/**
 * Configuration files of the API server (apiserver.config.k8s.io), read as strictly as the real one reads them: what their
 * fields are called, and of which types. What they mean is checked by whose files they are.
 */
import { parseDuration } from '../../../schemas/meta/duration.ts';

/** `struct`: as Go calls it, which errors show. */
export type Shape =
  | 'string'
  | 'int32'
  | 'bool'
  | 'duration'
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
const JSON_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  int32: 'number',
  bool: 'boolean',
  duration: 'string',
};

/** What stands in a file, without what is null. Thrown: StrictError. */
export function readConfiguration({ value, text, duplicates = [] }: Source, { shape, names }: ConfigurationKind): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new StrictError(`couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  const { kind, apiVersion } = value as { kind?: string; apiVersion?: string };
  if (!kind) throw new StrictError(`Object 'Kind' is missing in '${text}'`);
  if (!apiVersion) throw new StrictError(`Object 'apiVersion' is missing in '${text}'`);
  if (!names.includes(`${apiVersion}/${kind}`))
    throw new StrictError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`);
  const version = apiVersion.slice(apiVersion.lastIndexOf('/') + 1);
  const unknown: string[] = [];
  check(value, shape, { version, struct: '', dotted: '', path: '' }, unknown);
  const doubled = duplicates.length > 0 ? [`yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`] : [];
  const strict = [...doubled, ...unknown];
  if (strict.length > 0) throw new StrictError(`strict decoding error: ${strict.join(', ')}`);
  return withoutNulls(value) as Readonly<Record<string, unknown>>;
} // prettier-ignore
interface Place {
  readonly version: string;
  readonly struct: string;
  /** `resources.providers`, as Go's decoder names places. */
  readonly dotted: string;
  /** `resources[0].providers[1]`, as its strict errors do. */
  readonly path: string;
}
const nameOf = (shape: Shape, version: string): string => {
  if (typeof shape === 'string') return shape === 'duration' ? 'string' : shape;
  return 'list' in shape ? `[]${nameOf(shape.list, version)}` : `${version}.${shape.struct}`;
};
function check(value: unknown, shape: Shape, at: Place, unknown: string[]): void {
  if (value === null || value === undefined) return;
  const wrong = (): StrictError =>
    new StrictError(`json: cannot unmarshal ${jsonType(value)} into Go struct field ${at.struct}.${at.dotted} of type ${nameOf(shape, at.version)}`); // prettier-ignore
  if (typeof shape === 'string') {
    if (typeof value !== JSON_TYPES[shape]) throw wrong();
    if (shape === 'duration') checkDuration(value as string);
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
function checkDuration(text: string): void {
  const nanoseconds = parseDuration(text);
  if (typeof nanoseconds === 'string') throw new StrictError(nanoseconds);
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
