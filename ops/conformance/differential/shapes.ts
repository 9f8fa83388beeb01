import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A field as `schemas/facts/schema.json` tells of it. */
export interface Shape {
  readonly type?: string;
  readonly format?: string;
  readonly ref?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly fields?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly values?: Shape;
  readonly oneOf?: readonly Shape[];
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly gvks?: readonly { readonly group: string; readonly version: string; readonly kind: string }[];
}

const FACTS = join(import.meta.dirname, '../../../schemas/facts');
const definitions = JSON.parse(readFileSync(join(FACTS, 'schema.json'), 'utf8')) as Record<string, Shape>;
/** Kinds of one's own. */
export const define = (name: string, shape: Shape, resources: readonly Served[]): void => {
  definitions[name] = shape;
  served.push(...resources);
};

/** A served resource, of `schemas/facts/resources.json`. */
export interface Served {
  readonly groupVersion: string;
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}
export const served = JSON.parse(readFileSync(join(FACTS, 'resources.json'), 'utf8')) as Served[];

/** The shape behind a reference, with the name that tells where the same validation is met again. */
export function resolve(shape: Shape, name: string): { readonly shape: Shape; readonly name: string } {
  if (shape.ref === undefined) return { shape, name };
  return { shape: definitions[shape.ref] ?? {}, name: shape.ref };
}
/** The definition of a kind; undefined of one that has none. */
export function definitionOf(apiVersion: string, kind: string): string | undefined {
  const [version, group = ''] = apiVersion.split('/').reverse();
  return Object.keys(definitions).find((name) =>
    definitions[name]!.gvks?.some((g) => g.kind === kind && g.version === version && g.group === group),
  );
}
