import type { ContainerImage } from '../../../schemas/generated/core-v1.ts';

/** One image, by one of its names. */
export interface ImageState {
  /** Bytes, as the first node said that had it. */
  readonly size: number;
  /** On how many nodes it is. */
  readonly nodes: number;
}
/** Which images there are in the cluster, kept current node by node. Source: scheduler cache addNodeImageStates. */
export class ImageTable {
  readonly #images = new Map<string, { readonly size: number; nodes: number }>();

  get(name: string): ImageState | undefined {
    return this.#images.get(name);
  }
  /** What a node has. */
  add(images: readonly ContainerImage[] | undefined): void {
    if (images === undefined || images.length === 0) return;
    const seen = new Set<string>();
    for (const { names, sizeBytes } of images)
      for (const name of names ?? []) {
        if (seen.has(name)) continue;
        seen.add(name);
        const known = this.#images.get(name);
        if (known === undefined) this.#images.set(name, { size: sizeBytes ?? 0, nodes: 1 });
        else known.nodes++;
      }
  }
  /** What a node had. */
  remove(names: Iterable<string>): void {
    for (const name of names) {
      const known = this.#images.get(name);
      if (known !== undefined && --known.nodes === 0) this.#images.delete(name);
    }
  }
}
