import type { CelType } from '../cel/index.ts';
import { defineResource } from '../define.ts';
import type {
  AuditAnnotation, MutatingAdmissionPolicy, Mutation, ValidatingAdmissionPolicy, Validation, Variable,
} from '../generated/admissionregistration-v1.ts'; // prettier-ignore
import { problems } from '../helpers/checks.ts';
import { validateConditions } from '../helpers/conditions.ts';
import { steppedValidation, type SteppedErrors } from '../helpers/stepped-validation.ts';
import { equal } from '../meta/equal.ts';
import { duplicate, fieldPath, invalid, required, type FieldPath } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { expressions, loadExpressions } from './expression-loading.ts';
import type { Speaks, VariableTypes } from './expressions.ts';
import {
  defaultMatchResources, failurePolicy, oneOf, REINVOCATION_POLICIES, validateMatchConditions, validateMatchResources,
  validateMutatingOperations, validateParamKind,
} from './rules.ts'; // prettier-ignore

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'];
const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_EXPRESSION_BYTES = 5 * 1024;
/** Source: cel-go identifiers, less the words of the language. */
const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED: ReadonlySet<string> = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop',
  'package', 'namespace', 'return', 'var', 'void', 'while',
]); // prettier-ignore

export const validatingAdmissionPolicy = defineResource<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingadmissionpolicies',
  beforeValidation: (policy, giveWay, old) => loadedThen(() => validating.before(policy, giveWay, old)),
  metadataChecks: ['whole'],
  anyFinalizers: true,
  statusMetadataChecks: [],
  requiresResourceVersionOnUpdate: true,

  defaults(draft) {
    const spec = (draft.spec ??= {});
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },

  *validate(policy, _at, old) {
    yield* validating.now(policy, old);
  },
  *validateStatusUpdate({ status }, _old, path) {
    const at = path('status');
    for (const [i, { fieldRef, warning }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
      const here = at('typeChecking')('expressionWarnings')(i);
      if (!warning) yield required(here('warning'));
      if ((fieldRef ?? '').trim() === '') yield required(here('fieldRef'));
    }
    yield* validateConditions(status?.conditions ?? [], at('conditions'));
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.validations?.length ?? 0, paramKind(spec), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

export const mutatingAdmissionPolicy = defineResource<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io', version: 'v1', resource: 'mutatingadmissionpolicies',
  beforeValidation: (policy, giveWay, old) => loadedThen(() => mutating.before(policy, giveWay, old)),
  metadataChecks: ['whole'],
  anyFinalizers: true,
  requiresResourceVersionOnUpdate: true,
  tracksGeneration: true,

  defaults(draft) {
    const spec = (draft.spec ??= {});
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
    return draft;
  },
  *validate(policy, _at, old) {
    yield* mutating.now(policy, old);
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.mutations?.length ?? 0, paramKind(spec), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

const loadedThen = (find: () => Promise<void> | undefined): Promise<void> | undefined => {
  const loading = loadExpressions();
  return loading ? loading.then(find) : find();
};
const PATH = fieldPath();
/** In steps: many long expressions take seconds. */
const validating = steppedValidation<ValidatingAdmissionPolicy>(function* ({ metadata, spec = {} }, old) {
  const at = PATH('spec');
  yield* validateCommon(spec, at, old?.spec);
  const { variables = [], validations = [], auditAnnotations = [] } = spec;
  const params = spec.paramKind !== undefined;
  const known = new (expressions().VariableTypes)();
  yield* validateVariables(variables, at('variables'), params, known);
  const speaks: Speaks = { params, authorizer: true, variables: variables.length > 0 ? known : undefined };
  if (validations.length === 0 && auditAnnotations.length === 0) {
    yield required(at('validations'), 'validations or auditAnnotations must contain at least one item');
    yield required(at('auditAnnotations'), 'validations or auditAnnotations must contain at least one item');
    return;
  }
  for (const [i, validation] of validations.entries()) yield* validateValidation(validation, at('validations')(i), speaks);
  yield* validateAuditAnnotations(metadata.name ?? '', auditAnnotations, at('auditAnnotations'), speaks);
}); // prettier-ignore
const mutating = steppedValidation<MutatingAdmissionPolicy>(function* ({ spec = {} }, old) {
  const at = PATH('spec');
  yield* validateCommon(spec, at, old?.spec, true);
  const params = spec.paramKind !== undefined;
  const known = new (expressions().VariableTypes)();
  yield* validateVariables(spec.variables ?? [], at('variables'), params, known);
  const speaks: Speaks = { params, authorizer: true, patches: true, variables: known };
  if (!spec.mutations?.length) yield required(at('mutations'), 'mutations must contain at least one item');
  for (const [i, mutation] of (spec.mutations ?? []).entries()) yield* validateMutation(mutation, at('mutations')(i), speaks);
  if (!spec.reinvocationPolicy) yield required(at('reinvocationPolicy'));
  else yield* oneOf(spec.reinvocationPolicy, REINVOCATION_POLICIES, at('reinvocationPolicy'));
}); // prettier-ignore

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type Common = Pick<Spec, 'failurePolicy' | 'paramKind' | 'matchConstraints' | 'matchConditions'>;
const paramKind = (spec: Pick<Spec, 'paramKind'> | undefined): string =>
  spec?.paramKind ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}` : '<unset>';

/** `old`: on update. */
function* validateCommon(spec: Common, at: FieldPath, old: Common | undefined, isMutating = false): SteppedErrors {
  if (spec.failurePolicy === undefined) yield required(at('failurePolicy'));
  yield* failurePolicy(spec.failurePolicy, at('failurePolicy'));
  if (spec.paramKind) yield* validateParamKind(spec.paramKind, at('paramKind'));
  if (!spec.matchConstraints) yield required(at('matchConstraints'));
  else {
    yield* validateMatchResources(spec.matchConstraints, at('matchConstraints'));
    if (!spec.matchConstraints.resourceRules?.length) yield required(at('matchConstraints')('resourceRules'));
    if (isMutating) yield* validateMutatingOperations(spec.matchConstraints, at('matchConstraints'));
  }
  const isSame =
    old && equal(spec.paramKind, old.paramKind) && equal(spec.matchConditions ?? [], old.matchConditions ?? []);
  if (!isSame)
    yield* validateMatchConditions(spec.matchConditions ?? [], at('matchConditions'), spec.paramKind !== undefined);
}
/** Each may use those before it, which `known` gathers. */
function* validateVariables(variables: readonly Variable[], at: FieldPath, params: boolean, known: VariableTypes): SteppedErrors {
  for (const [i, { name = '', expression = '' }] of variables.entries()) {
    if (name.trim() === '') yield required(at(i)('name'), 'name is not specified');
    else if (!IDENTIFIER.test(name) || RESERVED.has(name)) yield invalid(at(i)('name'), name, 'must be a valid CEL identifier');
    if (expression.trim() === '') yield required(at(i)('expression'), 'expression is not specified');
    else {
      const made = yield* expressions().compiled(expression, { params, authorizer: true, variables: known }, expressions().GIVES.anything);
      yield* expressions().told(made, at(i)('expression'), expression);
      known.declare(name, 'type' in made ? expressions().variableType(made.type) : { kind: 'dyn' });
    }
  }
} // prettier-ignore
function* validateValidation({ expression = '', message, messageExpression, reason }: Validation, at: FieldPath, speaks: Speaks): SteppedErrors {
  if (expression.trim() === '') yield required(at('expression'), 'expression is not specified');
  else yield* expressions().validateExpression(expression, speaks, expressions().GIVES.bool, at('expression'));
  if (messageExpression && messageExpression.trim() === '') yield invalid(at('messageExpression'), messageExpression, 'must be non-empty if specified');
  else if (messageExpression) yield* expressions().validateExpression(messageExpression, { ...speaks, authorizer: false }, expressions().GIVES.string, at('messageExpression'));
  if (message && message.trim() === '') yield invalid(at('message'), message, 'must be non-empty if specified');
  else if (/[\n\r]/.test((message ?? '').trim())) yield invalid(at('message'), message, 'must not contain line breaks');
  yield* oneOf(reason, REASONS, at('reason'));
} // prettier-ignore
function* validateAuditAnnotations(
  policy: string,
  annotations: readonly AuditAnnotation[],
  at: FieldPath,
  speaks: Speaks,
): SteppedErrors {
  if (annotations.length > MAX_AUDIT_ANNOTATIONS)
    yield invalid(at, annotations, `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`);
  const keys = new Set<string | undefined>();
  for (const [i, { key, valueExpression = '' }] of annotations.entries()) {
    if (policy === '') yield invalid(at(i)('key'), key, 'requires metadata.name be non-empty');
    else yield* problems(qualifiedName(`${policy}/${key}`), `${policy}/${key}`, at(i)('key'));
    const expression = valueExpression.trim();
    if (expression === '') yield required(at(i)('valueExpression'), 'valueExpression is not specified');
    else if (expression.length > MAX_EXPRESSION_BYTES)
      yield required(at(i)('valueExpression'), `must not exceed ${MAX_EXPRESSION_BYTES} bytes in length`);
    else
      yield* expressions().validateExpression(
        expression,
        speaks,
        expressions().GIVES.stringOrNull,
        at(i)('valueExpression'),
        valueExpression,
      );
    if (keys.has(key)) yield duplicate(at(i)('key'), key);
    keys.add(key);
  }
}
function* validateMutation({ patchType, jsonPatch, applyConfiguration }: Mutation, at: FieldPath, speaks: Speaks): SteppedErrors {
  if (!patchType) yield required(at('patchType'));
  else if (patchType === 'JSONPatch') {
    if (!jsonPatch) yield required(at('jsonPatch'), 'must be specified when patchType is JSONPatch');
    else yield* validatePatch(jsonPatch.expression, speaks, expressions().GIVES.patches, at('jsonPatch')('expression'));
    if (applyConfiguration) yield invalid(at('applyConfiguration'), '{applyConfiguration}', 'must not be specified when patchType is JSONPatch');
  } else if (patchType === 'ApplyConfiguration') {
    if (!applyConfiguration) yield required(at('applyConfiguration'), 'must be specified when patchType is ApplyConfiguration');
    else yield* validatePatch(applyConfiguration.expression, speaks, expressions().GIVES.object, at('applyConfiguration')('expression'));
    if (jsonPatch) yield invalid(at('jsonPatch'), '{jsonPatch}', 'must not be specified when patchType is ApplyConfiguration');
  } else yield* oneOf(patchType, PATCH_TYPES, at('patchType'));
} // prettier-ignore
function* validatePatch(expression: string | undefined, speaks: Speaks, gives: readonly CelType[], at: FieldPath): SteppedErrors {
  const source = (expression ?? '').trim();
  if (source === '') yield required(at);
  else yield* expressions().validateExpression(source, speaks, gives, at);
} // prettier-ignore
