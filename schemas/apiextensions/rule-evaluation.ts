import {
  CEL_PER_CALL_LIMIT, CEL_RUNTIME_BUDGET, CelError, CelOptional, celValue, evaluate, type CelProgram, type CelValue,
} from '../cel/index.ts'; // prettier-ignore
import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import {
  duplicate, fieldPath, forbidden, internalError, invalid, invalidOmitted, required, type FieldError, type FieldPath,
} from '../meta/field.ts'; // prettier-ignore
import { goQuote } from '../meta/go-quote.ts';
import { byteLength } from '../meta/names.ts';
import { isObject } from '../structural/custom-values.ts';
import { Correlation, oldItem } from './rule-correlation.ts';
import { rulesOf, type RuleNode, type RuleProgram } from './rule-programs.ts';
import { atOnce, type Steps } from '../helpers/steps.ts';

export interface RuleFindings {
  readonly errors: readonly FieldError[];
  /** What is wrong as it was before: told, but not refused. */
  readonly warnings: readonly string[];
}
const NOTHING: RuleFindings = { errors: [], warnings: [] };
const LONGEST_MESSAGE = 5 * 1024;
const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

const compiled = new WeakMap<JSONSchemaProps, { readonly node: RuleNode | undefined }>();
/**
 * What the rules of a schema (x-kubernetes-validations) say of an object, and on update of what has become of an old one.
 * Programs are made when a schema is first used, and kept as long as it is.
 * Source: apiextensions-apiserver pkg/apiserver/schema/cel/validation.go Validate.
 */
export const ruleFindings = (schema: JSONSchemaProps, object: unknown, old?: unknown): RuleFindings =>
  atOnce(ruleSteps(schema, object, old));
/** The same in steps, between which others may have their turn: none for what is usual. */
export function* ruleSteps(schema: JSONSchemaProps, object: unknown, old?: unknown): Steps<RuleFindings> {
  let known = compiled.get(schema);
  if (known === undefined) {
    known = { node: yield* rulesOf(schema) };
    compiled.set(schema, known);
  }
  if (known.node === undefined) return NOTHING;
  const walk = new Walk();
  const correlation = old === undefined ? undefined : new Correlation(object, old, schema);
  yield* walk.visit(known.node, undefined, object, old, { now: correlation, parent: undefined });
  return walk;
}
/** What one step may cost, in cel-go's units: a few milliseconds. */
const STEP_COST = 20_000;
/** `now`: what the value is compared with; where that is unknown, `parent` is the nearest that is known. */
interface Ratchet {
  readonly now: Correlation | undefined;
  readonly parent: Correlation | undefined;
}
function keyOf(ratchet: Ratchet, name: string): Ratchet {
  const { now, parent } = ratchet;
  if (now === undefined) return ratchet;
  // Old and new are of the same version: a change of these is not seen.
  if (parent === undefined && (name === 'apiVersion' || name === 'kind')) return { now: undefined, parent: undefined };
  return { now: now.key(name), parent: now };
}
const indexOf = (ratchet: Ratchet, index: number): Ratchet =>
  ratchet.now === undefined ? ratchet : { now: ratchet.now.index(index), parent: ratchet.now };

/** A place; undefined is that of the object itself, which Go prints as `<nil>`. */
type Place = FieldPath | undefined;
const atRoot = fieldPath('<nil>');
const child = (at: Place, name: string): FieldPath => (at ? at(name) : fieldPath(name));
const hasOwn = (value: unknown, name: string): value is Readonly<Record<string, unknown>> =>
  isObject(value) && Object.hasOwn(value, name);

class Walk implements RuleFindings {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  private budget = CEL_RUNTIME_BUDGET;
  private ended = false;
  /** What was left of the budget when others had their turn last. */
  private rested = CEL_RUNTIME_BUDGET;

