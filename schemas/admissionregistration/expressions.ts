import {
  CelCompileError, celEnvironment, compile, compileSteps, declaredAs, declaredDynamic, declaredList, declaredMap, declaredObject, declaredType, declareFunctions,
  instantiationProblem, sameType, type CelDeclared, type CelEnvironment, type CelField, type CelProgram, type CelType,
} from '../cel/index.ts'; // prettier-ignore
import type { Errors } from '../define.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
import { internalError, invalid, type FieldPath } from '../meta/field.ts';

/** What expressions of policies and match conditions may speak of, and what they must give. Source: apiserver pkg/admission/plugin/cel/compile.go. */
const [STRING, BOOL, INT, TIMESTAMP, DYN] = (['string', 'bool', 'int', 'timestamp', 'dyn'] as const).map((kind) =>
  declaredAs({ kind }),
) as [CelDeclared, CelDeclared, CelDeclared, CelDeclared, CelDeclared];
const STRINGS = declaredList(STRING);
const STRING_MAP = declaredMap(STRING, STRING);
export const GIVES = {
  bool: [BOOL.type],
  string: [STRING.type],
  stringOrNull: [STRING.type, { kind: 'null' }],
  object: [{ kind: 'object', name: 'Object' }],
  patches: [{ kind: 'list', element: { kind: 'object', name: 'JSONPatch' } }],
  anything: [],
} as const satisfies Readonly<Record<string, readonly CelType[]>>;

const kindType = declaredObject('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const resourceType = declaredObject('kubernetes.GroupVersionResource', {
  group: STRING,
  version: STRING,
  resource: STRING,
});
const REQUEST = declaredObject('kubernetes.AdmissionRequest', {
  kind: kindType, resource: resourceType, subResource: STRING, requestKind: kindType, requestResource: resourceType,
  requestSubResource: STRING, name: STRING, namespace: STRING, operation: STRING, dryRun: BOOL, options: DYN,
  userInfo: declaredObject('kubernetes.UserInfo', { username: STRING, uid: STRING, groups: STRINGS, extra: declaredMap(STRING, STRINGS) }),
}); // prettier-ignore
const CONDITION = declaredObject('kubernetes.NamespaceCondition', {
  status: STRING, type: STRING, lastTransitionTime: TIMESTAMP, message: STRING, reason: STRING,
}); // prettier-ignore
const NAMESPACE = declaredObject('kubernetes.Namespace', {
  metadata: declaredObject('kubernetes.NamespaceMetadata', {
    name: STRING, generateName: STRING, namespace: STRING, labels: STRING_MAP, annotations: STRING_MAP, UID: STRING,
    creationTimestamp: TIMESTAMP, deletionGracePeriodSeconds: INT, deletionTimestamp: TIMESTAMP, generation: INT,
    resourceVersion: STRING, finalizers: STRINGS,
  }),
  spec: declaredObject('kubernetes.NamespaceSpec', { finalizers: STRINGS }),
  status: declaredObject('kubernetes.NamespaceStatus', { conditions: declaredList(CONDITION), phase: STRING }),
}); // prettier-ignore
const AUTHORIZER = { authorizer: declaredAs({ kind: 'object', name: 'kubernetes.authorization.Authorizer' }) };
const AUTHORIZERS = {
  ...AUTHORIZER,
  'authorizer.requestResource': declaredAs({ kind: 'object', name: 'kubernetes.authorization.ResourceCheck' }),
};
const JSON_PATCH = declaredObject('JSONPatch', { op: STRING, path: STRING, from: STRING, value: DYN });
/** `Object` and what lies within, `Object.spec`, may be made of any fields. */
const patchType = (name: string): CelDeclared | undefined =>
  name === 'Object' || name.startsWith('Object.') ? declaredDynamic(name, DYN) : undefined;

