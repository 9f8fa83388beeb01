import { parseApiVersion, type KubeObject, type OwnerReference } from '../../../schemas/meta/object.ts';
import type { Kind } from '../../runtime/kinds.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** An object as the collector sees it. */
export interface Item {
  readonly uid: string;
  /** undefined: the kind is not one that we know. */
  readonly kind: Kind | undefined;
  readonly apiVersion: string;
  readonly kindName: string;
  readonly namespace: string | undefined;
  readonly name: string;
  resourceVersion: string | undefined;
  owners: readonly OwnerReference[];
  finalizers: readonly string[];
  readonly dependents: Set<Item>;
  isDeleting: boolean;
  /** Known from its dependents' references alone: it may exist or not. */
  isVirtual: boolean;
}
/** Being deleted, and it waits until its dependents are gone. */
export const waitsForDependents = (item: Item): boolean => item.isDeleting && item.finalizers.includes(FOREGROUND);
/** Being deleted, and its dependents are to be set free first. */
export const waitsForOrphans = (item: Item): boolean => item.isDeleting && item.finalizers.includes(ORPHAN);

/** Where an object is said to be. */
type Place = Pick<Item, 'apiVersion' | 'kindName' | 'namespace' | 'name'>;
/** Owners that are known not to exist, at a place or (undefined) anywhere; the newest 500. */
class Absent {
  private readonly places = new Map<string, Place | undefined>();
  add(uid: string, place: Place | undefined): void {
    this.places.delete(uid);
    this.places.set(uid, place);
    if (this.places.size > 500) this.places.delete(this.places.keys().next().value!);
  }
  delete(uid: string): void {
    this.places.delete(uid);
  }
  has(reference: OwnerReference, dependent: Item): boolean {
    if (!this.places.has(reference.uid)) return false;
    const place = this.places.get(reference.uid);
    return place === undefined || names(reference, dependent, place);
  }
}

/**
 * Who owns whom, by uid, over all kinds. Each change says which items need a look: `look` is called with their uids.
 * Source: pkg/controller/garbagecollector graph_builder.go.
 */
export class Graph {
  private readonly items = new Map<string, Item>();
  private readonly absent = new Absent();
  private readonly look: (uid: string) => void;
  private readonly kindOf: (group: string, kind: string) => Kind | undefined;

  constructor(look: (uid: string) => void, kindOf: (group: string, kind: string) => Kind | undefined) {
    this.look = look;
    this.kindOf = kindOf;
  }
  get size(): number {
    return this.items.size;
  }
  get(uid: string): Item | undefined {
    return this.items.get(uid);
  }
  all(): Iterable<Item> {
    return this.items.values();
  }
  isAbsent(reference: OwnerReference, dependent: Item): boolean {
    return this.absent.has(reference, dependent);
  }

