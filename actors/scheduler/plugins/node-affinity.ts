import type { PodSpec } from '../../../schemas/generated/core-v1.ts';
import { constrainsNode, matchesNode, matchesTerm, type NodeIdentity } from '../../../schemas/helpers/node-affinity.ts';
import type { NodeAffinityArgs } from './args.ts';
import { normalizeByMax, rejection, type FilterPlugin, type ScorePlugin } from './plugin.ts';

const NAME = 'NodeAffinity';
const NOT_ENFORCED = rejection(NAME, "node(s) didn't match scheduler-enforced node affinity");
const REJECTED = rejection(NAME, "node(s) didn't match Pod's node affinity/selector");

/** nodeSelector and required node affinity admit, preferred node affinity attracts. */
export const nodeAffinity = ({ addedAffinity }: NodeAffinityArgs = {}): FilterPlugin & ScorePlugin => {
  const enforced = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const isAdmitted = (node: NodeIdentity): boolean =>
    enforced === undefined || enforced.some((term) => matchesTerm(term, node));
  const addedTerms = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    name: NAME,
    prepare: ({ pod }) => {
      const spec = pod.pod.spec;
      if (spec === undefined) return 'skip';
      if (!constrainsNode(spec))
        return enforced === undefined ? 'skip' : { filter: (node) => (isAdmitted(node) ? undefined : NOT_ENFORCED) };
      const only = namedNodes(spec);
      if (only?.size === 0) return { reject: rejection(NAME, 'pod affinity terms conflict') };
      return {
        filter: (node) => (!isAdmitted(node) ? NOT_ENFORCED : matchesNode(spec, node) ? undefined : REJECTED),
        ...(only && { only }),
      };
    },
    hint: (event, pod) => {
      if (event.type !== 'node.added' && event.type !== 'node.updated') return false;
      const spec = pod.pod.spec;
      if (spec === undefined || !isAdmitted(event.node) || !matchesNode(spec, event.node)) return false;
      return (
        event.type === 'node.added' || !matchesNode(spec, { name: event.node.name, labels: event.old.metadata.labels })
      );
    },
    prepareScore: ({ pod }) => {
      const own = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      if (own.length + addedTerms.length === 0) return undefined;
      const terms = [...addedTerms, ...own];
      return {
        score: (node) => {
          let sum = 0;
          for (const { preference, weight } of terms) if (weight !== 0 && matchesTerm(preference, node)) sum += weight;
          return sum;
        },
        normalize: (scores) => normalizeByMax(scores, false),
      };
    },
  };
};
/** If every required term pins metadata.name: the nodes that some term names. */
function namedNodes(spec: PodSpec): ReadonlySet<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let here: Set<string> | undefined;
    for (const field of term.matchFields ?? [])
      if (field.key === 'metadata.name' && field.operator === 'In') {
        const values = new Set(field.values);
        here = here === undefined ? values : new Set([...here].filter((name) => values.has(name)));
      }
    if (here === undefined) return undefined;
    for (const name of here) names.add(name);
  }
  return names;
}
