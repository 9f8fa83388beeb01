import type { ManagedFieldsEntry } from '../../generated/meta-v1.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { FieldSchema, SchemaSet } from '../../structural/schema.ts';
import { isMap, type JsonMap } from '../values.ts';
import { compareObjects, KeylessItem, type Difference } from './compare.ts';
import { capUpdaters, decodeEntries, encodeEntries, release, sameOwner, type Owner } from './entries.ts';
import { contains, differenceBelow, intersects, isEmptySet, union, type FieldSet } from './field-set.ts';
import { typedNode, type TypedNode } from './typed-schema.ts';
import { typeErrors } from './typed-values.ts';

/** An object's other versions, for owners who wrote in them. Undefined: that version is served no more. */
export type VersionOf = (
  apiVersion: string,
) =>
  { readonly schema: FieldSchema; readonly set: SchemaSet; readonly convert: (object: JsonMap) => JsonMap } | undefined;

export interface ManagedUpdate {
  /** Undefined on create. Never changed. */
  readonly live: Readonly<KubeObject> | undefined;
  /** Its `metadata.managedFields` are what the client sent: an empty list (or one empty entry) resets the ownership. */
  readonly updated: Readonly<KubeObject>;
  /** `fieldManager` of the request or the first part of the user agent. */
  readonly manager: string;
  readonly apiVersion: string;
  /** Empty for the main resource. */
  readonly subresource?: string | undefined;
  /** RFC 3339 with seconds; undefined for an entry without a time. */
  readonly now: string | undefined;
  readonly schema: FieldSchema;
  readonly set: SchemaSet;
  /** Paths that this endpoint does not write, whatever the request says: resetFieldsOf(). */
  readonly reset?: FieldSet | undefined;
  readonly versionOf?: VersionOf | undefined;
  /** All that a scale sees of its object: where nobody owns that, nobody is tracked. */
  readonly within?: FieldSet | undefined;
}

/**
 * Ownership after an ordinary write (create, update, patches other than apply): the writer owns what it added or
 * changed, the others lose it, all lose what is gone. An entry that stays the same keeps its identity and time; if all
 * do, the list of `live` itself is returned. Costs time in proportion to the object's size, allocates by the change's.
 * Source: apimachinery pkg/util/managedfields, structured-merge-diff merge.Updater.Update.
 */
export function updateManagedFields(options: ManagedUpdate): ManagedFieldsEntry[] {
  const { live, updated, schema, set } = options;
  const before = live?.metadata.managedFields;
  const given = updated.metadata.managedFields;
  const isStatus = options.subresource !== undefined && options.subresource !== '';
  let owners: Owner[] | undefined;
  if (!isStatus && given !== undefined && given !== null && given !== before) {
    if (isReset(given)) owners = [];
    else if (given.length > 0) owners = decodeEntries(given, false);
  }
  const isResetBy = owners?.length === 0;
  if (owners === undefined || (owners.length === 0 && !isResetBy)) owners = decodeEntries(before, true) ?? [];
  owners = ofServedVersions(owners, options);
  const { within } = options;
  if (within !== undefined && !owners.some(({ set: owned }) => intersects(owned, within))) return [...(before ?? [])];
  // An object that nobody tracks (made before, or reset) stays untracked until somebody applies.
  if (owners.length === 0 && live?.metadata.uid) return [];
  const node = typedNode(schema, set);
  // What cannot be read is not tracked. Of a status write that part is dropped later; elsewhere validation refuses it, but
  // for the status.
  const { status } = updated as { status?: unknown };
  if (
    schema.read !== undefined &&
    (isStatus || status !== undefined) &&
    isMistyped(node, isStatus ? updated : { status })
  )
    return [];
  try {
    const difference = compareObjects(node, live === undefined ? node.emptyObject : (live as object as JsonMap), updated as object as JsonMap); // prettier-ignore
    const result = ownUpdate(owners, difference, options);
    return encodeEntries(capUpdaters(result), before);
  } catch (error) {
    // What cannot be told apart is not tracked at all. Source: managedfields FieldManager.UpdateNoErrors.
    if (error instanceof KeylessItem || error instanceof Untyped) return [];
    throw error;
  }
}
const isMistyped = (node: TypedNode, object: object): boolean =>
  [...typeErrors(node, object)].some((why) => !why.includes('duplicate entries for key'));
