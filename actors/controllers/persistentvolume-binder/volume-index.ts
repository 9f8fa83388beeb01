import {
  hasAccessModes,
  isFor,
  sizeOf,
  canHold,
  claimClass,
  requestedSize,
  volumeClass,
} from '../../../schemas/helpers/volume-binding.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { parseQuantity } from '../../../schemas/meta/quantity.ts';
import { Shelf } from './shelf.ts';

interface Place {
  readonly traits: string;
  readonly modes: string;
  readonly size: bigint;
}
/**
 * All volumes as they were last seen or written, whichever is newer, so that what has just been given away is not given
 * twice; and the free ones by what claims ask for. Finding one costs the same however many there are, unless a claim
 * selects by labels. Source: pkg/controller/volume/persistentvolume/index.go, FindMatchingVolume.
 */
export class VolumeIndex {
  readonly #volumes = new Map<string, PersistentVolume>();
  /** By class, mode and attributes, then by access modes. */
  readonly #free = new Map<string, Map<string, Shelf<PersistentVolume>>>();
  readonly #places = new Map<string, Place>();
  /** Volumes that name a claim, by its key. */
  readonly #named = new Map<string, Map<string, PersistentVolume>>();
  readonly #reserved = new Set<string>();
  readonly #onFree: (volume: PersistentVolume) => void;

  /** `onFree` hears of each volume that any claim may have from now on. */
  constructor(onFree: (volume: PersistentVolume) => void = () => undefined) {
    this.#onFree = onFree;
  }
  get(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name);
  }
  /** The volume, if any claim may have it. */
  free(name: string): PersistentVolume | undefined {
    return this.#places.has(name) ? this.#volumes.get(name) : undefined;
  }
  /** Volumes whose claimRef names the claim. */
  naming(claimKey: string): Iterable<PersistentVolume> {
    return this.#named.get(claimKey)?.values() ?? [];
  }
  put(volume: PersistentVolume): void {
    const name = volume.metadata.name!;
    const known = this.#volumes.get(name);
    if (known !== undefined && known.metadata.uid === volume.metadata.uid && revision(known) > revision(volume)) return;
    this.#forget(name, known);
    this.#volumes.set(name, volume);
    const to = volume.spec?.claimRef;
    if (to === undefined) return this.#shelve(name, volume);
    const key = `${to.namespace}/${to.name}`;
    const same = this.#named.get(key);
    if (same === undefined) this.#named.set(key, new Map([[name, volume]]));
    else same.set(name, volume);
  }
  /** What an own write came back with; a volume that is gone by now stays away. */
  written(volume: PersistentVolume): void {
    if (this.#volumes.get(volume.metadata.name!)?.metadata.uid === volume.metadata.uid) this.put(volume);
  }
  delete(name: string): void {
    this.#forget(name, this.#volumes.get(name));
    this.#volumes.delete(name);
  }
  /** Keeps the volume from others while it is being bound; false: someone else is at it. */
  reserve(name: string): boolean {
    if (this.#reserved.has(name)) return false;
    this.#reserved.add(name);
    this.#unshelve(name);
    return true;
  }
  release(name: string): void {
    this.#reserved.delete(name);
    const volume = this.#volumes.get(name);
    if (volume !== undefined) this.#shelve(name, volume);
  }
  /**
   * The volume that fits the claim best: fewest access modes first, then one that was set aside for the claim, then the
   * smallest. A claim that waits for its first pod gets only what was set aside for it.
   */
  find(claim: PersistentVolumeClaim, isDelayed: boolean): PersistentVolume | undefined {
    const own = [...this.naming(keyOf(claim))].filter(
      (volume) => isFor(volume, claim) && canHold(volume, claim) && hasAccessModes(claim, volume),
    );
    const shelves = isDelayed ? undefined : this.#free.get(traitsOf(claimClass(claim), claim.spec));
    if (shelves === undefined) return own.sort((a, b) => compareModes(modesOf(a), modesOf(b)))[0];
    const wanted = claim.spec?.accessModes ?? [];
    const modes = new Set([...own.map(modesOf), ...shelves.keys()]);
    const size = parseQuantity(requestedSize(claim)).nano;
    const selects = claim.spec?.selector === undefined ? () => true : compileSelector(claim.spec.selector);
    for (const each of [...modes].filter((m) => holds(m, wanted)).sort(compareModes)) {
      const found =
        own.find((volume) => modesOf(volume) === each) ??
        shelves.get(each)?.smallest(size, ({ metadata }) => selects(metadata.labels));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  #forget(name: string, known: PersistentVolume | undefined): void {
    this.#unshelve(name);
    const to = known?.spec?.claimRef;
    if (to === undefined) return;
    const key = `${to.namespace}/${to.name}`;
    const same = this.#named.get(key);
    if (same?.delete(name) && same.size === 0) this.#named.delete(key);
  }
  #shelve(name: string, volume: PersistentVolume): void {
    if (this.#reserved.has(name) || this.#places.has(name) || !isFree(volume)) return;
    const traits = traitsOf(volumeClass(volume), volume.spec);
    const place = { traits, modes: modesOf(volume), size: parseQuantity(sizeOf(volume)).nano };
    let shelves = this.#free.get(traits);
    if (shelves === undefined) this.#free.set(traits, (shelves = new Map()));
    let shelf = shelves.get(place.modes);
    if (shelf === undefined) shelves.set(place.modes, (shelf = new Shelf()));
    shelf.put(name, place.size, volume);
    this.#places.set(name, place);
    this.#onFree(volume);
  }
  #unshelve(name: string): void {
    const place = this.#places.get(name);
    if (place === undefined) return;
    this.#places.delete(name);
    const shelves = this.#free.get(place.traits)!;
    const shelf = shelves.get(place.modes)!;
    shelf.take(name, place.size);
    if (!shelf.isEmpty) return;
    shelves.delete(place.modes);
    if (shelves.size === 0) this.#free.delete(place.traits);
  }
}
const revision = (volume: PersistentVolume): number => Number(volume.metadata.resourceVersion);
const isFree = ({ metadata, spec, status }: PersistentVolume): boolean =>
  spec?.claimRef === undefined && status?.phase === 'Available' && metadata.deletionTimestamp === undefined;
interface Traits {
  readonly volumeMode?: string | undefined;
  readonly volumeAttributesClassName?: string | undefined;
}
const traitsOf = (storageClass: string, spec: Traits | undefined): string =>
  `${storageClass}\n${spec?.volumeMode ?? 'Filesystem'}\n${spec?.volumeAttributesClassName ?? ''}`;
const modesOf = ({ spec }: PersistentVolume): string => (spec?.accessModes ?? []).toSorted().join(',');
const holds = (modes: string, wanted: readonly string[]): boolean => {
  const has = modes.split(',');
  return wanted.every((mode) => has.includes(mode));
};
function compareModes(a: string, b: string): number {
  const more = a.split(',').length - b.split(',').length;
  return more !== 0 ? more : a < b ? -1 : 1;
}