/** The types of the variables declared so far, by name. Environments see those that are declared later too. */
export class VariableTypes {
  readonly #fields = new Map<string, CelField>();
  readonly declared: CelDeclared = { ...declaredObject('kubernetes.variables', {}), fields: this.#fields };
  declare(name: string, type: CelType): void {
    this.#fields.set(name, { name, declared: declaredAs(type) });
  }
}
export interface Speaks {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** `Object{}` and `JSONPatch{}` may be made. */
  readonly patches?: boolean;
  readonly variables?: VariableTypes | undefined;
}
/** What is known of the kinds that a policy is for and of its parameters; undefined: nothing. */
interface Typed {
  readonly object: CelDeclared | undefined;
  readonly params: CelDeclared | undefined;
}
/** The environment of expressions about a request. */
function admissionEnvironment({ params, authorizer, patches = false, variables }: Speaks, typed?: Typed): CelEnvironment {
  const object = typed?.object ?? DYN;
  return celEnvironment({
    variables: {
      object, oldObject: object, namespaceObject: NAMESPACE, request: REQUEST, ...(params && { params: typed?.params ?? DYN }),
      ...(authorizer && (typed ? AUTHORIZER : AUTHORIZERS)),
      ...(variables && { variables: variables.declared }),
    },
    ...(patches && {
      types: [JSON_PATCH],
      typeByName: patchType,
      functions: declareFunctions('jsonpatch.escapeKey string_jsonpatch_escapeKey_string (string) string'),
    }),
  });
} // prettier-ignore
type Environments = Map<string, CelEnvironment>;
const withoutVariables: Environments = new Map();
const withVariables = new WeakMap<VariableTypes, Environments>();
function environmentOf(speaks: Speaks): CelEnvironment {
  const known = speaks.variables ? (withVariables.get(speaks.variables) ?? new Map<string, CelEnvironment>()) : withoutVariables;
  if (speaks.variables) withVariables.set(speaks.variables, known);
  const key = `${speaks.params} ${speaks.authorizer} ${speaks.patches}`;
  let environment = known.get(key);
  if (!environment) known.set(key, (environment = admissionEnvironment(speaks)));
  return environment;
} // prettier-ignore

/**
 * What checks expressions by the types of what they speak of: gives the type of an expression, or what is wrong with it.
 * Other than where expressions are validated, `authorizer.requestResource` is not known, and any type may come of them.
 * Source: apiserver pkg/admission/plugin/policy/validating/typechecking.go buildEnvSet.
 */
export function typeChecker(params: boolean, typed: Typed, named: readonly { readonly name: string; readonly expression: string }[]) {
  const variables = new VariableTypes();
  const environment = admissionEnvironment({ params, authorizer: true, variables }, typed);
  const check = (source: string): CelType | string => {
    try {
      return compile(source, environment).type;
    } catch (error) {
      if (!(error instanceof CelCompileError)) throw error;
      return error.message;
    }
  };
  for (const { name, expression } of named) {
    const type = check(expression);
    variables.declare(name, typeof type === 'string' ? DYN.type : variableType(type));
  }
  return check;
} // prettier-ignore

/** `isInternal`: said as if the server had failed. */
interface Problem {
  readonly problem: string;
  readonly isInternal?: boolean;
}
/** What is wrong with an expression; else what runs. `gives`: one of these; any if there are none. */
export function* compiled(source: string, speaks: Speaks, gives: readonly CelType[]): Steps<CelProgram | Problem> {
  try {
    const program = yield* compileSteps(source, environmentOf(speaks));
    const { type } = program;
    if (gives.length === 0 || gives.some((one) => sameType(one, type))) {
      const failure = instantiationProblem(program);
      yield;
      return failure === undefined ? program : { problem: `program instantiation failed: ${failure}`, isInternal: true };
    }
    const wanted = gives.map(declaredType).join(' ');
    return { problem: `must evaluate to ${gives.length === 1 ? wanted : `one of [${wanted}]`} but got ${declaredType(type)}` };
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return { problem: `compilation failed: ${error.message}` };
  }
} // prettier-ignore
/** `shown`: what is said to be invalid, where that is not the source itself. */
export function* validateExpression(source: string, speaks: Speaks, gives: readonly CelType[], at: FieldPath, shown = source): SteppedErrors {
  yield* told(yield* compiled(source, speaks, gives), at, shown);
} // prettier-ignore
export function* told(made: CelProgram | Problem, at: FieldPath, shown: string): Errors {
  if ('problem' in made) yield made.isInternal ? internalError(at, made.problem) : invalid(at, shown, made.problem);
}
/** What a later expression sees of a variable. Source: apiserver pkg/admission/plugin/cel/composition.go. */
export function variableType(type: CelType): CelType {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', element: variableType(type.element) };
    case 'map':
      return { kind: 'map', key: variableType(type.key), value: variableType(type.value) };
    case 'optional':
    case 'object':
    case 'type':
    case 'param':
    case 'error':
      return DYN.type;
    default:
      return type;
  }
}
