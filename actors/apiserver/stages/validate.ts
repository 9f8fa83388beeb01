import { fieldPath } from '../../../schemas/meta/field.ts';
import { Told } from '../../../schemas/meta/told.ts';
import type { Conversion } from '../../../schemas/define.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import {
  validateMetadata,
  validateMetadataOfAll,
  validateMetadataUpdate,
  type MetadataRules,
} from '../../../schemas/meta/metadata.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Core, Draft } from '../core.ts';
import { invalid } from '../errors.ts';

const ROOT = fieldPath();
const METADATA = fieldPath('metadata');
const rules = new WeakMap<Resource, MetadataRules>();

function rulesOf(core: Core, resource: Resource): MetadataRules {
  let known = rules.get(resource);
  if (known === undefined) {
    known = {
      namespaced: resource.namespaced,
      validateName: resource.definition.validateName,
      custom: core.isCustom(resource),
      anyFinalizers: resource.definition.anyFinalizers,
    };
    rules.set(resource, known);
  }
  return known;
}

/** The rules of the version that the writer used, if it has its own. */
const versionOf = (served: Resource): Conversion | undefined => served.definition.conversions?.[apiVersionOf(served)];

/** An object of a custom kind says itself what it is, be it wrong. */
const kindOf = (core: Core, resource: Resource, draft: Draft): Pick<Resource, 'group' | 'kind'> =>
  core.isCustom(resource) ? { group: resource.group, kind: draft.kind } : resource;
/** Throws Invalid. Source: apiserver pkg/registry/rest create.go BeforeCreate. */
export function validateCreate(core: Core, resource: Resource, draft: Draft, served = resource): void {
  const rules = rulesOf(core, resource);
  const { metadataLast } = resource.definition;
  const told = new Told();
  const { errors } = told;
  if (!metadataLast) told.addAll(validateMetadata(draft.metadata, rules, METADATA));
  const validate = versionOf(served)?.validate ?? resource.definition.validate;
  if (validate) told.addAll(validate(draft, ROOT));
  if (metadataLast && errors.length === 0) told.addAll(validateMetadataOfAll(draft.metadata, rules, METADATA));
  if (errors.length > 0) throw invalid(kindOf(core, resource, draft), draft.metadata.name ?? '', errors);
}
/** Throws Invalid. Source: apiserver pkg/registry/rest update.go BeforeUpdate. */
export function validateUpdate(
  core: Core,
  resource: Resource,
  draft: Draft,
  old: Draft,
  subresource: string,
  served = resource,
): void {
  const door = Object.hasOwn(resource.definition.doors ?? {}, subresource)
    ? resource.definition.doors![subresource]!
    : undefined;
  const refusal = door?.refuses?.(old);
  if (refusal) throw invalid(kindOf(core, resource, draft), draft.metadata.name ?? '', [refusal]);
  const rules = rulesOf(core, resource);
  const { metadataChecks, statusMetadataChecks } = resource.definition;
  const checks = subresource === 'status' ? statusMetadataChecks : subresource === 'scale' ? undefined : metadataChecks;
  const told = new Told();
  const { errors } = told;
  told.addAll(validateMetadataUpdate(draft.metadata, old.metadata, { ...rules, checks }, METADATA));
  const { validateStatusUpdate: onStatus, changesFirst } = resource.definition;
  const { validate, validateUpdate: update } = { ...resource.definition, ...versionOf(served) };
  if (subresource === 'status') {
    if (onStatus) told.addAll(onStatus(draft, old, ROOT));
  } else {
    const whole = validate?.(draft, ROOT, old) ?? [];
    if (!changesFirst) told.addAll(whole);
    // The other doors let through so little that they have rules of their own.
    if (door) told.addAll(door.validate?.(draft, old, ROOT, errors.length > 0) ?? []);
    else if (update && subresource !== 'scale') told.addAll(update(draft, old, ROOT));
    if (changesFirst) told.addAll(whole);
  }
  if (errors.length > 0) throw invalid(kindOf(core, resource, draft), draft.metadata.name ?? '', errors);
}
