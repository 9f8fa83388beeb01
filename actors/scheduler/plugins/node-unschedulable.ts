import { tolerates } from '../../../schemas/helpers/tolerations.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'NodeUnschedulable';
const REJECTED = rejection(NAME, 'node(s) were unschedulable');
const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' as const };

/** Cordoned nodes take only pods that tolerate the cordon's taint. */
export const nodeUnschedulable = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod }) =>
    pod.tolerations.some((t) => tolerates(t, TAINT))
      ? 'skip'
      : { filter: (node) => (node.node?.spec?.unschedulable === true ? REJECTED : undefined) },
  hint: (event) =>
    event.type === 'node.added'
      ? event.node.node.spec?.unschedulable !== true
      : event.type === 'node.updated' &&
        event.old.spec?.unschedulable === true &&
        event.node.node.spec?.unschedulable !== true,
});
