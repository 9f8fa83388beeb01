import { validatePodTemplate } from '../core/pod-template-validation.ts';
import type { Errors } from '../define.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../generated/batch-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { nonNegative } from '../meta/field-checks.ts';
import {
  duplicate,
  invalid,
  invalidOmitted,
  notSupported,
  required,
  tooLong,
  tooMany,
  type FieldPath,
} from '../meta/field.ts';
import { byteLength, dnsSubdomain, qualifiedName, regexProblem } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';
import { selectorOrNothing } from '../apps/workload-validation.ts';
import { indexesProblem } from './indexes.ts';

/** Source: pkg/apis/batch/validation constants. */
const MAX_PARALLELISM_INDEXED = 100_000;
const SOFT_LIMIT = 100_000;
const MAX_AT_HIGH = 10_000;
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_INDEXES_BYTES = 64 * 1024;
const MODES = ['NonIndexed', 'Indexed'];
const REPLACEMENT = ['Failed', 'TerminatingOrFailed'];

/** Of a Job; an update looks at it twice. Source: ValidateJobSpec. */
export function* validateJobSpec(spec: JobSpec, at: FieldPath): Errors {
  yield* validateJobTemplateSpec(spec, at);
  if (!spec.selector) yield required(at('selector'));
  else yield* validateLabelSelector(spec.selector, at('selector'));
  const labels = spec.template?.metadata?.labels;
  if (selectorOrNothing(spec.selector)?.matches(labels) === false)
    yield invalid(at('template')('metadata')('labels'), labels, '`selector` does not match template `labels`');
}
/** Also of the template in a CronJob. Source: validateJobSpec. */
export function* validateJobTemplateSpec(spec: JobSpec, at: FieldPath): Errors {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const)
    yield* nonNegative(spec[field], at(field));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    yield required(at('backoffLimitPerIndex'), 'when maxFailedIndexes is specified');
  if (spec.managedBy !== undefined) yield* validateManagedBy(spec.managedBy, at('managedBy'));
  yield* validateMode(spec, at);
  if (spec.podFailurePolicy) yield* validateFailurePolicy(spec, at('podFailurePolicy')('rules'));
  if (spec.successPolicy) {
    if (spec.completionMode !== 'Indexed')
      yield invalid(
        at('successPolicy'),
        goStruct(spec.successPolicy, 'io.k8s.api.batch.v1.SuccessPolicy'),
        'requires indexed completion mode',
      );
    else yield* validateSuccessPolicy(spec, at('successPolicy')('rules'));
  }
  const replacement = spec.podReplacementPolicy;
  const allowed = spec.podFailurePolicy ? ['Failed'] : REPLACEMENT;
  if (replacement !== undefined && !allowed.includes(replacement))
    yield notSupported(at('podReplacementPolicy'), replacement, allowed);
  yield* validatePodTemplate(spec.template ?? {}, at('template'));
  const policy = spec.template?.spec?.restartPolicy;
  const here = at('template')('spec')('restartPolicy');
  if (policy === undefined || policy === 'Always') yield required(here, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') yield notSupported(here, policy, ['OnFailure', 'Never']);
  else if (spec.podFailurePolicy && policy !== 'Never')
    yield invalid(here, policy, 'only "Never" is supported when podFailurePolicy is specified');
}
function* validateManagedBy(value: string, at: FieldPath): Errors {
  const slash = value.indexOf('/');
  if (value === '') yield required(at);
  else if (slash <= 0 || slash === value.length - 1)
    yield invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
  else {
    const host = value.slice(0, slash);
    for (const why of dnsSubdomain(host)) yield invalid(at, host, why);
    const path = value.slice(slash + 1);
    const shape = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
    if (!new RegExp(`^${shape}$`).test(path)) yield invalid(at, path, regexProblem('Invalid path', shape));
  }
  if (byteLength(value) > 63) yield tooLong(at, 63);
}
function* validateMode(spec: JobSpec, at: FieldPath): Errors {
  const {
    completionMode: mode,
    completions,
    parallelism,
    maxFailedIndexes: failed,
    backoffLimitPerIndex: perIndex,
  } = spec;
  if (mode !== undefined && !MODES.includes(mode)) yield notSupported(at('completionMode'), mode, MODES);
  if (mode === 'Indexed') {
    if (completions === undefined) yield required(at('completions'), 'when completion mode is Indexed');
    if ((parallelism ?? 0) > MAX_PARALLELISM_INDEXED)
      yield invalid(
        at('parallelism'),
        parallelism,
        `must be less than or equal to ${MAX_PARALLELISM_INDEXED} when completion mode is Indexed`,
      );
    if (completions !== undefined && failed !== undefined && failed > completions)
      yield invalid(at('maxFailedIndexes'), failed, 'must be less than or equal to completions');
    if ((failed ?? 0) > SOFT_LIMIT)
      yield invalid(at('maxFailedIndexes'), failed, `must be less than or equal to ${SOFT_LIMIT}`);
    if ((completions ?? 0) > SOFT_LIMIT && perIndex !== undefined) {
      const above = `must be less than or equal to ${MAX_AT_HIGH} when completions are above ${SOFT_LIMIT} and used with backoff limit per index`;
      if (failed === undefined)
        yield required(at('maxFailedIndexes'), `must be specified when completions is above ${SOFT_LIMIT}`);
      if ((parallelism ?? 0) > MAX_AT_HIGH) yield invalid(at('parallelism'), parallelism, above);
      if ((failed ?? 0) > MAX_AT_HIGH) yield invalid(at('maxFailedIndexes'), failed, above);
    }
  } else if (mode === undefined || mode === 'NonIndexed') {
    if (perIndex !== undefined) yield invalid(at('backoffLimitPerIndex'), perIndex, 'requires indexed completion mode');
    if (failed !== undefined) yield invalid(at('maxFailedIndexes'), failed, 'requires indexed completion mode');
  }
}
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const STATUSES = ['False', 'True', 'Unknown'];
const OPERATORS = ['In', 'NotIn'];
const quoted = (values: readonly string[]): string =>
  `valid values: [${values.map((v) => JSON.stringify(v)).join(' ')}]`;

