import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceSubresources,
  CustomResourceValidation,
  SelectableField,
} from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';

/** What a version has of its own, or all of them share. */
export interface Parts {
  readonly schema?: CustomResourceValidation | undefined;
  readonly subresources?: CustomResourceSubresources | undefined;
  readonly columns?: readonly CustomResourceColumnDefinition[] | undefined;
  readonly selectableFields?: readonly SelectableField[] | undefined;
}
export interface InternalVersion extends Parts {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated: boolean;
  readonly deprecationWarning?: string | undefined;
}
/** The form that is checked: what all versions have alike stands once, and errors name it there (`spec.validation`). */
export interface InternalSpec {
  readonly shared: Parts;
  readonly versions: readonly InternalVersion[];
}
const isNone = (part: Parts[keyof Parts]): boolean => part === undefined || (Array.isArray(part) && part.length === 0);
const PARTS = ['schema', 'subresources', 'columns', 'selectableFields'] as const;

/** Source: apiextensions/v1 conversion of CustomResourceDefinitionSpec. */
export function internalSpec(spec: CustomResourceDefinitionSpec): InternalSpec {
  const versions = (spec.versions ?? []).map((v) => ({
    name: v.name ?? '', served: v.served ?? false, storage: v.storage ?? false, deprecated: v.deprecated ?? false,
    deprecationWarning: v.deprecationWarning,
    schema: v.schema,
    subresources: v.subresources,
    columns: v.additionalPrinterColumns,
    selectableFields: v.selectableFields,
  })); // prettier-ignore
  const isShared = (part: (typeof PARTS)[number]): boolean =>
    versions.length > 0 && !isNone(versions[0]![part]) && versions.every((v) => equal(v[part], versions[0]![part]));
  const sharedParts = PARTS.filter(isShared);
  return {
    shared: Object.fromEntries(sharedParts.map((part) => [part, versions[0]![part]])),
    versions: versions.map((v) => ({ ...v, ...Object.fromEntries(sharedParts.map((part) => [part, undefined])) })),
  };
}
