import { createHash } from 'node:crypto';
import type { CustomVersions, ResourceDefinition } from '../define.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '../generated/apiextensions-v1.ts';
import { parseJsonPath } from '../helpers/json-path.ts';
import { equal } from '../meta/equal.ts';
import type { DynamicObject, KubeObject } from '../meta/object.ts';
import { compareVersions } from '../meta/versions.ts';
import { qualifiedName } from '../meta/names.ts';
import type { Resource, Subresource } from '../resource.ts';
import { customTable } from './custom-cells.ts';
import { readCustom } from './custom-object.ts';
import { customVersions, type Convert } from './custom-versions.ts';
import { customProblems, customStatusProblems, isRuled, withRules } from './custom-rules.ts';
import { fieldSchema } from './field-schema.ts';
import { isConditionTrue } from './naming.ts';
import type { RuleFindings } from './rule-evaluation.ts';
import { loadRules, rules } from './rule-loading.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const SUB_VERBS = ['get', 'patch', 'update'];
const HASH_BYTES = 8;
const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** What a definition serves: one resource a version that is served, once its names are accepted. `convert`: what asks its webhook. */
export function customResources(crd: CustomResourceDefinition, convert?: Convert): readonly Resource[] {
  if (!isConditionTrue(crd, 'NamesAccepted') && !isConditionTrue(crd, 'Established')) return [];
  const storage = crd.spec.versions.find((v) => v.storage);
  if (storage === undefined) return [];
  const versions = customVersions(crd, convert);
  return crd.spec.versions.filter((v) => v.served).map((v) => resourceOf(crd, v, storage, versions));
}

function resourceOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  storage: CustomResourceDefinitionVersion,
  versions: CustomVersions,
): Resource {
  const { group, scope } = crd.spec;
  const names = crd.status?.acceptedNames?.kind ? crd.status.acceptedNames : crd.spec.names;
  const { kind, plural } = names;
  const apiVersion = `${group}/${version.name}`;
  const schema = version.schema?.openAPIV3Schema ?? {};
  const table = customTable(version.additionalPrinterColumns);
  return {
    group,
    version: version.name,
    resource: plural,
    kind,
    listKind: names.listKind ?? `${kind}List`,
    singular: names.singular ?? kind.toLowerCase(),
    namespaced: scope === 'Namespaced',
    verbs: new Set(VERBS),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    storageVersionHash: createHash('sha256')
      .update(`${group}/${storage.name}/${kind}`)
      .digest()
      .subarray(0, HASH_BYTES)
      .toString('base64'),
    schema: {
      ...fieldSchema({ type: 'object', ...schema }, true),
      gvks: [{ group, version: version.name, kind }],
      read: (value, fromMap) => readCustom(value, schemasOf(crd), apiVersion, kind, fromMap),
    },
    subresources: subresourcesOf(version, kind),
    columns: table.columns,
    definition: {
      ...definitionOf(crd, version, kind, versions),
      cells: table.cells,
    } as unknown as ResourceDefinition,
    deprecation: deprecationOf(crd, version, kind),
    storagePrefix: `/registry/${group}/${plural}/`,
    storageVersion: `${group}/${storage.name}`,
  };
}
const schemasOf = ({
  spec: { group, versions },
}: CustomResourceDefinition): Readonly<Record<string, JSONSchemaProps>> =>
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
function subresourcesOf(
  { subresources }: CustomResourceDefinitionVersion,
  kind: string,
): ReadonlyMap<string, Subresource> {
  const out = new Map<string, Subresource>();
  const verbs = new Set(SUB_VERBS);
  if (subresources?.status) out.set('status', { name: 'status', kind, verbs });
  if (subresources?.scale)
    out.set('scale', { name: 'scale', kind: 'Scale', verbs, responseGroup: 'autoscaling', responseVersion: 'v1' });
  return out;
}

/** Source: apiextensions-apiserver pkg/registry/customresource strategy.go. */
function definitionOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  kind: string,
  versions: CustomVersions,
): ResourceDefinition<DynamicObject> {
  const hasStatus = version.subresources?.status !== undefined;
  const scale = version.subresources?.scale;
  const hasRules = isRuled(version.schema?.openAPIV3Schema ?? {});
  const selectable = version.selectableFields ?? [];
  const schema = version.schema?.openAPIV3Schema ?? {};
  return {
    group: crd.spec.group,
    version: version.name,
    resource: crd.spec.names.plural,
    custom: { schema, versions },
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
    ...(hasRules && { beforeValidation: loadRules, ratcheted: (object) => findings.get(object)?.warnings ?? [] }),
    *validate(object, _at, old) {
      yield* withRules(
        [...customProblems(object, kind, version, old)],
        hasRules ? () => checked(schema, object, old).errors : undefined,
      );
    },
    *validateStatusUpdate(object, old) {
      yield* withRules(
        [...customStatusProblems(object, version, old)],
        hasRules ? () => checked(schema, object, old).errors : undefined,
      );
    },
    warnings: (object, old) => finalizerWarnings(object, old),
    unknownField: (field) => `field label not supported: ${field}`,
    ...(selectable.length > 0 && {
      selectableFields: Object.fromEntries(
        selectable.map(({ jsonPath }) => [jsonPath.replace(/^\./, ''), textAt(jsonPath)]),
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
function checked(schema: JSONSchemaProps, object: DynamicObject, old: DynamicObject | undefined): RuleFindings {
  const found = rules().ruleFindings(schema, object, old);
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
