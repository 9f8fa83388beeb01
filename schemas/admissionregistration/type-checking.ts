import { builtinKinds } from '../builtin-kinds.ts';
import type { CustomResourceDefinition } from '../generated/apiextensions-v1.ts';
import type { ExpressionWarning, ValidatingAdmissionPolicySpec } from '../generated/admissionregistration-v1.ts';
import { parseApiVersion, type GroupVersionKind } from '../meta/object.ts';
import { declaredKind } from './declared-kinds.ts';
import { typeChecker } from './expressions.ts';

/** More kinds of one rule are not looked at, nor are the rules after it. */
const MOST_KINDS = 10;
type Definitions = readonly CustomResourceDefinition[];
const ascending = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What is wrong with a policy's expressions if objects are as the schemas of the kinds say that it is for. `now`, in
 * milliseconds, is in the names of types. Source: apiserver pkg/admission/plugin/policy/validating/typechecking.go Check.
 */
export function expressionWarnings(
  spec: ValidatingAdmissionPolicySpec,
  definitions: Definitions,
  now: number,
): ExpressionWarning[] {
  const named = (of: GroupVersionKind): string => `${of.kind}${(now % 1000) * 1_000_000}`;
  const declared = (of: GroupVersionKind) => declaredKind(of, definitions, named(of));
  const of = spec.paramKind && { ...parseApiVersion(spec.paramKind.apiVersion ?? ''), kind: spec.paramKind.kind ?? '' };
  const params = of && declared(of);
  const checkers = kindsToCheck(spec, definitions).flatMap((kind) => {
    const object = declared(kind);
    if (!object) return [];
    return [{ kind, check: typeChecker(of !== undefined, { object, params }, spec.variables ?? []) }];
  });
  const told = (source: string): string =>
    checkers
      .map(({ kind, check }) => ({ kind, type: check(source) }))
      .flatMap(({ kind, type }) =>
        typeof type === 'string' ? [`${kind.group}/${kind.version}, Kind=${kind.kind}: ${type}\n`] : [],
      )
      .join('\n');
  const warnings: ExpressionWarning[] = [];
  for (const [i, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    for (const [field, source] of Object.entries({ expression, messageExpression })) {
      const warning = source ? told(source) : '';
      if (warning !== '') warnings.push({ fieldRef: `spec.validations[${i}].${field}`, warning });
    }
  }
  return warnings;
}
/** The kinds that a policy is for, as far as it names them one by one; sorted. */
function kindsToCheck(spec: ValidatingAdmissionPolicySpec, definitions: Definitions): GroupVersionKind[] {
  const found = new Map<string, GroupVersionKind>();
  const served = servedKinds(definitions);
  const hasStar = (names: readonly string[]): boolean => names.some((name) => name.includes('*'));
  rules: for (const rule of spec.matchConstraints?.resourceRules ?? []) {
    const { apiGroups = [], apiVersions = [], resources = [] } = rule;
    if (hasStar(apiGroups) || hasStar(apiVersions)) continue;
    let count = 0;
    for (const group of apiGroups.toSorted(ascending))
      for (const version of apiVersions.toSorted(ascending))
        for (const resource of resources.filter((name) => !/[*/]/.test(name)).toSorted(ascending))
          for (const kind of kindsOf(served, group, version, resource.toLowerCase())) {
            found.set(`${kind.group}/${kind.version}/${kind.kind}`, kind);
            if (++count === MOST_KINDS) break rules;
          }
  }
  return [...found.values()].sort(
    (a, b) => ascending(a.group, b.group) || ascending(a.version, b.version) || ascending(a.kind, b.kind),
  );
}
interface Served extends GroupVersionKind {
  /** Plural and singular. */
  readonly names: readonly string[];
}
function servedKinds(definitions: Definitions): Served[] {
  const builtin = builtinKinds().map(({ gvr, kind, singular }) => ({
    group: gvr.group,
    version: gvr.version,
    kind,
    names: [gvr.resource, singular],
  }));
  const custom = definitions.flatMap(({ spec: { group, names, versions } }) =>
    versions
      .filter(({ served }) => served)
      .map(({ name }) => ({
        group,
        version: name,
        kind: names.kind,
        names: [names.plural, names.singular ?? names.kind.toLowerCase()],
      })),
  );
  return [...builtin, ...custom];
}
/** The empty group is any. Source: apimachinery pkg/api/meta/restmapper.go KindsFor. */
const kindsOf = (served: readonly Served[], group: string, version: string, resource: string): GroupVersionKind[] =>
  served
    .filter((of) => (group === '' || of.group === group) && of.version === version && of.names.includes(resource))
    .map(({ group, version, kind }) => ({ group, version, kind }));
