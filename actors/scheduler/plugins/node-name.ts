import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'NodeName';
const REJECTED = rejection(NAME, "node(s) didn't match the requested node name");

/** A pod that names its node goes there or nowhere. */
export const nodeName = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod }) => {
    const wanted = pod.pod.spec?.nodeName;
    return wanted === undefined || wanted === ''
      ? 'skip'
      : { filter: (node) => (node.name === wanted ? undefined : REJECTED) };
  },
  hint: (event, pod) => event.type === 'node.added' && event.node.name === pod.pod.spec?.nodeName,
});
