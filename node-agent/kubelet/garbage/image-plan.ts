/** An image as the node has it. Times in ms since the epoch. */
export interface ImageRecord {
  readonly id: string;
  readonly sizeBytes: number;
  readonly firstSeen: number;
  /** By a container, also one that has ended; 0: never. */
  readonly lastUsed: number;
  /** Some container is made of it, or it must stay for another reason. */
  readonly isNeeded: boolean;
}
export interface ImagePolicy {
  /** Of the disk of images, above which images go, and down to which. */
  readonly highPercent: number;
  readonly lowPercent: number;
  /** ms since it came for which an image stays. */
  readonly minAgeMs: number;
  /** ms without use after which an image goes; 0: never for that. */
  readonly maxAgeMs: number;
}
/** What nobody needs, that which was used longest ago first. Source: kubelet images imagesInEvictionOrder. */
const unused = (images: readonly ImageRecord[]): ImageRecord[] =>
  images.filter(({ isNeeded }) => !isNeeded).toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);

/** Those that have not been used for too long; a kubelet that began a while ago knows of none yet. Pure. Source: freeOldImages. */
export function tooOld(
  images: readonly ImageRecord[],
  policy: ImagePolicy,
  o: { readonly now: number; readonly began: number },
): readonly ImageRecord[] {
  if (policy.maxAgeMs === 0 || o.now - o.began <= policy.maxAgeMs) return [];
  return unused(images).filter(({ lastUsed }) => o.now - lastUsed > policy.maxAgeMs);
}
/** Bytes that have to go; 0: none. Pure. Source: kubelet images GarbageCollect. */
export function bytesTooMany(disk: { readonly capacity: number; readonly available: number }, policy: ImagePolicy): number {
  const available = Math.min(disk.available, disk.capacity);
  if (disk.capacity <= 0 || usedPercent(disk) < policy.highPercent) return 0;
  return Math.max(0, Math.trunc((disk.capacity * (100 - policy.lowPercent)) / 100) - available);
} // prettier-ignore
export const usedPercent = ({
  capacity,
  available,
}: {
  readonly capacity: number;
  readonly available: number;
}): number => 100 - Math.trunc((Math.min(available, capacity) * 100) / capacity);

/** What to remove, in this order, until so much is free. Pure. Source: kubelet images freeSpace. */
export function imagesToRemove(images: readonly ImageRecord[], bytes: number, policy: ImagePolicy, now: number): readonly ImageRecord[] {
  const out: ImageRecord[] = [];
  let freed = 0;
  for (const image of unused(images)) {
    if (freed >= bytes) break;
    if (image.lastUsed >= now || now - image.firstSeen < policy.minAgeMs) continue;
    out.push(image);
    freed += image.sizeBytes;
  }
  return out;
} // prettier-ignore
