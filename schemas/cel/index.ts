/**
 * CEL as the API server speaks it: what compiles, what it may cost, what it gives.
 *
 * compile(source, environment) checks a source and gives a program, or throws a CelCompileError whose message is cel-go's.
 * evaluate() runs a program.
 */
export type { CelExpr } from './ast.ts';
export type { CelDeclared, CelField } from './declared.ts';
export type { CelType } from './types.ts';
export { celEnvironment, type CelEnvironment } from './environment.ts';
export { CelCompileError, compile, type CelProgram } from './compile.ts';
export { declaredBySchema } from './schema-declared.ts';
