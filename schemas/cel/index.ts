/**
 * CEL as the API server speaks it: what compiles, what it may cost, what it gives.
 *
 * compile(source, environment) checks a source and gives a program, or throws a CelCompileError whose message is cel-go's.
 * evaluate() runs a program.
 */
export type { CelDeclared, CelField } from './declared.ts';
export * from './declare.ts';
export { declare as declareFunctions } from './declarations.ts';
export { declaredType, sameType, type CelType } from './types.ts';
export { celEnvironment, partOf, sizesWithin, type CelEnvironment } from './environment.ts';
export { CelCompileError, compile, compileSteps, type CelProgram } from './compile.ts';
export { declaredBySchema } from './schema-declared.ts';
export { CEL_PER_CALL_LIMIT, CEL_RUNTIME_BUDGET, evaluate, evaluateWaiting, instantiationProblem } from './eval.ts';
export type { CelActivation } from './eval-frame.ts';
export { CelEntries, CelError, CelList, CelMap, CelOptional, typeNameOf, type CelValue } from './values.ts';
export { celDynamic, celValue } from './values-object.ts';
export { CelAuthorizer, CelResourceCheck } from './libraries/authz.ts';
export { readQuantity } from './libraries/quantity.ts';
export { readVersion } from './libraries/semver.ts';
