import type { ManagedFieldsEntry } from '../../generated/meta-v1.ts';
import { difference, isEmptySet, isFieldSet, union, type FieldSet } from './field-set.ts';

/** Source: apimachinery managedfields DefaultMaxUpdateManagers, capManagersManager. */
const MAX_UPDATERS = 10;
const OLD_UPDATES = 'ancient-changes';

/** One owner while its set is worked on. `source` is the entry it came from, kept if nothing changes. */
export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  time: string | undefined;
  set: FieldSet;
  readonly source?: ManagedFieldsEntry;
}

/** Entries with equal identity are one owner; the version is not part of who applies. */
const identity = (o: Pick<Owner, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string =>
  `${o.operation}\n${o.manager}\n${o.subresource}\n${o.operation === 'Apply' ? '' : o.apiVersion}`;
export const sameOwner = (a: Owner, b: Pick<Owner, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion); // prettier-ignore

/** Undefined if an entry is malformed: such a list is ignored as a whole. */
export function decodeEntries(entries: unknown, trusted: boolean): Owner[] | undefined {
  if (entries === undefined || entries === null) return [];
  if (!Array.isArray(entries)) return undefined;
  const owners: Owner[] = [];
  for (const entry of entries as ManagedFieldsEntry[]) {
    const { manager = '', operation, apiVersion, subresource = '', time, fieldsV1 } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return undefined;
    if (!apiVersion || entry.fieldsType !== 'FieldsV1') return undefined;
    const set = (fieldsV1 ?? {}) as FieldSet;
    if (!trusted && !isFieldSet(set)) return undefined;
    const owner: Owner = { manager, operation, apiVersion, subresource, time, set, source: entry };
    const same = trusted ? -1 : owners.findIndex((other) => sameOwner(other, owner));
    if (same >= 0) owners[same] = owner;
    else owners.push(owner);
  }
  return owners;
}

/** What is written to the object; the entries given if nothing changed. */
export function encodeEntries(
  owners: readonly Owner[],
  given: readonly ManagedFieldsEntry[] | undefined,
): ManagedFieldsEntry[] {
  const entries = owners.map(encode);
  if (!isSorted(entries)) entries.sort(compareEntries);
  if (given !== undefined && entries.length === given.length && entries.every((entry, i) => entry === given[i]))
    return given as ManagedFieldsEntry[];
  return entries;
}
function encode(owner: Owner): ManagedFieldsEntry {
  const { source } = owner;
  if (source !== undefined && source.time === owner.time && source.fieldsV1 === owner.set) return source;
  return {
    manager: owner.manager,
    operation: owner.operation,
    apiVersion: owner.apiVersion,
    ...(owner.time !== undefined && { time: owner.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: owner.set,
    ...(owner.subresource !== '' && { subresource: owner.subresource }),
  };
}
const isSorted = (entries: readonly ManagedFieldsEntry[]): boolean => {
  for (let i = 1; i < entries.length; i++) if (compareEntries(entries[i - 1]!, entries[i]!) > 0) return false;
  return true;
};
/** Those who apply first, then by time. */
function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compare(a.operation, b.operation) ||
    compare(a.time, b.time) ||
    compare(a.manager, b.manager) ||
    compare(a.apiVersion, b.apiVersion) ||
    compare(a.subresource, b.subresource)
  );
}
const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

/** Puts the updaters that wrote longest ago into one entry a version when there are more than ten. */
export function capUpdaters(owners: readonly Owner[]): readonly Owner[] {
  const updaters = owners.filter((o) => o.operation === 'Update');
  let excess = updaters.length - MAX_UPDATERS;
  if (excess <= 0) return owners;
  updaters.sort((a, b) => compare(a.time, b.time) || compare(identity(a), identity(b)));
  let result = [...owners];
  const firstOf = new Map<string, Owner>();
  for (const owner of updaters) {
    if (excess <= 0) break;
    const first = firstOf.get(owner.apiVersion);
    if (first === undefined) {
      firstOf.set(owner.apiVersion, owner);
      continue;
    }
    const bucket: Owner = {
      manager: OLD_UPDATES,
      operation: 'Update',
      apiVersion: owner.apiVersion,
      subresource: '',
      time: owner.time,
      set: union(first.set, owner.set),
    };
    const former = result.find((o) => o !== first && o !== owner && sameOwner(o, bucket));
    if (former !== undefined) bucket.set = union(bucket.set, former.set);
    result = result.filter((o) => o !== first && o !== owner && o !== former);
    result.push(bucket);
    firstOf.set(owner.apiVersion, bucket);
    excess--;
  }
  return result;
}

/** Takes paths from an owner; false if nothing is left to own. */
export function release(owner: Owner, paths: FieldSet): boolean {
  owner.set = difference(owner.set, paths);
  return !isEmptySet(owner.set);
}
