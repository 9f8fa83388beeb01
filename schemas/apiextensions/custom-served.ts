import { createHash } from 'node:crypto';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
} from '../generated/apiextensions-v1.ts';
import { compareVersions } from '../meta/versions.ts';
import { isRuled } from './custom-rules.ts';

/** What is always held of a definition. */
export interface Served {
  readonly group: string;
  readonly namespaced: boolean;
  readonly names: CustomResourceDefinitionNames;
  readonly storage: string;
  readonly isRemote: boolean;
  readonly versions: readonly ServedVersion[];
}
export interface ServedVersion {
  readonly name: string;
  readonly subresources: CustomResourceSubresources | undefined;
  readonly selectable: readonly string[];
  readonly hasRules: boolean;
  readonly deprecation: string | undefined;
  readonly digest: string;
}
function read(crd: CustomResourceDefinition): Served {
  const { group, scope, versions, conversion } = crd.spec;
  const names = crd.status?.acceptedNames?.kind ? crd.status.acceptedNames : crd.spec.names;
  const kind = names.kind;
  return {
    group,
    namespaced: scope === 'Namespaced',
    names: { ...names, plural: names.plural, listKind: names.listKind ?? `${kind}List`, singular: names.singular ?? kind.toLowerCase() },
    storage: versions.find((v) => v.storage)!.name,
    isRemote: conversion?.strategy === 'Webhook',
    versions: versions.filter((v) => v.served).map((v) => ({
      name: v.name,
      subresources: v.subresources,
      selectable: (v.selectableFields ?? []).map(({ jsonPath }) => jsonPath),
      hasRules: isRuled(v.schema?.openAPIV3Schema ?? {}),
      deprecation: deprecationOf(crd, v, kind),
      digest: digestOf(crd, v),
    })),
  };
} // prettier-ignore
/** Tells what is published of a version from anything else, in every server alike; a change of the spec raises the generation. */
function digestOf({ metadata, spec, status }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): string {
  const of = metadata.uid === undefined ? spec : [metadata.uid, metadata.generation];
  return createHash('sha256').update(JSON.stringify([of, version.name, status?.acceptedNames])).digest('base64');
} // prettier-ignore
export const servedOf = (crd: CustomResourceDefinition): Served => apart(read(crd));
/** A copy: texts that were read are often parts of the text that they were read from, and hold all of it. */
const apart = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Source: apiextensions-apiserver customresource_handler.go defaultDeprecationWarning. */
function deprecationOf(
  { spec: { group, versions } }: CustomResourceDefinition,
  { name, deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  kind: string,
): string | undefined {
  if (deprecated !== true) return undefined;
  if (deprecationWarning !== undefined) return deprecationWarning;
  const better = versions
    .filter((v) => v.served && v.deprecated !== true && compareVersions(v.name, name) < 0)
    .map((v) => v.name)
    .sort(compareVersions)[0];
  return `${group}/${name} ${kind} is deprecated${better === undefined ? '' : `; use ${group}/${better} ${kind}`}`;
}
