import { bold, dim, table } from '../cli/output.ts';
import type { NodeExplanation, PodExplanation } from './explain-pod.ts';

/** For people: what happened, every node's verdict, the scores, and what comes next. */
export function explanationText(e: PodExplanation): string {
  return [headline(e), verdicts(e), scores(e), outcome(e)].filter((part) => part !== '').join('\n\n');
}
function headline({ pod, revision, bound }: PodExplanation): string {
  const who = bold(`pod ${pod.namespace}/${pod.name}`);
  if (bound?.revision !== undefined)
    return `${who} was bound to ${bound.node} at revision ${bound.revision}; before that, as of revision ${revision}:`;
  if (bound !== undefined) return `${who} is on ${bound.node}; were it to be placed as of revision ${revision}:`;
  return `${who} has no node as of revision ${revision}:`;
}
function verdicts({ nodes, best, message }: PodExplanation): string {
  if (nodes.length === 0) return '';
  const refusedAtOnce = nodes.every((node) => !node.feasible && node.plugin === undefined);
  if (refusedAtOnce) return message ?? '';
  const verdict = (node: NodeExplanation): string[] =>
    node.feasible
      ? [best.includes(node.name) ? 'best' : 'fits', '', String(node.total)]
      : ['no', `${node.plugin}: ${node.reasons!.join(', ')}${node.resolvable ? ' (preemption may help)' : ''}`, ''];
  const rows = nodes.map((node) => {
    const [fits, why, total] = verdict(node);
    return [node.name, fits!, total!, why!];
  });
  return table(['NODE', 'VERDICT', 'TOTAL', 'WHY'], rows);
}
/** A column a plugin, its weight in the head: normalized, and what it was before where that is another number. */
function scores({ nodes }: PodExplanation): string {
  const fitting = nodes.filter((node) => node.feasible);
  const plugins = Object.entries(fitting[0]?.scores ?? {});
  if (plugins.length === 0) return '';
  const cell = (node: NodeExplanation, plugin: string): string => {
    const { raw, normalized, weight } = node.scores![plugin]!;
    return `${normalized * weight}${raw === normalized ? '' : ` (${Number(raw.toFixed(2))} -> ${normalized})`}`;
  };
  const head = plugins.map(([plugin, { weight }]) => (weight === 1 ? plugin : `${plugin} x${weight}`));
  const rows = fitting.map((node) => [node.name, ...plugins.map(([plugin]) => cell(node, plugin)), String(node.total)]);
  const legend = dim('Scores: 0 to 100 times the weight; in brackets what the plugin counted -> 0 to 100.');
  return `${table(['SCORES OF', ...head, 'TOTAL'], rows)}\n${legend}`;
}
function outcome(e: PodExplanation): string {
  const lines: string[] = [];
  const { best, bound, message, preemption, nominated } = e;
  if (best.length > 1) lines.push(`Tie: one of ${best.join(', ')} is drawn.`);
  if (bound !== undefined && best.length > 0 && !best.includes(bound.node))
    lines.push(`It is on ${bound.node}, which is not the best: the scheduler saw pods on their way, or not all nodes, or somebody else bound it.`); // prettier-ignore
  if (message !== undefined) lines.push(`Told: ${message}`);
  if (nominated !== undefined) lines.push(`Nominated: ${nominated}`);
  if (preemption !== undefined) {
    const victims = preemption.victims.map((v) => `${v.namespace}/${v.name} (priority ${v.priority})`).join(', ');
    const budgets = preemption.violatedBudgets === 0 ? '' : `; ${preemption.violatedBudgets} of them against their disruption budget`; // prettier-ignore
    lines.push(`Preemption: on ${preemption.node} it would have ${victims} evicted${budgets}.`);
  }
  if (e.asksOthers) lines.push('Extenders or plugins of your own have a say too: they are not asked here.');
  for (const what of e.waitsFor) lines.push(`Waits for: ${what}`);
  return lines.join('\n');
}
