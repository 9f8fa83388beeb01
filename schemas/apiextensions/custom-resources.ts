import { createHash } from 'node:crypto';
import type { CustomVersions, ResourceDefinition } from '../define.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
} from '../generated/apiextensions-v1.ts';
import { parseJsonPath } from '../helpers/json-path.ts';
import { createPool, type Pool } from '../helpers/pool.ts';
import { inSteps, type GiveWay } from '../helpers/steps.ts';
import { equal } from '../meta/equal.ts';
import type { DynamicObject, KubeObject } from '../meta/object.ts';
import { compareVersions } from '../meta/versions.ts';
import { qualifiedName } from '../meta/names.ts';
import type { Resource, Subresource } from '../resource.ts';
import { customTable } from './custom-cells.ts';
import { readCustom } from './custom-object.ts';
import type { FieldSchema } from '../structural/schema.ts';
import { customVersions, type Convert, type Schemas } from './custom-versions.ts';
import { customProblems, customStatusProblems, isRuled, withRules } from './custom-rules.ts';
import { fieldSchema } from './field-schema.ts';
import { isConditionTrue } from './naming.ts';
import type { RuleFindings } from './rule-evaluation.ts';
import { loadRules, rules } from './rule-loading.ts';

const VERBS: ReadonlySet<string> = new Set([
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
]);
const SUB_VERBS: ReadonlySet<string> = new Set(['get', 'patch', 'update']);
const HASH_BYTES = 8;
const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

export interface CustomOptions {
  /** What asks the webhook of the definition. */
  readonly convert?: Convert | undefined;
  /** Reads the definition again, as it was given: a thousand of them are not all held in memory. Default: it is held. */
  readonly read?: (() => CustomResourceDefinition) | undefined;
  /** Where what is compiled of it is held while it is used. */
  readonly pool?: Pool | undefined;
}
/** What is compiled of one version when its kind is first used. */
interface VersionParts {
  readonly version: CustomResourceDefinitionVersion;
  readonly schema: JSONSchemaProps;
  readonly fields: FieldSchema;
  readonly table: ReturnType<typeof customTable>;
}
interface Parts {
  readonly schemas: Schemas;
  of(version: string): VersionParts;
}

/** What a definition serves: one resource a version that is served, once its names are accepted. */
export function customResources(crd: CustomResourceDefinition, options: CustomOptions = {}): readonly Resource[] {
  if (!isConditionTrue(crd, 'NamesAccepted') && !isConditionTrue(crd, 'Established')) return [];
  if (!crd.spec.versions.some((v) => v.storage)) return [];
  const served = apart(servedOf(crd));
  const read = options.read ?? always(crd);
  const pool = options.pool ?? createPool();
  const parts = pool.keep(() => partsOf(served, read()));
  const versions = customVersions(served, () => parts().schemas, options.convert);
  return served.versions.map((v) => resourceOf(served, v, parts, versions));
}
/** Not within another function, whose closures would all hold the value. */
const always =
  <T>(value: T) =>
  (): T =>
    value;
