import { createHash } from 'node:crypto';
import type { CustomVersions, ResourceDefinition } from '../define.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '../generated/apiextensions-v1.ts';
import { parseJsonPath } from '../helpers/json-path.ts';
import { createPool, type Pool } from '../helpers/pool.ts';
import { steppedValidation } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
import { equal } from '../meta/equal.ts';
import type { FieldError } from '../meta/field.ts';
import type { DynamicObject, KubeObject } from '../meta/object.ts';
import type { Resource, Subresource } from '../resource.ts';
import { finalizerWarnings } from './custom-finalizers.ts';
import { servedOf, type Served, type ServedVersion } from './custom-served.ts';
import { customTable } from './custom-cells.ts';
import { readCustom } from './custom-object.ts';
import type { FieldSchema } from '../structural/schema.ts';
import { customVersions, type Convert, type Schemas } from './custom-versions.ts';
import { customProblems, customStatusProblems, withRules } from './custom-rules.ts';
import { fieldSchema } from './field-schema.ts';
import { isConditionTrue } from './naming.ts';
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
  const served = servedOf(crd);
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
  const byRules = (object: DynamicObject, old: DynamicObject | undefined) =>
    hasRules ? () => ruleErrors(own().schema, object, old) : undefined;
  // In steps: objects have up to megabytes, and rules take as long as their cost lets them.
  const ofWhole = steppedValidation<DynamicObject>((object, old) =>
    withRules(customProblems(object, kind, own().version, old), byRules(object, old)),
  );
  const ofStatus = steppedValidation<DynamicObject>((object, old) =>
    withRules(customStatusProblems(object, own().version, old!), byRules(object, old)),
  );
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
    beforeValidation(object, giveWay, old, onStatus = false) {
      const find = (): Promise<void> | undefined => (onStatus ? ofStatus : ofWhole).before(object, giveWay, old);
      const loading = hasRules ? loadRules() : undefined;
      return loading ? loading.then(find) : find();
    },
    ...(hasRules && { ratcheted: (object) => ratcheted.get(object) ?? [] }),
    *validate(object, _at, old) {
      yield* ofWhole.now(object, old);
    },
    *validateStatusUpdate(object, old) {
      yield* ofStatus.now(object, old);
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
/** What rules found wrong as it was before, until it is told. */
const ratcheted = new WeakMap<object, readonly string[]>();
function* ruleErrors(schema: JSONSchemaProps, object: DynamicObject, old: DynamicObject | undefined): Steps<readonly FieldError[]> {
  const { errors, warnings } = yield* rules().ruleSteps(schema, object, old);
  if (warnings.length > 0) ratcheted.set(object, warnings);
  return errors;
} // prettier-ignore
function textAt(path: string): (object: KubeObject) => string {
  const parsed = parseJsonPath(path);
  return (object) => {
    const value = parsed?.(object)[0];
    return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  };
}
