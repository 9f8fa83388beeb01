import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { compileMap } from '../../../schemas/helpers/label-match.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { podInfo } from './pod-info.ts';
import { Snapshot } from './snapshot.ts';

const NODES = ['n1', 'n2', 'n3', 'n4'];
const POD = { node: fc.constantFrom(...NODES), uid: fc.integer({ min: 0, max: 7 }), app: fc.constantFrom('x', 'y') };
/** undefined: the label is not there. */
const value = fc.option(fc.constantFrom('', 'a', 'b'), { nil: undefined });
const step = fc.oneof(
  fc.record({ do: fc.constant('node' as const), node: POD.node, zone: value, rack: value }),
  fc.record({ do: fc.constant('node gone' as const), node: POD.node }),
  fc.record({ do: fc.constantFrom('pod' as const, 'assume' as const), ...POD, leaving: fc.boolean() }),
  fc.record({ do: fc.constantFrom('pod gone' as const, 'forget' as const, 'confirm' as const), uid: POD.uid }),
  fc.record({ do: fc.constant('think away' as const), node: POD.node }),
);
function labelled(name: string, zone: string | undefined, rack: string | undefined): Node {
  const labels = { ...(zone !== undefined && { zone }), ...(rack !== undefined && { rack }) };
  return { ...aNode(name), metadata: { name, labels } };
}
const matches = compileMap({ app: 'x' });
const QUESTIONS = [['zone'], ['zone', 'rack'], undefined] as const;

/** As it is told, node by node. */
function recount(snapshot: Snapshot, keys: readonly string[] | undefined) {
  const by: Record<string, number> = {};
  const values = new Set<string>();
  let isComplete = true;
  for (const node of snapshot.nodes) {
    if (keys?.some((key) => node.labels[key] === undefined)) {
      isComplete = false;
      continue;
    }
    const domain = node.labels['zone'] ?? '';
    values.add(domain);
    for (const pod of node.pods.values())
      if (pod.namespace === 'default' && !pod.terminating && matches(pod.labels)) by[domain] = (by[domain] ?? 0) + 1;
  }
  return { by, values, isComplete };
}
function kept(snapshot: Snapshot, keys: readonly string[] | undefined) {
  const { values, isComplete } = snapshot.topology('zone', keys);
  return { by: Object.fromEntries(snapshot.countPodsIn('default', 'x', matches, 'zone', keys)), values, isComplete };
}

it('what is kept of domains is what counting them anew would give, whatever happens to nodes and pods', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const snapshot = new Snapshot();
      const check = (): void => {
        for (const keys of QUESTIONS) expect(kept(snapshot, keys)).toEqual(recount(snapshot, keys));
      };
      // Asked from the start, so that all that follows is kept and not counted.
      check();
      for (const s of steps) {
        if (s.do === 'node') snapshot.setNode(labelled(s.node, s.zone, s.rack));
        else if (s.do === 'node gone') snapshot.removeNode(s.node);
        else if (s.do === 'pod gone') snapshot.removePod(String(s.uid));
        else if (s.do === 'forget') snapshot.forget(String(s.uid));
        else if (s.do === 'confirm') snapshot.confirm(String(s.uid));
        else if (s.do === 'think away') {
          const pods = [...(snapshot.get(s.node)?.pods.values() ?? [])];
          snapshot.without(pods, s.node, check);
        } else if ('app' in s) {
          const pod = aPod(`p${s.uid}`, { uid: String(s.uid), labels: { app: s.app } });
          const deletionTimestamp = s.leaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
          const info = podInfo({ ...pod, metadata: { ...pod.metadata, ...deletionTimestamp } });
          if (s.do === 'pod') snapshot.setPod(info, s.node);
          else snapshot.assume(info, s.node);
        }
        check();
      }
    }),
    { numRuns: 150 },
  );
});