/** A copy: texts that were read are often parts of the text that they were read from, and hold all of it. */
const apart = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** What is always held of a definition. */
interface Served {
  readonly group: string;
  readonly namespaced: boolean;
  readonly names: CustomResourceDefinitionNames;
  readonly storage: string;
  readonly isRemote: boolean;
  readonly versions: readonly ServedVersion[];
}
interface ServedVersion {
  readonly name: string;
  readonly subresources: CustomResourceSubresources | undefined;
  readonly selectable: readonly string[];
  readonly hasRules: boolean;
  readonly deprecation: string | undefined;
  readonly digest: string;
}
function servedOf(crd: CustomResourceDefinition): Served {
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
function partsOf(served: Served, crd: CustomResourceDefinition): Parts {
  const schemas = schemasOf(crd);
  const made = new Map<string, VersionParts>();
  const make = (name: string): VersionParts => {
    const version = crd.spec.versions.find((v) => v.name === name)!;
    const { group, names } = served;
    const schema = version.schema?.openAPIV3Schema ?? {};
    return {
      version,
      schema,
      fields: {
        ...fieldSchema({ type: 'object', ...schema }, true),
        gvks: [{ group, version: name, kind: names.kind }],
        read: (value, fromMap) => readCustom(value, schemas, `${group}/${name}`, names.kind, fromMap),
      },
      table: customTable(version.additionalPrinterColumns),
    };
  };
  return {
    schemas,
    of(name) {
      let found = made.get(name);
      if (found === undefined) made.set(name, (found = make(name)));
      return found;
    },
  };
}

function resourceOf(served: Served, version: ServedVersion, parts: () => Parts, versions: CustomVersions): Resource {
  const { group, names, storage } = served;
  const own = (): VersionParts => parts().of(version.name);
  return {
    group,
    version: version.name,
    resource: names.plural,
    kind: names.kind,
    listKind: names.listKind!,
    singular: names.singular!,
    namespaced: served.namespaced,
    verbs: VERBS,
    shortNames: names.shortNames ?? NONE,
    categories: names.categories ?? NONE,
    storageVersionHash: createHash('sha256')
      .update(`${group}/${storage}/${names.kind}`)
      .digest()
      .subarray(0, HASH_BYTES)
      .toString('base64'),
    get schema() {
      return own().fields;
    },
    subresources: subresourcesOf(version, names.kind),
    get columns() {
      return own().table.columns;
    },
    definition: definitionOf(served, version, own, versions) as unknown as ResourceDefinition,
    deprecation: version.deprecation,
    storagePrefix: `/registry/${group}/${names.plural}/`,
    storageVersion: `${group}/${storage}`,
  };
}
const NONE: readonly string[] = [];
const schemasOf = ({ spec: { group, versions } }: CustomResourceDefinition): Schemas =>
  Object.fromEntries(versions.map((v) => [`${group}/${v.name}`, v.schema?.openAPIV3Schema ?? {}]));
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
function subresourcesOf({ subresources }: ServedVersion, kind: string): ReadonlyMap<string, Subresource> {
  const out = new Map<string, Subresource>();
  const verbs = SUB_VERBS;
  if (subresources?.status) out.set('status', { name: 'status', kind, verbs });
  if (subresources?.scale)
    out.set('scale', { name: 'scale', kind: 'Scale', verbs, responseGroup: 'autoscaling', responseVersion: 'v1' });
  return out;
}

/** Source: apiextensions-apiserver pkg/registry/customresource strategy.go. */
function definitionOf(
  { group, names }: Served,
  { name, subresources, selectable, hasRules, digest }: ServedVersion,
  own: () => VersionParts,
  versions: CustomVersions,
): ResourceDefinition<DynamicObject> {
  const { kind, plural } = names;
  const hasStatus = subresources?.status !== undefined;
  const scale = subresources?.scale;
  return {
    group,
    version: name,
    resource: plural,
    custom: {
      versions,
      digest,
      get schema() {
        return own().schema;
      },
    },
    cells: (object, now) => own().table.cells(object, now),
    tracksGeneration: true,
    requiresResourceVersionOnUpdate: true,
    prepareForCreate(draft) {
      if (hasStatus) delete draft['status'];
      return draft;
    },
    prepareForUpdate(draft, old) {
      if (!hasStatus) {
        // Here the status is a field like any other.
        if (!equal(draft['status'] ?? null, old['status'] ?? null))
          draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
      } else if (old['status'] === undefined) delete draft['status'];
      else draft['status'] = old['status'];
      return draft;
    },
    ...(hasRules && {
      beforeValidation: (object, giveWay, old) => {
        const find = (): Promise<void> | undefined => findBefore(own().schema, object, old, giveWay);
        const loading = loadRules();
        return loading ? loading.then(find) : find();
      },
      ratcheted: (object) => findings.get(object)?.warnings ?? [],
    }),
    *validate(object, _at, old) {
      const { schema, version } = own();
      yield* withRules(
        [...customProblems(object, kind, version, old)],
        hasRules ? () => checked(schema, object, old).errors : undefined,
      );
    },
    *validateStatusUpdate(object, old) {
      const { schema, version } = own();
      yield* withRules(
        [...customStatusProblems(object, version, old)],
        hasRules ? () => checked(schema, object, old).errors : undefined,
      );
    },
    warnings: (object, old) => finalizerWarnings(object, old),
    unknownField: (field) => `field label not supported: ${field}`,
    ...(selectable.length > 0 && {
      selectableFields: Object.fromEntries(
        selectable.map((jsonPath) => [jsonPath.replace(/^\./, ''), textAt(jsonPath)]),
      ),
    }),
    ...(scale && {
      scale: {
        specReplicas: scale.specReplicasPath.replace(/^\./, ''),
        statusReplicas: scale.statusReplicasPath.replace(/^\./, ''),
        selector: scale.labelSelectorPath ? textAt(scale.labelSelectorPath) : () => '',
      },
    }),
  };
}
/** What has been found of an object, until its warnings are asked for. */
const findings = new WeakMap<object, RuleFindings>();
/** What was found before validation, where it may take turns with others. */
const foundBefore = new WeakMap<object, { readonly old: DynamicObject | undefined; readonly found: RuleFindings }>();
function findBefore(schema: JSONSchemaProps, object: DynamicObject, old: DynamicObject | undefined, giveWay: GiveWay): Promise<void> | undefined {
  const keep = (found: RuleFindings): void => void foundBefore.set(object, { old, found });
  const found = inSteps(rules().ruleSteps(schema, object, old), giveWay);
  if (found instanceof Promise) return found.then(keep);
  keep(found);
  return undefined;
} // prettier-ignore
function checked(schema: JSONSchemaProps, object: DynamicObject, old: DynamicObject | undefined): RuleFindings {
  const before = foundBefore.get(object);
  const found = before?.old === old && before !== undefined ? before.found : rules().ruleFindings(schema, object, old);
  foundBefore.delete(object);
  if (found.warnings.length > 0) findings.set(object, found);
  return found;
}
function textAt(path: string): (object: KubeObject) => string {
  const parsed = parseJsonPath(path);
  return (object) => {
    const value = parsed?.(object)[0];
    return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  };
}
/** Source: apiextensions-apiserver customresource validator.go validateKubeFinalizerName. */
function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const out: string[] = [];
  for (const name of [...(object.metadata.finalizers ?? [])].sort()) {
    if (old?.metadata.finalizers?.includes(name)) continue;
    for (const why of qualifiedName(name)) out.push(`metadata.finalizers: ${JSON.stringify(name)}: ${why}`);
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) continue;
    const path = name.includes('.') ? ' including a path (/)' : '';
    out.push(
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
    );
  }
  return out;
}
