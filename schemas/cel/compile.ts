import type { CelExpr } from './ast.ts';
import type { CelEnvironment } from './environment.ts';
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
  /** What evaluating it may cost, in units of cel-go's, by the sizes that the environment declares. */
  estimateCost(): { readonly min: number; readonly max: number };
}
/** An expression that is none. The message is what the API server prints: `compilation failed: ERROR: <input>:1:1: ...`. */
export class CelCompileError extends Error {}
