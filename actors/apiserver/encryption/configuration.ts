import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { fieldPath, invalid, required, type FieldError, type FieldPath } from '../../../schemas/meta/field.ts';
import { StrictError } from '../../../schemas/codec/configuration.ts';
import { readShape, type RawConfiguration, type RawKey, type RawProvider } from './shape.ts';

export interface EncryptionKey {
  readonly name: string;
  readonly secret: Uint8Array;
}
export interface EncryptionProvider {
  readonly kind: 'identity' | 'aesgcm' | 'aescbc' | 'secretbox';
  /** The first one writes, all of them read. */
  readonly keys: readonly EncryptionKey[];
}
/** In order: of several that name a resource the first counts. */
export type EncryptionConfiguration = readonly {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources: readonly string[];
  /** The first one writes, all of them read. */
  readonly providers: readonly EncryptionProvider[];
}[];

const AES_SIZES = [16, 24, 32];
const SECRETBOX_SIZES = [32];
const NAMES = ['AESGCM', 'AESCBC', 'Secretbox', 'Identity', 'KMS'] as const;
const fieldOf = (name: (typeof NAMES)[number]): keyof RawProvider => name.toLowerCase() as keyof RawProvider;

/**
 * An EncryptionConfiguration (apiserver.config.k8s.io/v1) from a decoded file. Thrown: Error in the real server's words, but
 * without the keys that it prints; and for the providers that are not built here.
 * Source: apiserver pkg/apis/apiserver/validation/validation_encryption.go, pkg/server/options/encryptionconfig.
 */
export function readEncryptionConfiguration(value: unknown, text: string, file: string): EncryptionConfiguration {
  const fail = (why: string): Error => new Error(`error while parsing file: ${why}`);
  if (text === '')
    throw fail(`error while loading file: encryption provider configuration file ${JSON.stringify(file)} is empty`);
  let raw: RawConfiguration;
  try {
    raw = readShape(value, text);
  } catch (error) {
    if (!(error instanceof StrictError)) throw error;
    throw fail(`error decoding encryption provider configuration file ${JSON.stringify(file)}: ${error.message}`);
  }
  const errors = [...problems(raw)];
  if (errors.length > 0) throw fail(aggregate(errors.map((e) => `${e.field}: ${e.message}`)));
  return (raw.resources ?? []).map((r) => ({
    resources: r.resources ?? [],
    providers: (r.providers ?? []).map(providerOf),
  }));
}
function providerOf(raw: RawProvider): EncryptionProvider {
  if (raw.identity) return { kind: 'identity', keys: [] };
  const kind = raw.aesgcm ? 'aesgcm' : raw.aescbc ? 'aescbc' : 'secretbox';
  const keys = (raw[kind]?.keys ?? []).map((k) => ({
    name: k.name ?? '',
    secret: new Uint8Array(Buffer.from(k.secret ?? '', 'base64')),
  }));
  return { kind, keys };
}

