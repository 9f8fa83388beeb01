import { tolerates, untoleratedTaint } from '../../../schemas/helpers/tolerations.ts';
import { MAX_SCORE, normalizeByMax, rejection, type FilterPlugin, type Scorer, type ScorePlugin } from './plugin.ts';

const NAME = 'TaintToleration';
const REJECTED = rejection(NAME, 'node(s) had untolerated taint(s)');

const ALL_ALIKE: Scorer = { score: () => MAX_SCORE };

/** Taints NoSchedule and NoExecute keep pods away, PreferNoSchedule makes a node less liked. */
export const taintToleration = (): FilterPlugin & ScorePlugin => ({
  name: NAME,
  prepare: ({ pod }) => ({
    filter: (node) =>
      node.taints.length > 0 && untoleratedTaint(node.taints, pod.tolerations, 'NoSchedule', 'NoExecute') !== undefined
        ? REJECTED
        : undefined,
  }),
  hint: (event, pod) =>
    (event.type === 'node.added' || event.type === 'node.updated') &&
    untoleratedTaint(event.node.node.spec?.taints, pod.tolerations, 'NoSchedule', 'NoExecute') === undefined,
  prepareScore: ({ pod }, feasible) => {
    if (!feasible.some((node) => node.taints.some((taint) => taint.effect === 'PreferNoSchedule'))) return ALL_ALIKE;
    const relevant = pod.tolerations.filter((t) => !t.effect || t.effect === 'PreferNoSchedule');
    return {
      score: (node) =>
        node.taints.filter((t) => t.effect === 'PreferNoSchedule' && !relevant.some((r) => tolerates(r, t))).length,
      normalize: (scores) => normalizeByMax(scores, true),
    };
  },
});
