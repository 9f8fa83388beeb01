/**
 * Expressions about a request. Loaded when the first policy or match condition is met: nothing else needs CEL.
 * Source: apiserver pkg/admission/plugin/cel (compile.go, activation.go, composition.go).
 */
import {
  celDynamic, CelAuthorizer, CelCompileError, CelError, CelMap, CelResourceCheck, compile, CEL_PER_CALL_LIMIT, evaluate, evaluateWaiting,
  instantiationProblem, type CelActivation, type CelEnvironment, type CelProgram, type CelType, type CelValue,
} from '../../../../schemas/cel/index.ts'; // prettier-ignore
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { AdmissionAttributes, Authorizer } from '../../request.ts';
import { admissionEnvironment, type Speaks } from './environments.ts';

/** A source that was looked at: a program, or what is wrong with it. */
export interface Expression {
  readonly source: string;
  readonly program?: CelProgram;
  /** `compilation failed: ERROR: ...`. */
  readonly error?: string;
}
type Returns = readonly CelType[];
export const BOOL: Returns = [{ kind: 'bool' }];
export const STRING: Returns = [{ kind: 'string' }];
export const STRING_OR_NULL: Returns = [{ kind: 'string' }, { kind: 'null' }];
export const OBJECT: Returns = [{ kind: 'object', name: 'Object' }];
export const PATCHES: Returns = [{ kind: 'list', element: { kind: 'object', name: 'JSONPatch' } }];