function* problems({ resources = [] }: RawConfiguration): Generator<FieldError> {
  const root = fieldPath('resources');
  const atLeastOne = (at: FieldPath, what: string): FieldError => required(at, `at least one ${what} is required`);
  if (resources.length === 0) yield atLeastOne(root, 'resources');
  for (const [i, { resources: names = [], providers = [] }] of resources.entries()) {
    const [at, from] = [root(i)('resources'), root(i)('providers')];
    if (names.length === 0) yield atLeastOne(at, at.toString());
    yield* overlaps(names, at);
    for (const [j, name] of names.entries()) {
      const why = nameProblem(name);
      if (why !== undefined) yield invalid(at(j), name, why);
    }
    if (providers.length === 0) yield atLeastOne(from, from.toString());
    for (const [j, provider] of providers.entries()) yield* providerProblems(provider, from(j));
  }
}
function* providerProblems(provider: RawProvider, at: FieldPath): Generator<FieldError> {
  const set = NAMES.filter((name) => provider[fieldOf(name)] !== undefined);
  if (set.length === 0)
    yield invalid(at, shown(provider), 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'); // prettier-ignore
  if (set.length > 1)
    yield invalid(at, shown(provider), 'more than one provider specified in a single element, should split into different list elements'); // prettier-ignore
  const { kms, aesgcm, aescbc, secretbox } = provider;
  if (kms !== undefined) yield invalid(at('kms'), '', 'KMS plugins are not built in Kubus');
  else if (aesgcm !== undefined) yield* keyProblems(aesgcm.keys, at('aesgcm')('keys'), AES_SIZES);
  else if (aescbc !== undefined) yield* keyProblems(aescbc.keys, at('aescbc')('keys'), AES_SIZES);
  else if (secretbox !== undefined) yield* keyProblems(secretbox.keys, at('secretbox')('keys'), SECRETBOX_SIZES);
}
function* keyProblems(
  keys: readonly RawKey[] | undefined,
  at: FieldPath,
  sizes: readonly number[],
): Generator<FieldError> {
  if (keys === undefined || keys.length === 0) {
    yield required(at, 'at least one keys is required');
    return;
  }
  for (const [i, { name = '', secret = '' }] of keys.entries()) {
    if (name === '') yield required(at(i)('name'), 'name is a mandatory field for a key');
    if (secret === '') yield required(at(i)('secret'), 'secret is a mandatory field for a key');
    else if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(secret.replaceAll(/[\r\n]/g, '')))
      yield invalid(at(i)('secret'), 'REDACTED', 'secrets must be base64 encoded');
    else {
      const { length } = Buffer.from(secret, 'base64');
      if (!sizes.includes(length))
        yield invalid(at(i)('secret'), 'REDACTED', `secret is not of the expected length, got ${length}, expected one of [${sizes.join(' ')}]`); // prettier-ignore
    }
  }
}
/** As Go prints the struct, without what nobody else should read. */
function shown(provider: RawProvider): unknown {
  const keys = (list: readonly RawKey[] | undefined): unknown =>
    list?.map(({ name = '' }) => ({ Name: name, Secret: 'REDACTED' })) ?? null;
  return Object.fromEntries(
    NAMES.map((name) => {
      const own = provider[fieldOf(name)];
      if (own === undefined) return [name, null];
      return [name, name === 'Identity' || name === 'KMS' ? {} : { Keys: keys((own as { keys?: RawKey[] }).keys) }];
    }),
  );
}

/** `deployments.apps` -> its two parts. Source: apimachinery schema.ParseGroupResource. */
export function partsOf(name: string): { readonly resource: string; readonly group: string } {
  const dot = name.indexOf('.');
  return dot < 0 ? { resource: name, group: '' } : { resource: name.slice(0, dot), group: name.slice(dot + 1) };
}
function* overlaps(names: readonly string[], at: FieldPath): Generator<FieldError> {
  if (new Set(names).size < names.length)
    yield invalid(at, names, 'the same resource cannot be specified multiple times');
  const parts = names.map(partsOf);
  const masked = parts.some((a, i) =>
    parts.some((b, j) => {
      if (i === j) return false;
      if (a.resource === '*' && a.group === '*') return true;
      return a.group === b.group && (a.resource === '*' || b.resource === '*');
    }),
  );
  if (masked)
    yield invalid(at, names, "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked"); // prettier-ignore
}
const WITHOUT_API = new Set(['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']);
function nameProblem(name: string): string | undefined {
  if (name.toLowerCase() !== name) return 'resource name should not contain capital letters';
  if (name === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (WITHOUT_API.has(name)) return 'resources which do not have REST API/s cannot be encrypted';
  const { resource, group } = partsOf(name);
  if (group === 'events.k8s.io')
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  if (group === '*' && resource !== '*') return 'encrypting the same resource across groups is not supported';
  return undefined;
}
