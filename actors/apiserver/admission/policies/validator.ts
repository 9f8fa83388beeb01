/**
 * One policy that may refuse, compiled: what it says of an object. Loaded with the first policy.
 * Source: apiserver pkg/admission/plugin/policy/validating/validator.go.
 */
import type { ValidatingAdmissionPolicy, Validation } from '../../../../schemas/generated/admissionregistration-v1.ts';
import type { Steps } from '../../../../schemas/helpers/steps.ts';
import { GIVES } from '../../../../schemas/admissionregistration/expressions.ts';
import { compileConditions, conditionsHold } from '../dynamic/conditions.ts';
import {
  Compiler,
  Evaluation,
  OutOfBudget,
  type Bindings,
  type Expression,
  type Result,
} from '../dynamic/expressions.ts';

export interface Decision {
  readonly denies: boolean;
  /** It failed; what it denies then is by the failure policy. */
  readonly failed: boolean;
  readonly message: string;
  readonly reason: string;
}
export type Annotation =
  { readonly key: string; readonly value: string } | { readonly key: string; readonly error: string };
export interface Verdict {
  readonly decisions: readonly Decision[];
  readonly annotations: readonly Annotation[];
}
/** Source: apiserver pkg/apis/cel/config.go. */
const BUDGET = 10_000_000;
const MAX_MESSAGE_BYTES = 5 * 1024;

interface Compiled {
  readonly variables: ReadonlyMap<string, Expression>;
  readonly conditions: readonly Expression[];
  readonly validations: readonly { readonly of: Validation; readonly expression: Expression; readonly message: Expression | undefined }[];
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[];
} // prettier-ignore

export class Validator {
  private readonly ignores: boolean;
  private readonly variables: Compiled['variables'];
  private readonly conditions: Compiled['conditions'];
  private readonly validations: Compiled['validations'];
  private readonly annotations: Compiled['annotations'];
  private constructor(ignores: boolean, { variables, conditions, validations, annotations }: Compiled) {
    this.ignores = ignores;
    this.variables = variables;
    this.conditions = conditions;
    this.validations = validations;
    this.annotations = annotations;
  }
  static *of({ spec = {} }: Pick<ValidatingAdmissionPolicy, 'spec'>): Steps<Validator> {
    const compiler = new Compiler({ params: spec.paramKind !== undefined, variables: true });
    yield* compiler.declare(spec.variables);
    const conditions = yield* compileConditions(compiler, spec.matchConditions);
    const validations: Compiled['validations'][number][] = [];
    for (const of of spec.validations ?? []) {
      const expression = yield* compiler.compile(of.expression, GIVES.bool);
      const source = of.messageExpression;
      const message = source ? yield* compiler.compile(source, GIVES.string, { authorizer: false }) : undefined;
      validations.push({ of, expression, message });
    }
    const annotations: Compiled['annotations'][number][] = [];
    for (const { key, valueExpression } of spec.auditAnnotations ?? [])
      annotations.push({ key, expression: yield* compiler.compile(valueExpression, GIVES.stringOrNull) });
    return new Validator(spec.failurePolicy === 'Ignore', { variables: compiler.variables, conditions, validations, annotations });
  } // prettier-ignore
  private failure(message: string): Decision {
    return { denies: !this.ignores, failed: true, message, reason: '' };
  }
  async validate(bindings: Bindings): Promise<Verdict> {
    const held = await conditionsHold(this.conditions, this.variables, bindings, this.ignores);
    if (held === false) return { decisions: [], annotations: [] };
    if (held !== true) return { decisions: [this.failure(held.error)], annotations: [] };
    try {
      return { decisions: await this.decide(bindings), annotations: await this.annotate(bindings) };
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      return { decisions: [this.failure(error.message)], annotations: [] };
    }
  }
  private async decide(bindings: Bindings): Promise<Decision[]> {
    const evaluation = new Evaluation(this.variables, bindings, BUDGET);
    const results: Result[] = [];
    for (const { expression } of this.validations) results.push(await evaluation.run(expression));
    const messages = await this.messages(bindings, evaluation.left);
    return this.validations.map(({ of }, i) => {
      const result = results[i]!;
      if ('error' in result) return this.failure(result.error);
      if (!Array.isArray(messages)) return this.failure(`failed messageExpression: ${messages.error}`);
      if (result.value === true) return { denies: false, failed: false, message: '', reason: '' };
      const message = usable(messages[i]) || (of.message ?? '').trim() || `failed expression: ${of.expression.trim()}`;
      return { denies: true, failed: false, message, reason: of.reason ?? 'Invalid' };
    });
  }
  private async messages(bindings: Bindings, budget: number): Promise<(Result | undefined)[] | { readonly error: string }> {
    if (this.validations.every(({ message }) => message === undefined)) return [];
    const evaluation = new Evaluation(this.variables, bindings, budget);
    try {
      const results: (Result | undefined)[] = [];
      for (const { message } of this.validations) results.push(message && (await evaluation.run(message)));
      return results;
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      return { error: error.message };
    }
  }
  private async annotate(bindings: Bindings): Promise<Annotation[]> {
    const evaluation = new Evaluation(this.variables, bindings, BUDGET);
    const found: Annotation[] = [];
    for (const { key, expression } of this.annotations) {
      const result = await evaluation.run(expression);
      if ('error' in result) {
        if (!this.ignores) found.push({ key, error: result.error });
      } else if (typeof result.value === 'string' && result.value.trim() !== '') found.push({ key, value: result.value.trim() });
    }
    return found;
  }
} // prettier-ignore
/** The text of a message, if it is one that can be shown. */
function usable(result: Result | undefined): string {
  if (result === undefined || 'error' in result || typeof result.value !== 'string') return '';
  const message = result.value.trim();
  return Buffer.byteLength(message) > MAX_MESSAGE_BYTES || message.includes('\n') ? '' : message;
}
