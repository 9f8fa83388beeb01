import { MAX_SCORE, type Scorer, type ScorePlugin } from './plugin.ts';

const MIN_BYTES = 23 * 1024 * 1024;
/** A container. */
const MAX_BYTES = 1000 * 1024 * 1024;

const NOWHERE: Scorer = { score: () => 0 };

/**
 * Likes nodes that already hold the pod's images (its volumes' too), the more the bigger these are; an image few nodes
 * have counts less, lest all pods crowd there. Source: scheduler imagelocality/image_locality.go.
 */
export const imageLocality = (): ScorePlugin => ({
  name: 'ImageLocality',
  prepareScore: ({ pod, snapshot }) => {
    const spec = pod.pod.spec;
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    const named = containers.map(({ image }) => image ?? '');
    for (const { image } of spec?.volumes ?? []) if (image !== undefined) named.push(image.reference ?? '');
    const images: { readonly name: string; readonly bytes: number }[] = [];
    for (const each of named) {
      const name = normalizedImageName(each);
      const state = snapshot.image(name);
      if (state !== undefined)
        images.push({ name, bytes: Math.trunc(state.size * (state.nodes / snapshot.nodes.length)) });
    }
    if (images.length === 0) return NOWHERE;
    const max = MAX_BYTES * containers.length;
    return {
      score: (node) => {
        let sum = 0;
        for (const { name, bytes } of images) if (node.images.has(name)) sum += bytes;
        return Math.trunc((MAX_SCORE * (Math.min(Math.max(sum, MIN_BYTES), max) - MIN_BYTES)) / (max - MIN_BYTES));
      },
    };
  },
});
/** Node status lists images with a tag or digest; a name without one means `latest`. */
const normalizedImageName = (name: string): string =>
  name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
