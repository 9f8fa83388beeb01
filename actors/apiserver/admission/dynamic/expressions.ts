/**
 * Expressions about a request. Loaded when the first policy or match condition is met: nothing else needs CEL.
 * Source: apiserver pkg/admission/plugin/cel (compile.go, activation.go, composition.go).
 */
import {
  celDynamic, CelAuthorizer, CelError, CelMap, CelResourceCheck, CEL_PER_CALL_LIMIT, evaluate, evaluateWaiting,
  type CelActivation, type CelProgram, type CelType, type CelValue,
} from '../../../../schemas/cel/index.ts'; // prettier-ignore
import type { GiveWay, Steps } from '../../../../schemas/helpers/steps.ts';
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { AdmissionAttributes, Authorizer, Decision } from '../../request.ts';
import {
  compiled,
  GIVES,
  variableType,
  VariableTypes,
  type Speaks,
} from '../../../../schemas/admissionregistration/expressions.ts';

/** A source that was looked at: a program, or what is wrong with it. */
export interface Expression {
  readonly source: string;
  readonly program?: CelProgram;
  /** `compilation failed: ERROR: ...`. */
  readonly error?: string;
}
function* compileAs(source: string, speaks: Speaks, gives: readonly CelType[]): Steps<Expression> {
  const made = yield* compiled(source, speaks, gives);
  return 'problem' in made ? { source, error: made.problem } : { source, program: made };
}

/** Compiles the expressions of one policy, whose variables each may use those before it; in steps, as many are long. */
export class Compiler {
  readonly variables = new Map<string, Expression>();
  private readonly speaks: Speaks;
  private readonly types: VariableTypes | undefined;
  constructor(of: { readonly params: boolean; readonly variables?: boolean }) {
    this.types = of.variables ? new VariableTypes() : undefined;
    this.speaks = { params: of.params, authorizer: true, variables: this.types };
  }
  *declare(variables: readonly { name?: string; expression?: string }[] | undefined): Steps<void> {
    for (const { name = '', expression = '' } of variables ?? []) {
      const made = yield* this.compile(expression, GIVES.anything);
      this.variables.set(name, made);
      this.types?.declare(name, variableType(made.program?.type ?? { kind: 'dyn' }));
    }
  }
  compile(source: string, gives: readonly CelType[], more: Partial<Speaks> = {}): Steps<Expression> {
    return compileAs(source, { ...this.speaks, ...more }, gives);
  }
}

/** What the variables of one evaluation stand for. */
export interface Bindings {
  readonly object: DynamicObject | undefined;
  readonly old: DynamicObject | undefined;
  readonly request: object;
  readonly params: object | undefined;
  readonly namespace: object | undefined;
  readonly authorizer: CelAuthorizer;
  /** Between expressions. */
  readonly giveWay: GiveWay;
  readonly a: AdmissionAttributes;
}
/** One for one request: it remembers answers. */
export const authorizerOf = (a: AdmissionAttributes, authorizer: Authorizer): CelAuthorizer =>
  new CelAuthorizer(a.user, ({ user, verb, path, resource }) => {
    const info = {
      isResource: resource !== undefined, path: path ?? '', verb, group: '', version: '*', resource: '', subresource: '', namespace: '', name: '',
      ...resource,
    };
    const told = ({ allowed, reason, error }: Decision) => ({ allowed: allowed === 'yes', reason, ...(error !== undefined && { error }) });
    const decision = authorizer.authorize(user, info);
    return decision instanceof Promise ? decision.then(told) : told(decision);
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
  private readonly giveWay: GiveWay;
  constructor(variables: ReadonlyMap<string, Expression>, bindings: Bindings, budget: number) {
    this.left = budget;
    const { a, authorizer, giveWay } = bindings;
    this.giveWay = giveWay;
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
    const { value, cost } = await evaluateWaiting(program, this.names, CEL_PER_CALL_LIMIT);
    await this.giveWay();
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