function* validateFailurePolicy(spec: JobSpec, at: FieldPath): Errors {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > MAX_RULES) yield tooMany(at, rules.length, MAX_RULES);
  const pod = spec.template?.spec;
  const names = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map((c) => c.name));
  for (const [i, rule] of rules.entries()) yield* validateFailureRule(rule, spec, names, at(i));
}
function* validateFailureRule(
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  names: ReadonlySet<string>,
  at: FieldPath,
): Errors {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  if (!action) yield required(at('action'), quoted(ACTIONS));
  else if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined)
      yield invalid(at('action'), action, 'requires the backoffLimitPerIndex to be set');
  } else if (!ACTIONS.includes(action)) yield notSupported(at('action'), action, ACTIONS);
  if (onExitCodes) yield* validateExitCodes(onExitCodes, names, at('onExitCodes'));
  if (onPodConditions.length > MAX_RULES) yield tooMany(at('onPodConditions'), onPodConditions.length, MAX_RULES);
  for (const [i, { type, status }] of onPodConditions.entries()) {
    const here = at('onPodConditions')(i);
    for (const why of qualifiedName(type)) yield invalid(here('type'), type, why);
    if (!status) yield required(here('status'), quoted(STATUSES));
    else if (!STATUSES.includes(status)) yield notSupported(here('status'), status, STATUSES);
  }
  if (onExitCodes && onPodConditions.length > 0)
    yield invalidOmitted(at, 'specifying both OnExitCodes and OnPodConditions is not supported');
  if (!onExitCodes && onPodConditions.length === 0)
    yield invalidOmitted(at, 'specifying one of OnExitCodes and OnPodConditions is required');
}
function* validateExitCodes(
  rule: PodFailurePolicyOnExitCodesRequirement,
  names: ReadonlySet<string>,
  at: FieldPath,
): Errors {
  const { operator, containerName, values } = rule;
  if (!operator) yield required(at('operator'), quoted(OPERATORS));
  else if (!OPERATORS.includes(operator)) yield notSupported(at('operator'), operator, OPERATORS);
  if (containerName !== undefined && !names.has(containerName))
    yield invalid(
      at('containerName'),
      containerName,
      'must be one of the container or initContainer names in the pod template',
    );
  const codes = values ?? [];
  if (codes.length === 0) yield invalid(at('values'), values ?? null, 'at least one value is required');
  else if (codes.length > MAX_EXIT_CODES) yield tooMany(at('values'), codes.length, MAX_EXIT_CODES);
  for (const [i, code] of codes.entries()) {
    if (operator === 'In' && code === 0) yield invalid(at('values')(i), code, 'must not be 0 for the In operator');
    if (codes.indexOf(code) < i) yield duplicate(at('values')(i), code);
  }
  if (codes.some((code, i) => i > 0 && codes[i - 1]! > code)) yield invalid(at('values'), codes, 'must be ordered');
}
function* validateSuccessPolicy(spec: JobSpec, at: FieldPath): Errors {
  const rules = spec.successPolicy?.rules ?? [];
  if (rules.length === 0)
    yield required(at, 'at least one rules must be specified when the successPolicy is specified');
  if (rules.length > MAX_RULES) yield tooMany(at, rules.length, MAX_RULES);
  for (const [i, rule] of rules.entries()) yield* validateSuccessRule(rule, spec.completions ?? 0, at(i));
}
function* validateSuccessRule(
  { succeededCount: count, succeededIndexes: indexes }: SuccessPolicyRule,
  completions: number,
  at: FieldPath,
): Errors {
  if (count === undefined && indexes === undefined)
    yield required(at, 'at least one of succeededCount or succeededIndexes must be specified');
  let total = 0;
  if (indexes !== undefined) {
    if (byteLength(indexes) > MAX_INDEXES_BYTES) yield tooLong(at('succeededIndexes'), MAX_INDEXES_BYTES);
    const found = indexesProblem(indexes, completions);
    total = found.total;
    if (found.problem !== undefined)
      yield invalid(at('succeededIndexes'), indexes, `error parsing succeededIndexes: ${found.problem}`);
  }
  if (count === undefined) return;
  yield* nonNegative(count, at('succeededCount'));
  if (count > completions)
    yield invalid(
      at('succeededCount'),
      count,
      `must be less than or equal to ${completions} (the number of specified completions)`,
    );
  if (indexes !== undefined && count > total)
    yield invalid(
      at('succeededCount'),
      count,
      `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`,
    );
}