  observe(kind: Kind, object: KubeObject): void {
    const { metadata } = object;
    const uid = metadata.uid!;
    const owners = metadata.ownerReferences ?? [];
    const finalizers = metadata.finalizers ?? [];
    const isDeleting = metadata.deletionTimestamp !== undefined;
    let item = this.items.get(uid);
    if (item && !item.isVirtual) {
      const waited = waitsForDependents(item);
      const orphaned = waitsForOrphans(item);
      item.resourceVersion = metadata.resourceVersion;
      item.isDeleting = isDeleting;
      item.finalizers = finalizers;
      this.changeOwners(item, owners);
      if (waitsForDependents(item) && !waited) this.lookBelow(item);
      if (waitsForOrphans(item) && !orphaned) this.look(uid);
      return;
    }
    const virtual = item;
    item = {
      uid,
      kind,
      apiVersion: object.apiVersion,
      kindName: kind.kind,
      namespace: metadata.namespace,
      name: metadata.name!,
      resourceVersion: metadata.resourceVersion,
      owners: [],
      finalizers,
      dependents: virtual?.dependents ?? new Set(),
      isDeleting,
      isVirtual: false,
    };
    this.items.set(uid, item);
    this.absent.delete(uid);
    // References that named it wrongly must be looked at again now that its true place is known.
    if (virtual && !isSamePlace(virtual, item)) for (const dependent of item.dependents) this.look(dependent.uid);
    this.changeOwners(item, owners);
    if (waitsForDependents(item)) this.lookBelow(item);
    else if (waitsForOrphans(item)) this.look(uid);
    if (owners.some((owner) => this.isDoubtful(owner, item))) this.look(uid);
  }
  /** The object is gone, or (for a virtual item) was found never to have been there. */
  remove(uid: string): void {
    const item = this.items.get(uid);
    if (!item) return;
    this.items.delete(uid);
    if (item.dependents.size > 0) this.absent.add(uid, item.isVirtual ? placeOf(item) : undefined);
    for (const owner of item.owners) this.detach(item, owner.uid);
    for (const dependent of item.dependents) this.look(dependent.uid);
  }
  /** Whether the reference names an owner that is not simply there. */
  isDoubtful(reference: OwnerReference, item: Item): boolean {
    const owner = this.items.get(reference.uid);
    return owner === undefined || owner.isVirtual || waitsForDependents(owner) || !names(reference, item, owner);
  }
  private lookBelow(item: Item): void {
    for (const dependent of item.dependents) this.look(dependent.uid);
    this.look(item.uid);
  }
  private changeOwners(item: Item, owners: readonly OwnerReference[]): void {
    const before = item.owners;
    if (before === owners) return;
    item.owners = owners;
    for (const owner of before) if (!owners.some((o) => o.uid === owner.uid)) this.detach(item, owner.uid);
    for (const owner of owners) {
      const old = before.find((o) => o.uid === owner.uid);
      if (!old) this.attach(item, owner);
      // It blocks its owner's deletion no longer.
      else if (old.blockOwnerDeletion && !owner.blockOwnerDeletion) this.lookIfWaiting(owner.uid);
    }
  }
  private attach(item: Item, reference: OwnerReference): void {
    let owner = this.items.get(reference.uid);
    if (!owner) {
      const kind = this.kindOf(parseApiVersion(reference.apiVersion).group, reference.kind);
      owner = {
        uid: reference.uid,
        kind,
        apiVersion: reference.apiVersion,
        kindName: reference.kind,
        namespace: kind?.namespaced ? item.namespace : undefined,
        name: reference.name,
        resourceVersion: undefined,
        owners: [],
        finalizers: [],
        dependents: new Set(),
        isDeleting: false,
        isVirtual: true,
      };
      this.items.set(reference.uid, owner);
      this.look(reference.uid);
    }
    owner.dependents.add(item);
    if (this.isDoubtful(reference, item)) this.look(item.uid);
  }
  private detach(item: Item, ownerUid: string): void {
    const owner = this.items.get(ownerUid);
    if (!owner) return;
    owner.dependents.delete(item);
    this.lookIfWaiting(ownerUid);
    if (owner.isVirtual && owner.dependents.size === 0) this.items.delete(ownerUid);
  }
  private lookIfWaiting(uid: string): void {
    const owner = this.items.get(uid);
    if (owner && waitsForDependents(owner)) this.look(uid);
  }
}
const isSamePlace = (a: Item, b: Item): boolean =>
  a.namespace === b.namespace && a.name === b.name && a.kindName === b.kindName &&
  parseApiVersion(a.apiVersion).group === parseApiVersion(b.apiVersion).group; // prettier-ignore
/** Whether the reference names this item where it is. A namespaced owner owns within its namespace only. */
export const names = (reference: OwnerReference, dependent: Item, owner: Place): boolean =>
  reference.kind === owner.kindName &&
  reference.name === owner.name &&
  parseApiVersion(reference.apiVersion).group === parseApiVersion(owner.apiVersion).group &&
  (owner.namespace === undefined || owner.namespace === dependent.namespace);
const placeOf = ({ apiVersion, kindName, namespace, name }: Item): Place => ({ apiVersion, kindName, namespace, name });
