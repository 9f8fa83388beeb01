import { areSameInside, isKnownKind, packageOf } from '../../../schemas/known-kinds.ts';
import { apiVersionOf, type GroupVersionKind } from '../../../schemas/meta/object.ts';
import { schemaNameOf } from '../../../schemas/registry.ts';
import { decode } from '../../../schemas/structural/decode.ts';
import { unmarshalError } from '../../../schemas/structural/scalar.ts';
import type { Core } from '../core.ts';
import type { Expected } from './decode.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * What an object says that it is, empty where it says nothing; or what is wrong with how it says it.
 * Source: apimachinery pkg/runtime/serializer/json meta.go Interpret, pkg/runtime/schema ParseGroupVersion.
 */
export function claimedType(value: Json): GroupVersionKind | string {
  const said = { kind: '', apiVersion: '' };
  // Go matches these two names in any case; the last one counts.
  for (const [key, given] of Object.entries(value)) {
    const name = key.toLowerCase() === 'kind' ? 'kind' : key.toLowerCase() === 'apiversion' ? 'apiVersion' : undefined;
    if (name === undefined || given === null || given === undefined) continue;
    if (typeof given !== 'string') {
      const why = unmarshalError(given, 'string', { parent: undefined, name, struct: '', goType: 'string' });
      return `couldn't get version/kind; json parse error: ${why}`;
    }
    said[name] = given;
  }
  const { kind, apiVersion } = said;
  const [group, version, more] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  if (more !== undefined) return `unexpected GroupVersion string: ${apiVersion}`;
  return { group: group!, version: version!, kind };
}
/** Whether a key could be read as one of those two without being it. */
export function hasOddNames(value: Json): boolean {
  for (const key in value)
    if (
      (key.length === 4 || key.length === 10) &&
      key !== 'kind' &&
      key !== 'apiVersion' &&
      /^(?:kind|apiversion)$/i.test(key)
    )
      return true;
  return false;
}

/** What is left out is what the path says. Source: the same package's json.go gvkWithDefaults. */
export function withDefaultType(claimed: GroupVersionKind, expected: GroupVersionKind): GroupVersionKind {
  const { group, version } = claimed;
  const kind = claimed.kind === '' ? expected.kind : claimed.kind;
  if (version === '' && (group === '' || group === expected.group))
    return { group: expected.group, version: expected.version, kind };
  return { group, version, kind };
}
export const isSameType = (a: GroupVersionKind, b: GroupVersionKind): boolean =>
  a.kind === b.kind && a.version === b.version && a.group === b.group;

/**
 * Why an object of another type than the expected one cannot be read as one of that; undefined if only its version is
 * another. Source: apimachinery pkg/runtime/serializer/versioning Decode, pkg/runtime scheme.go convertToVersion.
 */
export function typeProblem(
  core: Core,
  value: Json,
  actual: GroupVersionKind,
  expected: Expected,
  data: () => string,
): string | undefined {
  if (actual.version === '') return `Object 'apiVersion' is missing in '${data()}'`;
  const apiVersion = apiVersionOf(actual);
  if (!isKnownKind(actual, expected))
    return `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;
  const problem = problemAs(core, value, actual, expected);
  if (problem !== undefined) return problem;
  if (areSameInside(actual, expected)) return undefined;
  const from = COMMON.has(actual.kind) ? 'v1' : actual.version;
  return `converting (${from}.${actual.kind}) to (${packageOf(expected)}.${expected.kind}): unknown conversion`;
}
/** Their Go types are those of meta/v1 in every group. */
const COMMON: ReadonlySet<string> = new Set(['WatchEvent', 'Status', 'ListOptions', 'GetOptions', 'DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions']); // prettier-ignore
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** What is wrong with the value as an object of the kind that it claims to be, as far as that kind's fields are known. */
function problemAs(core: Core, value: Json, actual: GroupVersionKind, expected: Expected): string | undefined {
  const set = core.schemasOf(expected);
  const schema = core.registry.byKind(actual)?.schema ?? set.definition(schemaNameOf(actual)) ?? set.definition(META + actual.kind); // prettier-ignore
  if (schema === undefined) return undefined;
  try {
    decode(value, schema, set);
    return undefined;
  } catch (error) {
    return decodeDetail(error);
  }
}
/** Of the text of a refusal what comes after `X in version "v1" cannot be handled as a X: `. */
export const decodeDetail = (error: unknown): string =>
  (error as Error).message.replace(/^.*? cannot be handled as a [^:]*: /, '');
