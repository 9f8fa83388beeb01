import { MAX_SCORE, type ScorePlugin } from './plugin.ts';

const MIN_BYTES = 23 * 1024 * 1024;
/** A container. */
const MAX_BYTES = 1000 * 1024 * 1024;

/**
 * Likes nodes that already hold the pod's images, the more the bigger these are; an image few nodes have counts less,
 * lest all pods crowd there. Source: scheduler imagelocality/image_locality.go.
 */
export const imageLocality = (): ScorePlugin => ({
  name: 'ImageLocality',
  prepareScore: ({ pod, snapshot }) => {
    const spec = pod.pod.spec;
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    const images = containers.map((c) => normalizedImageName(c.image ?? '')).filter((name) => snapshot.imageNodes(name) > 0); // prettier-ignore
    if (images.length === 0) return undefined;
    const spread = images.map((name) => snapshot.imageNodes(name) / snapshot.nodes.length);
    const max = MAX_BYTES * containers.length;
    return {
      score: (node) => {
        let bytes = 0;
        for (let i = 0; i < images.length; i++) bytes += Math.trunc((node.images.get(images[i]!) ?? 0) * spread[i]!);
        return Math.trunc((MAX_SCORE * (Math.min(Math.max(bytes, MIN_BYTES), max) - MIN_BYTES)) / (max - MIN_BYTES));
      },
    };
  },
});
/** Node status lists images with a tag or digest; a name without one means `latest`. */
export const normalizedImageName = (name: string): string =>
  name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
