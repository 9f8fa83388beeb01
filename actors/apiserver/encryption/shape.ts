/** An EncryptionConfiguration as it stands in its file, its fields and their types known to be right. */
export interface RawKey {
  readonly name?: string;
  readonly secret?: string;
}
export interface RawProvider {
  readonly aesgcm?: { readonly keys?: readonly RawKey[] };
  readonly aescbc?: { readonly keys?: readonly RawKey[] };
  readonly secretbox?: { readonly keys?: readonly RawKey[] };
  readonly identity?: object;
  readonly kms?: object;
}
export interface RawConfiguration {
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly RawProvider[];
  }[];
}
/** Thrown for what is no such configuration. */
export class StrictError extends Error {}

type Type = 'string' | 'int32' | { readonly list: Type } | { readonly struct: string; readonly fields: Fields };
type Fields = Readonly<Record<string, Type>>;
const struct = (name: string, fields: Fields): Type => ({ struct: name, fields });
const KEYS: Type = { list: struct('Key', { name: 'string', secret: 'string' }) };
const AES = struct('AESConfiguration', { keys: KEYS });
const PROVIDER = struct('ProviderConfiguration', {
  aesgcm: AES,
  aescbc: AES,
  secretbox: struct('SecretboxConfiguration', { keys: KEYS }),
  identity: struct('IdentityConfiguration', {}),
  kms: struct('KMSConfiguration', {
    apiVersion: 'string', name: 'string', cachesize: 'int32', endpoint: 'string', timeout: 'string',
  }),
}); // prettier-ignore
const CONFIGURATION = struct('EncryptionConfiguration', {
  apiVersion: 'string',
  kind: 'string',
  resources: {
    list: struct('ResourceConfiguration', { resources: { list: 'string' }, providers: { list: PROVIDER } }),
  },
});
const GROUP = 'apiserver.config.k8s.io/v1';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const nameOf = (type: Type): string => {
  if (typeof type === 'string') return type;
  return 'list' in type ? `[]${nameOf(type.list)}` : `v1.${type.struct}`;
};
const jsonType = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

/** Thrown: StrictError, in the words of Go's strict decoder. */
export function readShape(value: unknown, text: string): RawConfiguration {
  if (!isObject(value)) throw new StrictError(`couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(value)} into Go value of type struct { APIVersion string "json:"apiVersion,omitempty""; Kind string "json:"kind,omitempty"" }`); // prettier-ignore
  const { kind, apiVersion } = value as { kind?: string; apiVersion?: string };
  if (!kind) throw new StrictError(`Object 'Kind' is missing in '${text}'`);
  if (!apiVersion) throw new StrictError(`Object 'apiVersion' is missing in '${text}'`);
  // The kind's name before it had a group.
  const known = (apiVersion === GROUP && kind === 'EncryptionConfiguration') || (apiVersion === 'v1' && kind === 'EncryptionConfig'); // prettier-ignore
  if (!known)
    throw new StrictError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`); // prettier-ignore
  const unknown: string[] = [];
  check(value, CONFIGURATION, { struct: '', dotted: '', path: '' }, unknown);
  if (unknown.length > 0) throw new StrictError(`strict decoding error: ${unknown.join(', ')}`);
  return withoutNulls(value) as RawConfiguration;
}
interface Place {
  readonly struct: string;
  /** `resources.providers`, as Go's decoder names places. */
  readonly dotted: string;
  /** `resources[0].providers[1]`, as its strict errors do. */
  readonly path: string;
}
function check(value: unknown, type: Type, at: Place, unknown: string[]): void {
  if (value === null || value === undefined) return;
  const wrong = (): StrictError =>
    new StrictError(`json: cannot unmarshal ${jsonType(value)} into Go struct field ${at.struct}.${at.dotted} of type ${nameOf(type)}`); // prettier-ignore
  if (type === 'string' || type === 'int32') {
    if (typeof value !== (type === 'string' ? 'string' : 'number')) throw wrong();
    return;
  }
  if ('list' in type) {
    if (!Array.isArray(value)) throw wrong();
    for (const [i, item] of value.entries()) check(item, type.list, { ...at, path: `${at.path}[${i}]` }, unknown);
    return;
  }
  if (!isObject(value)) throw wrong();
  for (const [name, own] of Object.entries(value)) {
    const path = at.path === '' ? name : `${at.path}.${name}`;
    const of = type.fields[name];
    if (of === undefined) unknown.push(`unknown field ${JSON.stringify(path)}`);
    else
      check(own, of, { struct: type.struct, dotted: at.dotted === '' ? name : `${at.dotted}.${name}`, path }, unknown);
  }
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