/** As Go prints a type of cel-go. */
function show(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${show(type.element)})`;
    case 'map':
      return `map(${show(type.key)}, ${show(type.value)})`;
    case 'optional':
      return `optional_type(${show(type.value)})`;
    case 'object':
    case 'param':
      return type.name;
    case 'null':
      return 'null_type';
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    default:
      return type.kind;
  }
}
function compileIn(environment: CelEnvironment, source: string, returns: Returns | undefined): Expression {
  let program: CelProgram;
  try {
    program = compile(source, environment);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return { source, error: `compilation failed: ${error.message}` };
  }
  if (returns !== undefined && !returns.some((type) => show(type) === show(program.type))) {
    const wanted = returns.length === 1 ? show(returns[0]!) : `one of [${returns.map(show).join(' ')}]`;
    return { source, error: `must evaluate to ${wanted} but got ${show(program.type)}` };
  }
  const problem = instantiationProblem(program);
  return problem === undefined ? { source, program } : { source, error: `program instantiation failed: ${problem}` };
}

/** Compiles the expressions of one policy, whose variables each may use those before it. */
export class Compiler {
  readonly variables = new Map<string, Expression>();
  private readonly types = new Map<string, CelType>();
  private readonly environments = new Map<string, CelEnvironment>();
  private readonly hasParams: boolean;
  private readonly hasVariables: boolean;
  constructor(of: { readonly hasParams: boolean; readonly variables?: readonly { name?: string; expression?: string }[] | undefined }) {
    this.hasParams = of.hasParams;
    this.hasVariables = of.variables !== undefined;
    for (const { name = '', expression = '' } of of.variables ?? []) {
      const compiled = this.compile(expression, undefined);
      this.variables.set(name, compiled);
      this.types.set(name, compiled.program?.type ?? { kind: 'dyn' });
      this.environments.clear();
    }
  }
  compile(source: string, returns: Returns | undefined, more: Partial<Speaks> = {}): Expression {
    const speaks: Speaks = { hasParams: this.hasParams, hasAuthorizer: true, ...more };
    const key = JSON.stringify(speaks);
    let environment = this.environments.get(key);
    if (environment === undefined) {
      environment = admissionEnvironment(speaks, this.hasVariables ? this.types : undefined);
      this.environments.set(key, environment);
    }
    return compileIn(environment, source, returns);
  }
} // prettier-ignore

/** What the variables of one evaluation stand for. */
export interface Bindings {
  readonly object: DynamicObject | undefined;
  readonly old: DynamicObject | undefined;
  readonly request: object;
  readonly params: object | undefined;
  readonly namespace: object | undefined;
  readonly authorizer: CelAuthorizer;
  readonly a: AdmissionAttributes;
}
/** One for one request: it remembers answers. */
export const authorizerOf = (a: AdmissionAttributes, authorizer: Authorizer): CelAuthorizer =>
  new CelAuthorizer(a.user, async ({ user, verb, path, resource }) => {
    const info = {
      isResource: resource !== undefined, path: path ?? '', verb, group: '', version: '*', resource: '', subresource: '', namespace: '', name: '',
      ...resource,
    };
    try {
      const { allowed, reason } = await authorizer.authorize(user, info);
      return { allowed: allowed === 'yes', reason };
    } catch (error) {
      return { allowed: false, reason: '', error: (error as Error).message };
    }
  }); // prettier-ignore

/** Ends all evaluation of a request's policy: there is no more to spend. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}
export type Result = { readonly value: CelValue } | { readonly error: string };

/** Evaluates the expressions of one part of a policy, one after another; variables are evaluated once, when first used. */
export class Evaluation {
  left: number;
  private readonly names: Map<string, CelValue | undefined>;
  private readonly lazy: LazyVariables;
  constructor(variables: ReadonlyMap<string, Expression>, bindings: Bindings, budget: number) {
    this.left = budget;
    const { a, authorizer } = bindings;
    this.names = new Map<string, CelValue | undefined>([
      ['object', celDynamic(bindings.object ?? null)],
      ['oldObject', celDynamic(bindings.old ?? null)],
      ['request', celDynamic(bindings.request)],
      ['params', celDynamic(bindings.params ?? null)],
      ['namespaceObject', celDynamic(bindings.namespace ?? null)],
      ['authorizer', authorizer],
      ['authorizer.requestResource', new CelResourceCheck(authorizer, {
        group: a.resource.group, resource: a.resource.resource, subresource: a.subresource?.name ?? '', namespace: a.namespace, name: a.name,
      })],
    ]); // prettier-ignore
    this.lazy = new LazyVariables(variables, this.names);
    this.names.set('variables', this.lazy);
  }
  /** Throws OutOfBudget. */
  async run(expression: Expression): Promise<Result> {
    const { program, source } = expression;
    if (program === undefined) return { error: `compilation error: ${expression.error ?? ''}` };
    const { value, cost } = await evaluateWaiting(program, this.names as CelActivation, CEL_PER_CALL_LIMIT);
    this.left -= this.lazy.spent();
    if (this.left < 0 || cost > this.left) throw new OutOfBudget();
    this.left -= cost;
    if (value instanceof CelError) return { error: `expression '${source}' resulted in error: ${value.message}` };
    return { value };
  }
}
/** `variables`. */
class LazyVariables extends CelMap {
  private readonly known = new Map<string, CelValue>();
  private readonly expressions: ReadonlyMap<string, Expression>;
  private readonly activation: CelActivation;
  private cost = 0;
  constructor(expressions: ReadonlyMap<string, Expression>, activation: ReadonlyMap<string, CelValue | undefined>) {
    super();
    this.expressions = expressions;
    this.activation = activation;
  }
  override get typeName(): string {
    return 'kubernetes.variables';
  }
  /** Since it was asked last. */
  spent(): number {
    const { cost } = this;
    this.cost = 0;
    return cost;
  }
  get size(): number {
    return this.expressions.size;
  }
  keys(): Iterable<CelValue> {
    return this.expressions.keys();
  }
  find(key: CelValue): CelValue | undefined {
    const expression = typeof key === 'string' ? this.expressions.get(key) : undefined;
    if (typeof key !== 'string' || expression === undefined) return undefined;
    let value = this.known.get(key);
    if (value === undefined) this.known.set(key, (value = this.evaluated(key, expression)));
    return value;
  }
  private evaluated(name: string, { program, error }: Expression): CelValue {
    if (program === undefined) return new CelError(`composited variable ${JSON.stringify(name)} fails to compile: ${error ?? ''}`);
    const { value, cost } = evaluate(program, this.activation, CEL_PER_CALL_LIMIT);
    this.cost += cost;
    return value instanceof CelError
      ? new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${value.message}`)
      : value;
  } // prettier-ignore
}
