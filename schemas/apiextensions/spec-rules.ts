import type {
  CustomResourceConversion,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  JSONSchemaProps,
} from '../generated/apiextensions-v1.ts';
import { problems } from '../helpers/checks.ts';
import { webhookService, webhookUrl } from '../helpers/webhook-client.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, notSupported, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { dns1035Label, dnsSubdomain } from '../meta/names.ts';
import { printVersions } from './go-print.ts';
import { internalSpec, type InternalSpec, type InternalVersion, type Parts } from './internal-spec.ts';
import { parts } from './parts.ts';

type Errors = Generator<FieldError, void, undefined>;
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const MAX_WARNING = 256;
const OWN = {
  schema: 'schema',
  missingSchema: 'may only be set when `version.schema.openAPIV3Schema` is not included',
  isMissing: (own: Parts) => own.schema?.openAPIV3Schema === undefined,
};
const SHARED = {
  schema: 'validation',
  missingSchema: 'may only be set when validations.schema is included',
  isMissing: (own: Parts) => own.schema === undefined,
};
/** Source: apiextensions validation validateCustomResourceDefinitionSpec. */
/** `old`: on update. */
export function* specProblems(
  spec: CustomResourceDefinitionSpec,
  at: FieldPath,
  old?: CustomResourceDefinitionSpec,
): SteppedErrors {
  const internal = internalSpec(spec);
  const { shared, versions } = internal;
  yield* groupProblems(spec.group ?? '', at('group'));
  if (!spec.scope) yield required(at('scope'));
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced')
    yield notSupported(at('scope'), spec.scope, ['Cluster', 'Namespaced']);
  if (!shared.schema?.openAPIV3Schema)
    for (const [i, v] of versions.entries()) {
      if (!v.schema?.openAPIV3Schema) yield required(at('versions')(i)('schema')('openAPIV3Schema'));
    }
  if (spec.preserveUnknownFields && hasDefaults(internal))
    yield invalid(at('preserveUnknownFields'), true, 'must be false in order to use defaults in the schema');
  const unchanged = unchangedSchemas(spec, old);
  yield* versionProblems(internal, spec.versions ? internal.versions : undefined, at, unchanged);
  yield* namesProblems(spec.names ?? {}, at('names'), true);
  const hasStatus = [shared, ...versions].some((own) => own.subresources?.status !== undefined);
  yield* parts(shared, SHARED, hasStatus, at, unchanged);
  if (spec.preserveUnknownFields && spec.conversion && spec.conversion.strategy !== 'None')
    yield invalid(
      at('conversion')('strategy'),
      spec.conversion.strategy ?? '',
      'must be None if spec.preserveUnknownFields is true',
    );
  if (spec.conversion) yield* conversionProblems(spec.conversion, at('conversion'));
}

/** The schemas of versions that had the same before. */
function unchangedSchemas(
  spec: CustomResourceDefinitionSpec,
  old: CustomResourceDefinitionSpec | undefined,
): ReadonlySet<JSONSchemaProps> {
  const out = new Set<JSONSchemaProps>();
  for (const { name, schema } of old ? (spec.versions ?? []) : []) {
    const before = old!.versions?.find((version) => version.name === name);
    if (schema?.openAPIV3Schema && before && equal(schema, before.schema)) out.add(schema.openAPIV3Schema);
  }
  return out;
}
const hasDefaults = ({ shared, versions }: InternalSpec): boolean =>
  [shared, ...versions].some(({ schema }) => {
    const whole = schema?.openAPIV3Schema;
    return whole !== undefined && [...schemasIn(whole)].some((s) => s.default !== undefined && s.default !== null);
  });
function* groupProblems(group: string, at: FieldPath): Errors {
  const found = dnsSubdomain(group);
  if (group === '') yield required(at);
  else if (found.length > 0) yield invalid(at, group, found.join(','));
  else if (!group.includes('.')) yield invalid(at, group, 'should be a domain with at least one dot');
}

