import type { Errors } from '../define.ts';
import type {
  MatchCondition,
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  RuleWithOperations,
} from '../generated/admissionregistration-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import { duplicate, forbidden, invalid, required, tooMany, type FieldPath } from '../meta/field.ts';
import { dns1035Label, dnsSubdomain, pathSegment, qualifiedName } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';
import { expressions } from './expression-loading.ts';

/** What webhooks and policies have in common. Source: pkg/apis/admissionregistration/validation. */
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MUTATING_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
export const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
const MAX_MATCH_CONDITIONS = 64;

export function* oneOf(value: string | undefined, supported: readonly string[], at: FieldPath): Errors {
  if (value !== undefined && !supported.includes(value)) yield notOneOf(value, supported, at);
}
export const failurePolicy = (value: string | undefined, at: FieldPath): Errors => oneOf(value, FAILURE_POLICIES, at);
export const matchPolicy = (value: string | undefined, at: FieldPath): Errors => oneOf(value, MATCH_POLICIES, at);

export function* validateRule(rule: RuleWithOperations, at: FieldPath): Errors {
  const operations = rule.operations ?? [];
  if (operations.length === 0) yield required(at('operations'));
  if (operations.length > 1 && operations.includes('*')) yield invalid(at('operations'), operations, "if '*' is present, must not specify other operations");
  for (const [i, operation] of operations.entries()) yield* oneOf(operation, OPERATIONS, at('operations')(i));
  const groups = rule.apiGroups ?? [];
  if (groups.length === 0) yield required(at('apiGroups'));
  if (groups.length > 1 && groups.includes('*')) yield invalid(at('apiGroups'), groups, "if '*' is present, must not specify other API groups");
  const versions = rule.apiVersions ?? [];
  if (versions.length === 0) yield required(at('apiVersions'));
  if (versions.length > 1 && versions.includes('*')) yield invalid(at('apiVersions'), versions, "if '*' is present, must not specify other API versions");
  for (const [i, version] of versions.entries()) if (version === '') yield required(at('apiVersions')(i));
  yield* validateResources(rule.resources ?? [], at('resources'));
  yield* oneOf(rule.scope, SCOPES, at('scope'));
} // prettier-ignore
function* validateResources(resources: readonly string[], at: FieldPath): Errors {
  if (resources.length === 0) yield required(at);
  const allOf = new Set<string>();
  const ofAll = new Set<string>();
  let hasPlain = false;
  for (const [i, resource] of resources.entries()) {
    if (resource === '') {
      yield required(at(i));
      continue;
    }
    const slash = resource.indexOf('/');
    if (slash < 0) {
      hasPlain = resource !== '*';
      continue;
    }
    const main = resource.slice(0, slash);
    const sub = resource.slice(slash + 1);
    if (allOf.has(main)) yield invalid(at(i), resource, `if '${main}/*' is present, must not specify ${resource}`);
    if (ofAll.has(sub)) yield invalid(at(i), resource, `if '*/${sub}' is present, must not specify ${resource}`);
    if (sub === '*') allOf.add(main);
    if (main === '*') ofAll.add(sub);
  }
  if (resources.length > 1 && resources.includes('*/*'))
    yield invalid(at, resources, "if '*/*' is present, must not specify other resources");
  if (resources.includes('*') && hasPlain)
    yield invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
}
/** `params`: conditions may speak of them. */
export function* validateMatchConditions(
  conditions: readonly MatchCondition[],
  at: FieldPath,
  params = false,
): SteppedErrors {
  if (conditions.length > MAX_MATCH_CONDITIONS) yield tooMany(at, conditions.length, MAX_MATCH_CONDITIONS);
  const names = new Set<string>();
  for (const [i, { name, expression }] of conditions.entries()) {
    const source = (expression ?? '').trim();
    if (source === '') yield required(at(i)('expression'));
    else
      yield* expressions().validateExpression(
        source,
        { params, authorizer: true },
        expressions().GIVES.bool,
        at(i)('expression'),
      );
    if (!name) yield required(at(i)('name'));
    else {
      yield* problems(qualifiedName(name), name, at(i)('name'));
      if (names.has(name)) yield duplicate(at(i)('name'), name);
      names.add(name);
    }
  }
}

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}
export function* validateMatchResources(match: MatchResources | undefined, at: FieldPath): Errors {
  if (match === undefined) return;
  if (match.matchPolicy === undefined) yield required(at('matchPolicy'));
  yield* matchPolicy(match.matchPolicy, at('matchPolicy'));
  for (const field of ['namespaceSelector', 'objectSelector'] as const)
    if (match[field] === undefined) yield required(at(field));
    else yield* validateLabelSelector(match[field], at(field));
  yield* validateNamedRules(match.resourceRules ?? [], at('resourceRules'));
  yield* validateNamedRules(match.excludeResourceRules ?? [], at('excludeResourceRules'));
}
function* validateNamedRules(rules: readonly NamedRuleWithOperations[], path: FieldPath): Errors {
  for (const [i, rule] of rules.entries()) {
    const at = path(i);
    const names = rule.resourceNames ?? [];
    for (const [n, name] of names.entries()) {
      yield* problems(pathSegment(name), name, at('resourceNames')(n));
      if (names.indexOf(name) < n) yield duplicate(at('resourceNames')(n), name);
    }
    yield* validateRule(rule, at);
  }
}
/** What a mutating policy may not match: deletions. */
export function* validateMutatingOperations(match: MatchResources | undefined, at: FieldPath): Errors {
  for (const rule of match?.resourceRules ?? [])
    for (const operation of rule.operations ?? [])
      yield* oneOf(operation, MUTATING_OPERATIONS, at('resourceRules')('operations'));
}
export function* validateParamKind({ apiVersion, kind }: ParamKind, at: FieldPath): Errors {
  const parts = (apiVersion ?? '').split('/');
  if (!apiVersion) yield required(at('apiVersion'));
  else if (parts.length > 2) yield invalid(at('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else {
    const [group, version] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!];
    if (group !== '') yield* joined(dnsSubdomain(group), group, at('apiVersion'));
    if (version === '') yield invalid(at('apiVersion'), apiVersion, 'version must be specified');
    else yield* joined(dns1035Label(version), version, at('apiVersion'));
  }
  if (!kind) yield required(at('kind'));
  else yield* joined(dns1035Label(kind.toLowerCase()), kind, at('kind'), 'may have mixed case, but should otherwise match: ');
} // prettier-ignore
function* joined(found: readonly string[], value: string, at: FieldPath, intro = ''): Errors {
  if (found.length > 0) yield invalid(at, value, intro + found.join(','));
}
export function* validateParamRef(ref: ParamRef | undefined, at: FieldPath): Errors {
  if (ref === undefined) return;
  const { name, selector, parameterNotFoundAction: action } = ref;
  if (name) {
    yield* problems(pathSegment(name), name, at('name'));
    if (selector) yield forbidden(at('name'), 'name and selector are mutually exclusive');
  }
  if (selector) {
    yield* validateLabelSelector(selector, at('selector'));
    if (name) yield forbidden(at('selector'), 'name and selector are mutually exclusive');
  }
  if (!name && !selector) yield required(at, 'one of name or selector must be specified');
  if (!action) yield required(at('parameterNotFoundAction'));
  else yield* oneOf(action, ['Deny', 'Allow'], at('parameterNotFoundAction'));
}
