import type { Errors } from '../define.ts';
import type { EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { configMapKey, dnsSubdomain, envVarName, nameIsSubdomain, qualifiedName } from '../meta/names.ts';
import { validateNoBacksteps } from './path-validation.ts';

/** Source: pkg/apis/core/validation ValidateEnv. */
export function* validateEnv(variables: readonly EnvVar[], at: FieldPath): Errors {
  for (const [i, variable] of variables.entries()) {
    const here = at(i);
    if (variable.name === '') yield required(here('name'));
    else for (const why of envVarName(variable.name)) yield invalid(here('name'), variable.name, why);
    yield* validateValueFrom(variable, here('valueFrom'));
  }
}
function* validateValueFrom({ value, valueFrom }: EnvVar, at: FieldPath): Errors {
  if (!valueFrom) return;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef) yield* validateFieldRef(fieldRef, ENV_FIELDS, at('fieldRef'));
  if (resourceFieldRef) yield* validateResourceFieldRef(resourceFieldRef, false, at('resourceFieldRef'));
  if (configMapKeyRef) yield* validateKeyRef(configMapKeyRef, at('configMapKeyRef'));
  if (secretKeyRef) yield* validateKeyRef(secretKeyRef, at('secretKeyRef'));
  if (fileKeyRef) {
    const here = at('fileKeyRef');
    if (fileKeyRef.key === '') yield required(here('key'));
    else for (const why of envVarName(fileKeyRef.key)) yield invalid(here('key'), fileKeyRef.key, why);
    if (fileKeyRef.volumeName === '') yield required(here('volumeName'));
    else yield* dnsLabelField(fileKeyRef.volumeName, here('volumeName'));
    if (fileKeyRef.path === '') yield required(here('path'));
    else yield* validateNoBacksteps(fileKeyRef.path, here('path'));
  }
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (count === 0)
    yield invalid(
      at,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    );
  else if (value) yield invalid(at, '', 'may not be specified when `value` is not empty');
  else if (count > 1) yield invalid(at, '', 'may not have more than one field specified at a time');
}
function* validateKeyRef({ name = '', key }: { name?: string | undefined; key: string }, at: FieldPath): Errors {
  for (const why of dnsSubdomain(name)) yield invalid(at('name'), name, why);
  if (key === '') yield required(at('key'));
  else for (const why of configMapKey(key)) yield invalid(at('key'), key, why);
}
const COMMON_FIELDS = ['metadata.name', 'metadata.namespace', 'metadata.uid'];
const ENV_FIELDS = [
  ...COMMON_FIELDS,
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELDS: readonly string[] = ['metadata.annotations', 'metadata.labels', ...COMMON_FIELDS];
/** What a field path may name at all. Source: pkg/apis/core/pods ConvertDownwardAPIFieldLabel. */
const KNOWN_FIELDS = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'spec.host',
]);

export function* validateFieldRef(
  { apiVersion, fieldPath: path }: ObjectFieldSelector,
  allowed: readonly string[],
  at: FieldPath,
): Errors {
  if (!apiVersion) {
    yield required(at('apiVersion'));
    return;
  }
  if (path === '') {
    yield required(at('fieldPath'));
    return;
  }
  const problem = apiVersion === 'v1' ? labelProblem(path) : `unsupported pod version: ${apiVersion}`;
  if (problem !== '') {
    yield invalid(at('fieldPath'), path, `error converting fieldPath: ${problem}`);
    return;
  }
  const [of, key] = subscripted(path);
  // What old clients send.
  const field = path === 'spec.host' ? 'spec.nodeName' : path;
  if (key !== undefined) {
    const shown = of === 'metadata.annotations' ? key.toLowerCase() : key;
    for (const why of qualifiedName(shown)) yield invalid(at, shown, why);
  } else if (!allowed.includes(field)) yield notSupported(at('fieldPath'), field, [...allowed].sort());
}
/** `metadata.labels['x']`. Source: pkg/fieldpath SplitMaybeSubscriptedPath. */
function subscripted(path: string): readonly [of: string, key: string | undefined] {
  const start = path.indexOf("['");
  return start > 0 && path.endsWith("']") && start + 2 <= path.length - 2
    ? [path.slice(0, start), path.slice(start + 2, -2)]
    : [path, undefined];
}
function labelProblem(path: string): string {
  const [of, key] = subscripted(path);
  if (key === undefined) return KNOWN_FIELDS.has(path) ? '' : `field label not supported: ${path}`;
  return of === 'metadata.annotations' || of === 'metadata.labels'
    ? ''
    : `field label does not support subscript: ${path}`;
}

const RESOURCE_FIELDS = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory']; // prettier-ignore
const SIZES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
export function* validateResourceFieldRef(
  { containerName, resource, divisor }: ResourceFieldSelector,
  volume: boolean,
  at: FieldPath,
): Errors {
  const huge = /^(?:limits|requests)\.hugepages-/.test(resource);
  if (volume && !containerName) yield required(at('containerName'));
  else if (resource === '') yield required(at('resource'));
  else if (!RESOURCE_FIELDS.includes(resource) && !huge) yield notSupported(at('resource'), resource, RESOURCE_FIELDS);
  const text = String(divisor ?? '0');
  if (text === '0') return;
  const of = huge ? 'hugepages' : resource.replace(/^(?:limits|requests)\./, '');
  if (resource === 'limits.cpu' || resource === 'requests.cpu') {
    if (text !== '1m' && text !== '1')
      yield invalid(at('divisor'), resource, "only divisor's values 1m and 1 are supported with the cpu resource");
  } else if ((huge || RESOURCE_FIELDS.includes(resource)) && !SIZES.includes(text))
    yield invalid(
      at('divisor'),
      resource,
      `only divisor's values ${SIZES.join(', ')} are supported with the ${of === 'ephemeral-storage' ? 'local ephemeral storage' : of} resource`,
    );
}
/** Source: pkg/apis/core/validation ValidateEnvFrom; the path without an index is the real one. */
export function* validateEnvFrom(sources: readonly EnvFromSource[], at: FieldPath): Errors {
  for (const [i, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const here = at(i);
    if (prefix) for (const why of envVarName(prefix)) yield invalid(here('prefix'), prefix, why);
    for (const [field, ref] of [
      ['configMapRef', configMapRef],
      ['secretRef', secretRef],
    ] as const) {
      if (!ref) continue;
      if (!ref.name) yield required(here(field)('name'));
      else for (const why of nameIsSubdomain(ref.name, true)) yield invalid(here(field)('name'), ref.name, why);
    }
    if (!configMapRef && !secretRef) yield invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (configMapRef && secretRef) yield invalid(at, '', 'may not have more than one field specified at a time');
  }
}