const isReset = (entries: readonly ManagedFieldsEntry[]): boolean =>
  entries.length === 0 || (entries.length === 1 && isMap(entries[0]) && Object.keys(entries[0]).length === 0);

/** Who wrote in a version that is served no more owns nothing. Source: structured-merge-diff reconcileManagedFieldsWithSchemaChanges. */
export function ofServedVersions(
  owners: Owner[],
  { apiVersion, versionOf }: Pick<ManagedUpdate, 'apiVersion' | 'versionOf'>,
): Owner[] {
  if (versionOf === undefined || owners.every((owner) => owner.apiVersion === apiVersion)) return owners;
  return owners.filter((owner) => owner.apiVersion === apiVersion || versionOf(owner.apiVersion) !== undefined);
}
/** Moves ownership of a difference to the writer. */
export function ownUpdate(owners: Owner[], whole: Difference, options: ManagedUpdate): Owner[] {
  const difference = withoutReset(whole, options.reset);
  const { changed, removed } = difference;
  if (isEmptySet(changed) && isEmptySet(removed)) return owners;
  const self = {
    manager: options.manager === '' ? 'unknown' : options.manager,
    operation: 'Update' as const,
    apiVersion: options.apiVersion,
    subresource: options.subresource ?? '',
  };
  const others = releaseFromOthers(owners, difference, options, (owner) => sameOwner(owner, self));
  if (isEmptySet(changed)) return others;
  const mine = others.find((owner) => sameOwner(owner, self));
  if (mine === undefined) others.push({ ...self, time: options.now, set: changed });
  else {
    if (!contains(mine.set, changed)) mine.set = union(mine.set, changed);
    mine.time = options.now;
  }
  return others;
}
const withoutReset = (difference: Difference, reset: FieldSet | undefined): Difference =>
  reset === undefined
    ? difference
    : { changed: differenceBelow(difference.changed, reset), removed: differenceBelow(difference.removed, reset) };

/** Owners lose what changed (but `keeps`) and what is gone; those with nothing left are left out. */
export function releaseFromOthers(
  owners: readonly Owner[],
  difference: Difference,
  options: ManagedUpdate,
  keeps: (owner: Owner) => boolean,
): Owner[] {
  const left: Owner[] = [];
  for (const owner of owners) {
    const seen = asSeenIn(owner.apiVersion, difference, options);
    if (seen === undefined) continue;
    let owns = true;
    if (!keeps(owner) && intersects(owner.set, seen.changed)) owns = release(owner, seen.changed);
    if (owns && intersects(owner.set, seen.removed)) owns = release(owner, seen.removed);
    if (owns) left.push(owner);
  }
  return left;
}
/** An object is none of the version that an owner wrote in. */
export class Untyped extends Error {}
/** The difference in the version an owner wrote in. Throws Untyped. */
export function asSeenIn(apiVersion: string, difference: Difference, options: ManagedUpdate): Difference | undefined {
  if (apiVersion === options.apiVersion || options.versionOf === undefined) return difference;
  const version = options.versionOf(apiVersion);
  if (version === undefined) return undefined;
  const node: TypedNode = typedNode(version.schema, version.set);
  const of = (object: Readonly<KubeObject> | undefined): JsonMap => {
    if (object === undefined) return node.emptyObject;
    const converted = version.convert(object as object as JsonMap);
    // Of a custom kind only names are converted: what the other version does not declare stands in the way.
    if (version.schema.read !== undefined) {
      const wrong = [...typeErrors(node, converted)].filter((why) => !why.includes('duplicate entries for key'));
      if (wrong.length > 0)
        throw new Untyped(wrong.length === 1 ? wrong[0] : `errors:\n${wrong.map((why) => `  ${why}`).join('\n')}`);
    }
    return converted;
  };
  return withoutReset(compareObjects(node, of(options.live), of(options.updated)), options.reset);
}
