import type { ManagedFieldsEntry } from '../../generated/meta-v1.ts';
import { apiVersionOf, type DynamicObject, type GroupVersionKind, type KubeObject } from '../../meta/object.ts';
import { ApiError } from '../../meta/status.ts';
import { isMap, sameJson, type JsonMap } from '../values.ts';
import { compareObjects } from './compare.ts';
import { conflictError, type ManagerConflict } from './conflict.ts';
import { decodeEntries, encodeEntries, sameOwner, type Owner } from './entries.ts';
import {
  difference,
  differenceBelow,
  intersection,
  intersects,
  isEmptySet,
  MEMBER,
  union,
  type FieldSet,
} from './field-set.ts';
import { allowedByLastApplied, withLastApplied } from './last-applied.ts';
import { typedNode, type TypedNode } from './typed-schema.ts';
import { fieldSetOf, mergeTyped, typeErrors, withNamedFields, withoutItems } from './typed-values.ts';
import { asSeenIn, ofServedVersions, ownUpdate, releaseFromOthers, Untyped, type ManagedUpdate } from './update.ts';

export interface ServerSideApply extends Omit<ManagedUpdate, 'updated' | 'apiVersion'> {
  /** The body of the patch, decoded but not defaulted. */
  readonly config: unknown;
  /** What the endpoint takes. */
  readonly kind: GroupVersionKind;
  /** How the versions of others are told of: a scale sees all of them as its own. */
  readonly printedVersion?: string | undefined;
  /** Takes fields from those who own them instead of refusing. */
  readonly force: boolean;
}
export interface Applied {
  /** Not defaulted, without managedFields; `live` itself if the configuration changes nothing. */
  readonly object: DynamicObject;
  /** Empty: leave the field out. */
  readonly managedFields: ManagedFieldsEntry[];
}
/** Who owns what was there before anybody applied. Source: managedfields skipNonAppliedManager. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/**
 * Merges a configuration into an object: fields it sets become the manager's, fields it no longer sets are removed
 * unless somebody else owns them. Throws BadRequest (wrong kind, managedFields in the body), a Status of code 500 without
 * a reason (the configuration is not of the kind's type), Conflict with one cause a field that somebody else owns.
 * Source: apimachinery pkg/util/managedfields, structured-merge-diff merge.Updater.Apply.
 */
export function applyServerSide(options: ServerSideApply): Applied {
  const { live, schema, set, kind } = options;
  const node = typedNode(schema, set);
  const config = withName(checkConfiguration(options), live);
  const apiVersion = apiVersionOf(kind);
  const before = live?.metadata.managedFields;
  const bare = live === undefined ? undefined : withoutManagedFields(live);
  const update: ManagedUpdate = { ...options, live: bare, updated: bare ?? emptyOf(node), apiVersion };
  let owners = decodeEntries(before, true);
  if (owners === undefined) throw new ApiError('', 'failed to decode managed fields', { code: 500 });
  const { within } = options;
  const isTracked = within === undefined ? owners.length > 0 : owners.some((owner) => intersects(owner.set, within));
  if (!isTracked && bare !== undefined) {
    const { changed, removed } = compareObjects(node, node.emptyObject, bare);
    const seen = within === undefined ? changed : intersection(changed, within);
    owners = [...owners, ...ownUpdate([], { changed: seen, removed }, { ...update, manager: BEFORE_FIRST_APPLY })];
  }

  owners = ofServedVersions(owners, update);
  const self = { manager: options.manager, operation: 'Apply' as const, apiVersion, subresource: options.subresource ?? '' }; // prettier-ignore
  const last = owners.find((owner) => sameOwner(owner, self));
  let mine: FieldSet = fieldSetOf(node, config);
  if (options.reset !== undefined) mine = differenceBelow(mine, options.reset);
  const base: JsonMap = bare ?? {};
  const merged = mergeTyped(node, base, config) as JsonMap;
  const others = owners.filter((owner) => owner !== last);
  const pruned = last === undefined ? merged : prune(node, merged, last.set, [mine, ...others.map((o) => o.set)]);

  const change = compareObjects(node, bare ?? node.emptyObject, bare === undefined ? { ...node.emptyObject, ...pruned } : pruned); // prettier-ignore
  const changing: ManagedUpdate = { ...update, updated: pruned as unknown as KubeObject };
  const filtered = options.reset === undefined ? change : { changed: differenceBelow(change.changed, options.reset), removed: differenceBelow(change.removed, options.reset) }; // prettier-ignore
  if (!options.force) {
    let conflicts = findConflicts(others, (owner) => seenBy(owner.apiVersion, filtered, changing)?.changed);
    if (conflicts.length > 0 && options.manager === 'kubectl' && bare !== undefined) {
      const allowed = allowedByLastApplied(node, bare, apiVersion);
      conflicts = conflicts.map((c) => ({ ...c, paths: difference(c.paths, allowed) }));
    }
    conflicts = conflicts.filter((c) => !isEmptySet(c.paths));
    if (conflicts.length > 0) throw conflictError(conflicts, options.printedVersion);
  }
  const kept = releaseFromOthers(others, filtered, changing, () => false);
  const isSame = bare !== undefined && sameJson(pruned, bare);
  const stripped = difference(mine, SERVER_OWNED);
  const time = isSame ? last?.time : options.now;
  if (!isEmptySet(stripped)) {
    // An unchanged set keeps its entry, so that applying the same again is no write at all.
    const unchanged = last !== undefined && time === last.time && sameJson(stripped, last.set);
    kept.push(unchanged ? last : { ...self, time, set: stripped, ...(last?.source && { source: last.source }) });
  }
  const merging = options.manager === 'kubectl' ? withLastApplied(pruned, config) : pruned;
  const object = isSame && (merging === pruned || sameJson(merging, bare)) ? live! : merging;
  return { object: object as DynamicObject, managedFields: encodeEntries(kept, before) };
}

