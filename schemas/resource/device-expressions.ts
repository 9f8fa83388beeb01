import {
  CelCompileError, celEnvironment, compile, declaredAs, declaredMap, declaredObject, declaredType, partOf, type CelDeclared,
} from '../cel/index.ts'; // prettier-ignore
import type { Errors } from '../define.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';

/** What expressions that select devices speak of. Source: dynamic-resource-allocation cel/compile.go. */
export const MAX_COST = 1_000_000n;
const MAX_PER_DEVICE = 32;
const sized = (kind: 'string' | 'bool' | 'any', maxElements: number): CelDeclared => ({
  ...declaredAs({ kind }),
  maxElements,
});
const ID = sized('string', 32);
const DOMAIN = sized('string', 63);
const ATTRIBUTE = sized('any', 64);
const mapOf = (key: CelDeclared, element: CelDeclared): CelDeclared => ({
  ...declaredMap(key, element),
  maxElements: MAX_PER_DEVICE,
});
const DEVICE = declaredObject('kubernetes.DRADevice', {
  driver: sized('string', 63),
  allowMultipleAllocations: sized('bool', 1),
  attributes: mapOf(DOMAIN, mapOf(ID, ATTRIBUTE)),
  capacity: mapOf(DOMAIN, mapOf(ID, declaredAs({ kind: 'object', name: 'kubernetes.Quantity' }))),
}); // prettier-ignore
/** Attributes are all of a size, whatever they are called. */
function sizeOf([variable, ...rest]: readonly string[]): number | undefined {
  let at: CelDeclared | undefined = variable === 'device' ? DEVICE : undefined;
  for (const name of rest) at = at && (partOf(at, name) ?? (at.element === ATTRIBUTE ? ATTRIBUTE : undefined));
  return at && (at.maxElements ?? 0);
}
export const deviceEnvironment = celEnvironment({ variables: { device: DEVICE }, sizes: sizeOf, binds: true });

export function* deviceExpression(source: string, at: FieldPath): Errors {
  try {
    const program = compile(source, deviceEnvironment);
    const { kind } = program.type;
    if (kind !== 'bool' && kind !== 'any')
      yield invalid(at, source, `must evaluate to bool or the unknown type, not ${declaredType(program.type)}`);
    else if (program.estimateCost().max > MAX_COST) yield forbidden(at, 'too complex, exceeds cost limit');
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    yield invalid(at, source, `compilation failed: ${error.message}`);
  }
}
