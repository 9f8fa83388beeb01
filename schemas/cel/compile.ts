import { atOnce, type Steps } from '../helpers/steps.ts';
import type { CelExpr } from './ast.ts';
import { literalIssues } from './check-literals.ts';
import { TypesTooLarge } from './check-types.ts';
import { check } from './check.ts';
import { estimateCost } from './cost-estimate.ts';
import type { CelEnvironment } from './environment.ts';
import { tokens } from './lexer.ts';
import { showIssues, type Issue } from './messages.ts';
import { parse } from './parse.ts';
import { syntaxIssues } from './syntax-errors.ts';
import { MOST_SYNTAX_ERRORS } from './syntax-recovery.ts';
import { NotGrammatical, TooLarge } from './token-reader.ts';
import type { CelType } from './types.ts';

/** An expression that is sound. Immutable; evaluate() runs it any number of times. */
export interface CelProgram {
  readonly source: string;
  readonly environment: CelEnvironment;
  /** Checked: every node has its type, every call its overloads. */
  readonly expr: CelExpr;
  readonly type: CelType;
  /** The environment's variables that it uses. */
  readonly uses: ReadonlySet<string>;
  /** What evaluating it may cost, in cel-go's units, by the sizes that the environment declares; 2^64 - 1 is unbounded. */
  estimateCost(): { readonly min: bigint; readonly max: bigint };
}
/** An expression that is none. The message is cel-go's: `ERROR: <input>:1:1: ...`, a line and a mark, for each that is wrong. */
export class CelCompileError extends Error {}

/** Longer sources, in code points, are refused unread. */
const LONGEST = 100_000;

/** Checks a source. Throws CelCompileError. Source: cel-go cel/env.go Compile. */
export const compile = (source: string, environment: CelEnvironment): CelProgram =>
  atOnce(compileSteps(source, environment));
/** The same in steps, as the longest sources take some hundred milliseconds. */
export function* compileSteps(source: string, environment: CelEnvironment): Steps<CelProgram> {
  const expr = yield* read(source, environment.binds);
  yield;
  try {
    const { issues, uses } = check(expr, environment);
    refuse(source, issues);
    yield;
    refuse(source, literalIssues(expr));
    yield;
    return { source, environment, expr, type: expr.type!, uses, estimateCost: () => estimateCost(expr, environment) };
  } catch (error) {
    if (!(error instanceof TypesTooLarge)) throw error;
    throw new CelCompileError(
      showIssues(source, [{ at: undefined, message: 'types of the expression are too large' }]),
    );
  }
}
function* read(source: string, binds: boolean): Steps<CelExpr> {
  const size = source.length > LONGEST ? [...source].length : source.length;
  if (size > LONGEST) {
    const message = `expression code point size exceeds limit: size: ${size}, limit ${LONGEST}`;
    throw new CelCompileError(showIssues(source, [{ at: undefined, message }]));
  }
  const { tokens: read, problems, readable } = tokens(source);
  yield;
  try {
    const { expr, issues } = parse(read, binds);
    refuse(source, [...problems, ...issues]);
    return expr;
  } catch (error) {
    if (error instanceof TooLarge) {
      const before = problems.filter(({ at }) => (at ?? 0) <= error.at);
      throw new CelCompileError(showIssues(source, [{ at: undefined, message: error.message }, ...before]));
    }
    if (!(error instanceof NotGrammatical)) throw error;
    const issues = [...problems, ...syntaxIssues(readable, read)].toSorted((a, b) => (a.at ?? -1) - (b.at ?? -1));
    throw new CelCompileError(showIssues(source, issues.slice(0, MOST_SYNTAX_ERRORS + 1)));
  }
}
function refuse(source: string, issues: readonly Issue[]): void {
  if (issues.length > 0) throw new CelCompileError(showIssues(source, issues));
}
