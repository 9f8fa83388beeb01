/**
 * One policy that changes objects, compiled. Loaded with the first policy.
 * Source: apiserver pkg/admission/plugin/policy/mutating (compilation.go, patch/smd.go, patch/json_patch.go).
 */
import { CelList, CelMap, type CelValue } from '../../../../schemas/cel/index.ts';
import type { MutatingAdmissionPolicy } from '../../../../schemas/generated/admissionregistration-v1.ts';
import { apiVersionOf, type DynamicObject } from '../../../../schemas/meta/object.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import { applyJsonPatch } from '../../../../schemas/patch/json-patch.ts';
import { jsonPatchFailure } from '../../../../schemas/patch/json-patch-failure.ts';
import { mergeConfiguration } from '../../../../schemas/patch/managed-fields/index.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { builtinSchemas } from '../../../../schemas/structural/builtin.ts';
import { jsonOf } from '../dynamic/cel-json.ts';
import type { Steps } from '../../../../schemas/helpers/steps.ts';
import { GIVES } from '../../../../schemas/admissionregistration/expressions.ts';
import { compileConditions, conditionsHold } from '../dynamic/conditions.ts';
import { Compiler, Evaluation, type Bindings, type Expression } from '../dynamic/expressions.ts';
import { kindOf, schemaSeen } from '../dynamic/versioned.ts';

/** Source: apiserver pkg/apis/cel/config.go. */
const BUDGET = 10_000_000;

export class Mutator {
  private readonly ignores: boolean;
  private readonly variables: ReadonlyMap<string, Expression>;
  private readonly conditions: readonly Expression[];
  readonly mutations: readonly { readonly isPatch: boolean; readonly expression: Expression }[];
  private constructor(ignores: boolean, variables: ReadonlyMap<string, Expression>, conditions: readonly Expression[], mutations: Mutator['mutations']) {
    this.ignores = ignores;
    this.variables = variables;
    this.conditions = conditions;
    this.mutations = mutations;
  } // prettier-ignore
  static *of({ spec = {} }: Pick<MutatingAdmissionPolicy, 'spec'>): Steps<Mutator> {
    const compiler = new Compiler({ params: spec.paramKind !== undefined, variables: true });
    yield* compiler.declare(spec.variables);
    const conditions = yield* compileConditions(compiler, spec.matchConditions);
    const mutations: Mutator['mutations'][number][] = [];
    for (const { patchType, jsonPatch, applyConfiguration } of spec.mutations ?? []) {
      const isPatch = patchType === 'JSONPatch';
      const source = (isPatch ? jsonPatch?.expression : applyConfiguration?.expression) ?? '';
      const gives = isPatch ? GIVES.patches : GIVES.object;
      mutations.push({ isPatch, expression: yield* compiler.compile(source, gives, { patches: true }) });
    }
    return new Mutator(spec.failurePolicy === 'Ignore', compiler.variables, conditions, mutations);
  }
  holds(bindings: Bindings): ReturnType<typeof conditionsHold> {
    return conditionsHold(this.conditions, this.variables, bindings, this.ignores);
  }
  /** What one of the mutations makes of the object, not decoded yet. Throws Error with what is wrong. */
  async apply(index: number, bindings: Bindings, as: Resource): Promise<unknown> {
    const { isPatch, expression } = this.mutations[index]!;
    const object = bindings.object!;
    if (expression.error !== undefined) throw new Error(expression.error);
    const result = await new Evaluation(this.variables, bindings, BUDGET).run(expression);
    if ('error' in result) throw new Error(result.error);
    return isPatch ? patched(object, result.value) : merged(bindings, object, result.value, as);
  }
}
function merged({ a }: Bindings, object: DynamicObject, value: CelValue, as: Resource): unknown {
  checkNames(value, [typeOf(value)]);
  const { group, version, kind } = kindOf(a, as);
  const config = { ...(jsonOf(value) as object), apiVersion: apiVersionOf({ group, version }), kind };
  try {
    return mergeConfiguration({ live: object, config, schema: schemaSeen(a, as), set: builtinSchemas });
  } catch (error) {
    throw new Error(`error applying patch: ${(error as Error).message}`, { cause: error });
  }
}
function patched(object: DynamicObject, value: CelValue): unknown {
  const ops = [...(value as CelList)].map(operation);
  try {
    return applyJsonPatch(object, ops);
  } catch (error) {
    const why = jsonPatchFailure(object, ops) ?? (error as Error).message;
    // Where a test fails nothing is to be done.
    if (why.endsWith(': test failed')) return object;
    throw new Error(`JSON Patch: ${why}`, { cause: error });
  }
}
function operation(value: CelValue): object {
  const of = value as CelMap;
  const text = (name: string): string => {
    const given = of.find(name);
    return typeof given === 'string' ? given : '';
  };
  const given = of.find('value');
  if (given instanceof CelMap && typeOf(given) !== 'map') checkNames(given, [typeOf(given)]);
  return {
    op: text('op'),
    path: text('path'),
    ...(text('from') !== '' && { from: text('from') }),
    ...(given !== undefined && { value: asJson(given) }),
  };
}
function asJson(value: CelValue): unknown {
  try {
    return jsonOf(value);
  } catch (error) {
    throw new Error(`JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${(error as Error).message}`, { cause: error });
  }
} // prettier-ignore
const typeOf = (value: CelValue): string => (value instanceof CelMap ? value.typeName : '');
/** Objects are named after the fields in which they stand. Throws Error. Source: apiserver pkg/cel/mutation/dynamic. */
function checkNames(value: CelValue, path: readonly string[]): void {
  const problems = [...misnamed(value, path)];
  if (problems.length > 0) throw new Error(`type mismatch: ${problems.join('\n')}`);
}
function* misnamed(value: CelValue, path: readonly string[]): Generator<string> {
  if (value instanceof CelList) for (const item of value) yield* misnamed(item, path);
  if (!(value instanceof CelMap)) return;
  const name = value.typeName;
  const isObject = name === 'Object' || name.startsWith('Object.');
  if (isObject && name !== path.join('.'))
    yield `unexpected type name ${goQuote(name)}, expected ${goQuote(path.join('.'))}, which matches field name path from root Object type`;
  for (const key of value.keys()) yield* misnamed(value.find(key) ?? null, isObject ? [...path, String(key)] : path);
}