  *visit(node: RuleNode, at: Place, value: unknown, old: unknown, ratchet: Ratchet): Steps<void> {
    if (value === null || value === undefined || this.ended) return;
    if (node.rules.length > 0) yield* this.rules(node, at, value, old ?? undefined, ratchet);
    for (const one of node.allOf) yield* this.visit(one, at, value, old, { now: undefined, parent: ratchet.parent });
    if (this.ended) return;
    if (Array.isArray(value)) yield* this.list(node, at, value, old, ratchet);
    else if (isObject(value)) yield* this.map(node, at, value, old, ratchet);
  }
  private *list(node: RuleNode, at: Place, value: readonly unknown[], old: unknown, ratchet: Ratchet): Steps<void> {
    if (!node.items) return;
    const before = Array.isArray(old) ? old : [];
    for (const [i, item] of value.entries())
      yield* this.visit(
        node.items,
        (at ?? fieldPath())(i),
        item,
        oldItem(node.schema, before, item),
        indexOf(ratchet, i),
      );
  }
  private *map(node: RuleNode, at: Place, value: object, old: unknown, ratchet: Ratchet): Steps<void> {
    const mapType = node.schema['x-kubernetes-map-type'] ?? 'granular';
    const isKnown = mapType === 'granular' || mapType === 'atomic';
    const before = (name: string): unknown => (isKnown && hasOwn(old, name) ? old[name] : undefined);
    for (const [name, one] of Object.entries(value)) {
      const { others } = node;
      if (others) yield* this.visit(others, (at ?? fieldPath()).key(name), one, before(name), keyOf(ratchet, name));
    }
    for (const [name, one] of Object.entries(value)) {
      const property = node.properties.get(name);
      if (property) yield* this.visit(property, child(at, name), one, before(name), keyOf(ratchet, name));
    }
  }
  /** Ends the walk where rules cost more than all of them may. */
  private end(at: Place, node: RuleNode, why: string): void {
    this.errors.push(invalid(at ?? atRoot, node.schema.type ?? '', why));
    this.ended = true;
  }
  private *rules(node: RuleNode, at: Place, value: unknown, old: unknown, ratchet: Ratchet): Steps<void> {
    if (this.budget <= 0) {
      this.end(at, node, OUT_OF_BUDGET);
      return;
    }
    const scope = scopeOf(node, value, old);
    for (const rule of node.rules) {
      if (this.ended) return;
      if (rule.problem !== undefined) this.errors.push(invalid(at ?? atRoot, node.schema.type ?? '', rule.problem));
      else if (rule.program) this.rule(rule, rule.program, node, at, value, old, scope, ratchet);
      if (this.rested - this.budget < STEP_COST) continue;
      this.rested = this.budget;
      yield;
    }
  }
  private rule(
    made: RuleProgram,
    program: CelProgram,
    node: RuleNode,
    at: Place,
    value: unknown,
    old: unknown,
    scope: Scope,
    ratchet: Ratchet,
  ): void {
    const { rule, isTransition } = made;
    if (isTransition && old === undefined && !rule.optionalOldSelf) return;
    const result = evaluate(program, rule.optionalOldSelf ? scope.optional : scope.plain, CEL_PER_CALL_LIMIT);
    if (result.cost > this.budget) {
      this.end(at, node, OUT_OF_BUDGET);
      return;
    }
    this.budget -= result.cost;
    const say = (why: string): unknown => this.errors.push(invalid(at ?? atRoot, node.schema.type ?? '', why));
    if (result.value instanceof CelError) {
      const { message } = result.value;
      const name = nameOf(rule);
      if (message.startsWith('no such overload'))
        say(`'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${name}`);
      else if (result.exceeded)
        this.end(at, node, `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${name}`);
      else say(`${message} evaluating rule: ${name}`);
      return;
    }
    if (result.value === true) return;
    const place = made.place ? child(at, made.place) : (at ?? atRoot);
    const tell = (error: FieldError): void => {
      const isOld = !isTransition && (ratchet.now ?? ratchet.parent)?.same === true;
      if (isOld) this.warnings.push(`${error.field}: ${error.message}`);
      else this.errors.push(error);
    };
    const message = made.message && this.message(made.message, rule, scope);
    if (message && message.ends !== undefined) {
      tell(message.isInternal ? internalError(place, message.ends) : invalid(place, node.schema.type ?? '', message.ends));
      this.ended = true;
      return;
    }
    tell(errorOf(rule, place, value, node.schema.type, message?.text ?? messageOf(rule)));
  } // prettier-ignore
  /** The text of a messageExpression; none when it gives no sound one, and then what the rule itself says stands. */
  private message(
    program: CelProgram,
    rule: ValidationRule,
    scope: Scope,
  ): { readonly text?: string; readonly ends?: string; readonly isInternal?: boolean } {
    const { value, cost, exceeded } = evaluate(program, scope.plain, CEL_PER_CALL_LIMIT);
    if (cost > this.budget)
      return { ends: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' }; // prettier-ignore
    if (exceeded)
      return { ends: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${goQuote(rule.messageExpression ?? '')}` }; // prettier-ignore
    this.budget -= cost;
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' || text.includes('\n') || byteLength(text) > LONGEST_MESSAGE ? {} : { text };
  }
}
interface Scope {
  readonly plain: ReadonlyMap<string, CelValue>;
  readonly optional: ReadonlyMap<string, CelValue>;
}
/** `oldSelf` is there for all rules of a place when one of them asks for it. */
function scopeOf({ declared, rules }: RuleNode, value: unknown, old: unknown): Scope {
  const self = celValue(value, declared);
  const plain = new Map([['self', self]]);
  if (!rules.some(({ isTransition }) => isTransition)) return { plain, optional: plain };
  const before = old === undefined ? undefined : celValue(old, declared);
  if (before !== undefined) plain.set('oldSelf', before);
  return { plain, optional: new Map([['self', self], ['oldSelf', new CelOptional(before)]]) }; // prettier-ignore
}
const nameOf = ({ rule, message }: ValidationRule): string => (message ? message.trim() : rule.trim());
const messageOf = (rule: ValidationRule): string =>
  rule.message ? rule.message.trim() : `failed rule: ${nameOf(rule)}`;
/** Objects and lists are not shown. */
function errorOf(
  rule: ValidationRule,
  at: FieldPath,
  value: unknown,
  type: string | undefined,
  why: string,
): FieldError {
  const isShown = type !== 'object' && type !== 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(at, why);
    case 'FieldValueRequired':
      return required(at, why);
    case 'FieldValueDuplicate':
      return isShown ? duplicate(at, value) : { reason: 'FieldValueDuplicate', field: at.toString(), message: 'Duplicate value' }; // prettier-ignore
    default:
      return isShown ? invalid(at, value, why) : invalidOmitted(at, why);
  }
}
