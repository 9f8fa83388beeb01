import {
  CelCompileError, CelError, CelList, celEnvironment, compile, declaredAs, declaredList, declaredMap, declaredObject, evaluate, instantiationProblem,
  type CelProgram, type CelValue,
} from '../../../../schemas/cel/index.ts'; // prettier-ignore
import { internalError, invalid, type FieldError, type FieldPath } from '../../../../schemas/meta/field.ts';
import type { UserInfo } from '../../request.ts';
import { ClaimsMap } from './values.ts';

/** An expression of an AuthenticationConfiguration that is sound. */
export interface Expression {
  readonly source: string;
  readonly program: CelProgram;
}
const [STRING, ANY] = [declaredAs({ kind: 'string' }), declaredAs({ kind: 'any' })];
const STRINGS = declaredList(STRING);
const ENVIRONMENTS = {
  claims: celEnvironment({ variables: { claims: declaredMap(STRING, ANY) } }),
  user: celEnvironment({
    variables: {
      user: declaredObject('kubernetes.UserInfo', {
        username: STRING, uid: STRING, groups: STRINGS, extra: declaredMap(STRING, STRINGS),
      }),
    },
  }),
}; // prettier-ignore

/** The expression, or what is wrong with it. `isRule`: it is to say yes or no. Source: apiserver pkg/authentication/cel/compile.go. */
export function compiled(
  source: string,
  of: keyof typeof ENVIRONMENTS,
  isRule: boolean,
  at: FieldPath,
): Expression | FieldError {
  try {
    const program = compile(source, ENVIRONMENTS[of]);
    if (isRule && program.type.kind !== 'bool') return invalid(at, source, 'must evaluate to bool');
    const failure = instantiationProblem(program);
    return failure === undefined ? { source, program } : internalError(at, `program instantiation failed: ${failure}`);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return invalid(at, source, `compilation failed: ${error.message}`);
  }
}

export const claimsValue = (claims: Readonly<Record<string, unknown>>): CelValue =>
  new ClaimsMap(claims, 'kubernetes.claims');
export const userValue = ({ name, uid = '', groups, extra = {} }: UserInfo): CelValue =>
  new ClaimsMap({ username: name, uid, groups, extra }, 'kubernetes.UserInfo');

/** What it gives. Throws Error: `expression '...' resulted in error: ...`. */
export function run({ source, program }: Expression, variables: Readonly<Record<string, CelValue>>): CelValue {
  const { value } = evaluate(program, { get: (name) => variables[name] });
  if (value instanceof CelError) throw new Error(`expression '${source}' resulted in error: ${value.message}`);
  return value;
}
/** A string, or a list of them, without those that are empty; undefined for anything else. */
export function stringsOf(value: CelValue): readonly string[] | undefined {
  if (value === null) return [];
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (!(value instanceof CelList)) return undefined;
  const items = [...value];
  return items.every((item) => typeof item === 'string') ? items.filter((item) => item !== '') : undefined;
}

type CelExpr = CelProgram['expr'];
/** Whether `operand.field` stands anywhere in it. Source: apiserver pkg/apis/apiserver/validation hasSelectExp. */
export function selects(expr: CelExpr | undefined, operand: string, field: string): boolean {
  const within = (one: CelExpr | undefined): boolean => selects(one, operand, field);
  const isOperand = (one: CelExpr | undefined): boolean => one?.kind === 'ident' && one.name === operand;
  switch (expr?.kind) {
    case 'select':
      return (isOperand(expr.operand) && expr.field === field) || within(expr.operand);
    case 'call': {
      const [of, name] = expr.args;
      if (expr.name === '_?._' && isOperand(of) && name?.kind === 'literal' && name.value === field) return true;
      return expr.args.some(within) || within(expr.target);
    }
    case 'list':
      return expr.elements.some(within);
    case 'map':
      return expr.entries.some(({ key, value }) => within(key) || within(value));
    case 'struct':
      return expr.entries.some(({ value }) => within(value));
    case 'comprehension':
      return [expr.iterRange, expr.accuInit, expr.loopCondition, expr.loopStep, expr.result].some(within);
    default:
      return false;
  }
}