function* versionProblems(
  { shared, versions }: InternalSpec,
  given: readonly InternalVersion[] | undefined,
  at: FieldPath,
  unchanged: ReadonlySet<JSONSchemaProps>,
): SteppedErrors {
  const hasOwnSubresources = versions.some((v) => v.subresources);
  for (const [i, v] of versions.entries()) {
    const place = at('versions')(i);
    const found = dns1035Label(v.name);
    if (found.length > 0) yield invalid(place('name'), v.name, found.join(','));
    yield* deprecation(v, place('deprecationWarning'));
    const { status } = (hasOwnSubresources ? v.subresources : shared.subresources) ?? {};
    yield* parts(v, OWN, status !== undefined, place, unchanged);
  }
  const wrong = (why: string): FieldError => invalid(at('versions'), printVersions(given), why);
  if (new Set(versions.map((v) => v.name)).size < versions.length) yield wrong('must contain unique version names');
  if (versions.filter((v) => v.storage).length !== 1)
    yield wrong('must have exactly one version marked as storage version');
  const first = versions[0]?.name;
  if (first) {
    const found = dns1035Label(first);
    if (found.length > 0) yield invalid(at('version'), first, found.join(','));
  }
}
function* deprecation({ deprecated, deprecationWarning: text }: InternalVersion, at: FieldPath): Errors {
  if (text === undefined) return;
  if (!deprecated) {
    yield invalid(at, text, 'can only be set for deprecated versions');
    return;
  }
  if (Buffer.byteLength(text) > MAX_WARNING) yield invalid(at, text, 'must be <= 256 characters long');
  if (text === '') yield invalid(at, text, 'must not be an empty string');
  const strange = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(text);
  if (strange)
    yield invalid(
      at,
      text,
      `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(text.slice(0, strange.index))}`,
    );
}

/** `isWanted`: these are the names asked for, not those accepted. */
export function* namesProblems(
  names: Partial<CustomResourceDefinitionNames>,
  at: FieldPath,
  isWanted: boolean,
): Errors {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames, categories } = names;
  const all = { plural, singular, kind, listKind };
  if (isWanted) for (const [field, name] of Object.entries(all)) if (name === '') yield required(at(field));
  for (const [field, name] of Object.entries(all)) {
    const isKind = field === 'kind' || field === 'listKind';
    const found = name === '' ? [] : dns1035Label(isKind ? name.toLowerCase() : name);
    if (found.length > 0)
      yield invalid(
        at(field),
        name,
        `${isKind ? 'may have mixed case, but should otherwise match: ' : ''}${found.join(',')}`,
      );
  }
  yield* labels(shortNames, at('shortNames'));
  if (kind !== '' && kind === listKind)
    yield invalid(at('listKind'), listKind, 'kind and listKind may not be the same');
  yield* labels(categories, at('categories'));
}
function* labels(names: readonly string[] | undefined, at: FieldPath): Errors {
  for (const [i, name] of (names ?? []).entries()) {
    const found = dns1035Label(name);
    if (found.length > 0) yield invalid(at(i), name, found.join(','));
  }
}

function* conversionProblems({ strategy, webhook }: CustomResourceConversion, at: FieldPath): Errors {
  const { clientConfig } = webhook ?? {};
  const reviews = webhook?.conversionReviewVersions ?? [];
  if (!strategy) yield required(at('strategy'));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    yield notSupported(at('strategy'), strategy, ['None', 'Webhook']);
  const place = at('webhookClientConfig');
  if (strategy !== 'Webhook') {
    if (clientConfig) yield forbidden(place, 'should not be set when strategy is not set to Webhook');
    if (reviews.length > 0)
      yield forbidden(at('conversionReviewVersions'), 'should not be set when strategy is not set to Webhook');
    return;
  }
  if (!clientConfig) yield required(place, 'required when strategy is set to Webhook');
  else if ((clientConfig.url === undefined) === (clientConfig.service === undefined))
    yield required(place, 'exactly one of url or service is required');
  else if (clientConfig.url !== undefined) yield* webhookUrl(clientConfig.url, place('url'));
  else if (clientConfig.service) yield* webhookService(clientConfig.service, place('service'));
  const here = at('conversionReviewVersions');
  if (reviews.length === 0) yield required(here);
  for (const [i, version] of reviews.entries())
    if (reviews.indexOf(version) < i) yield invalid(here(i), version, 'duplicate version');
    else yield* problems(dns1035Label(version), version, here(i));
  if (reviews.length > 0 && !reviews.some((v) => REVIEW_VERSIONS.includes(v)))
    yield invalid(here, reviews, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}

/** Every schema in a schema, itself first. */
export function* schemasIn(schema: JSONSchemaProps): Generator<JSONSchemaProps, void, undefined> {
  yield schema;
  const inner: unknown[] = [
    schema.not,
    schema.items,
    schema.additionalProperties,
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...Object.values(schema.properties ?? {}),
  ];
  for (const one of inner) if (typeof one === 'object' && one !== null && !Array.isArray(one)) yield* schemasIn(one);
}
