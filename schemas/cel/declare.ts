import type { CelDeclared, CelField } from './declared.ts';
import { listOf, mapOf, objectOf, type CelType } from './types.ts';

/** Declarations of what no schema describes: variables of the API server's own making. */
export const declaredAs = (type: CelType): CelDeclared => ({ type, minSize: 1 });
export const declaredList = (element: CelDeclared): CelDeclared => ({
  type: listOf(element.type),
  minSize: 2,
  element,
});
export const declaredMap = (key: CelDeclared, element: CelDeclared): CelDeclared => ({
  type: mapOf(key.type, element.type),
  minSize: 2,
  key,
  element,
});
export const declaredObject = (name: string, fields: Readonly<Record<string, CelDeclared>>): CelDeclared => ({
  type: objectOf(name),
  minSize: 2,
  fields: new Map(
    Object.entries(fields).map(([field, declared]): [string, CelField] => [field, { name: field, declared }]),
  ),
});
/** An object whose fields are whatever they are said to be. */
export const declaredDynamic = (name: string, field: CelDeclared): CelDeclared => ({
  type: objectOf(name),
  minSize: 2,
  fields: new AnyFields(field),
});
class AnyFields extends Map<string, CelField> {
  readonly #declared: CelDeclared;

  constructor(declared: CelDeclared) {
    super();
    this.#declared = declared;
  }
  override get(name: string): CelField {
    return { name, declared: this.#declared };
  }
}