/** Nobody owns what the server sets. Source: managedfields stripMetaManager. */
const SERVER_OWNED: FieldSet = {
  'f:apiVersion': MEMBER,
  'f:kind': MEMBER,
  'f:metadata': {
    '.': MEMBER, 'f:name': MEMBER, 'f:namespace': MEMBER, 'f:creationTimestamp': MEMBER, 'f:selfLink': MEMBER,
    'f:uid': MEMBER, 'f:clusterName': MEMBER, 'f:generation': MEMBER, 'f:managedFields': MEMBER, 'f:resourceVersion': MEMBER,
  },
}; // prettier-ignore

/** Throws what applyServerSide() does for a configuration that is not one of the kind. */
export function checkConfiguration(options: Pick<ServerSideApply, 'config' | 'kind' | 'schema' | 'set'>): JsonMap {
  const { kind } = options;
  const config = isMap(options.config) ? options.config : {};
  const claimed = { apiVersion: text(config['apiVersion']), kind: text(config['kind']) };
  // A version that cannot be read leaves nothing of the type.
  const given = claimed.apiVersion.split('/').length > 2 ? { apiVersion: '', kind: '' } : claimed;
  const metadata = isMap(config['metadata']) ? config['metadata'] : {};
  if (given.apiVersion !== apiVersionOf(kind) || given.kind !== kind.kind)
    throw new ApiError('BadRequest', `invalid object type: ${printKind(given)}`);
  if (Array.isArray(metadata['managedFields'])) throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  const errors = [...typeErrors(typedNode(options.schema, options.set), config)];
  if (errors.length > 0) {
    const why = errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
    throw new ApiError(
      '',
      `failed to create typed patch object (${text(metadata['namespace'])}/${text(metadata['name'])}; ${printKind(given)}): ${why}`,
      { code: 500 },
    );
  }
  return config;
}
/** Throws a Status without a reason where an object is none of the owner's version. */
function seenBy(...of: Parameters<typeof asSeenIn>): ReturnType<typeof asSeenIn> {
  try {
    return asSeenIn(...of);
  } catch (error) {
    if (error instanceof Untyped) throw new ApiError('', error.message, { code: 500, cause: error });
    throw error;
  }
}
/** The server's name stands even if the configuration leaves it out. */
function withName(config: JsonMap, live: ServerSideApply['live']): JsonMap {
  const metadata = isMap(config['metadata']) ? config['metadata'] : {};
  return live === undefined || Object.hasOwn(metadata, 'name')
    ? config
    : { ...config, metadata: { ...metadata, name: live.metadata.name } };
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
/** As Go prints a GroupVersionKind: `apps/v1, Kind=Deployment`. */
const printKind = ({ apiVersion, kind }: { apiVersion: string; kind: string }): string =>
  `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;

function withoutManagedFields(object: Readonly<KubeObject>): JsonMap & KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
const emptyOf = (node: TypedNode): KubeObject => node.emptyObject as unknown as KubeObject;

/** Removes what the manager set last time and now does not, unless somebody else owns it. */
function prune(node: TypedNode, merged: JsonMap, lastSet: FieldSet, owned: readonly FieldSet[]): JsonMap {
  const last = withNamedFields(node, lastSet);
  const mergedSet = withNamedFields(node, fieldSetOf(node, merged));
  const removed = withoutItems(node, merged, last);
  const all = withNamedFields(node, owned.reduce(union));
  const stays = union(withNamedFields(node, fieldSetOf(node, removed)), all);
  const ownedOnly = withoutItems(node, merged, difference(mergedSet, stays));
  // What is left out now but was not the manager's own comes back: defaults, fields that nobody owns.
  const ownedSet = withNamedFields(node, fieldSetOf(node, ownedOnly));
  return withoutItems(node, merged, intersection(difference(mergedSet, ownedSet), last)) as JsonMap;
}

function findConflicts(
  others: readonly Owner[],
  changedFor: (owner: Owner) => FieldSet | undefined,
): ManagerConflict[] {
  return others.map((owner) => {
    const changed = changedFor(owner);
    return { owner, paths: changed === undefined ? MEMBER : intersection(owner.set, changed) };
  });
}
