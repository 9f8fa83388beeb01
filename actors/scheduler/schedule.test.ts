import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitError } from './fit-error.ts';
import { preempt } from './preemption.ts';
import type { FilterPlugin } from './plugins/plugin.ts';
import { defaultProfile, type Profile } from './plugins/profile.ts';
import { feasibleNodesToFind, schedule, type Diagnosis } from './schedule.ts';
import { podInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import { aNode, aPod } from './testing/objects.ts';
import { cycleOf, snapshotOf } from './testing/place.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';

const options = { profile: defaultProfile, startIndex: 0, random: () => 0.5 };
function refusal(pod: Pod, snapshot: Snapshot): Diagnosis {
  const verdict = schedule(cycleOf(pod, snapshot), options);
  if (!('rejected' in verdict)) throw new Error(`placed on ${verdict.node}`);
  return verdict.rejected;
}

describe('schedule', () => {
  it('never gives a node more than it has, whatever comes and goes', () => {
    const step = fc.record({ cpu: fc.integer({ min: 0, max: 1_500 }), memory: fc.integer({ min: 0, max: 900 }), leaves: fc.boolean(), port: fc.option(fc.integer({ min: 1, max: 3 })) }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, n) => {
        const nodes = Array.from({ length: n }, (_, i) => aNode(`n${i}`, { allocatable: { cpu: '2', memory: '1000Mi', pods: '5' } })); // prettier-ignore
        const snapshot = snapshotOf(nodes);
        const placed: string[] = [];
        for (const [i, s] of steps.entries()) {
          if (s.leaves && placed.length > 0) snapshot.removePod(placed.shift()!);
          const pod = aPod(`p${i}`, {
            uid: `p${i}`,
            requests: { cpu: `${s.cpu}m`, memory: `${s.memory}Mi` },
            ...(s.port !== null && { spec: { containers: [{ name: 'c', resources: { requests: { cpu: `${s.cpu}m`, memory: `${s.memory}Mi` } }, ports: [{ containerPort: 1, hostPort: s.port }] }] } }),
          }); // prettier-ignore
          const verdict = schedule(cycleOf(pod, snapshot), { ...options, startIndex: i % n });
          if ('rejected' in verdict) continue;
          snapshot.assume(podInfo(pod), verdict.node);
          placed.push(`p${i}`);
        }
        for (const node of snapshot.nodes) {
          const ports = [...node.pods.values()].flatMap((p) => p.ports.map((q) => q.port));
          expect(node.pods.size).toBeLessThanOrEqual(5);
          expect(node.requested.get('cpu') ?? 0).toBeLessThanOrEqual(2_000);
          expect(node.requested.get('memory') ?? 0).toBeLessThanOrEqual(1_000 * 2 ** 20);
          expect(new Set(ports).size).toBe(ports.length);
          const sum = [...node.pods.values()].reduce((total, p) => total + (p.requests.get('cpu') ?? 0), 0);
          expect(node.requested.get('cpu') ?? 0).toBe(sum);
        }
      }),
    );
  });
  it('says why, reason by reason', () => {
    const snapshot = snapshotOf([
      aNode('a', { allocatable: { cpu: '1' } }),
      aNode('b', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      aNode('c', { spec: { unschedulable: true } }),
    ]);
    expect(fitError(refusal(aPod('p', { requests: { cpu: '2' } }), snapshot))).toBe(
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.',
    );
    expect(fitError(refusal(aPod('p'), snapshotOf([])))).toBe('no nodes available to schedule pods');
  });
  it('looks at named nodes only', () => {
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: ['b'] }] }] } } }; // prettier-ignore
    const snapshot = snapshotOf([aNode('a'), aNode('b'), aNode('c')]);
    expect(schedule(cycleOf(aPod('p', { spec: { affinity } }), snapshot), options)).toMatchObject({ node: 'b', feasible: 1 }); // prettier-ignore
    const full = snapshotOf([aNode('a'), aNode('b', { spec: { unschedulable: true } })]);
    expect(fitError(refusal(aPod('p', { spec: { affinity } }), full))).toBe(
      "0/2 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity], 1 node(s) were unschedulable.",
    );
  });
  it('leaves room for pods that were promised a node', () => {
    const snapshot = snapshotOf([aNode('a', { allocatable: { cpu: '1' } })]);
    snapshot.nominate(podInfo(aPod('promised', { requests: { cpu: '1' }, spec: { priority: 10 } })), 'a');
    expect(fitError(refusal(aPod('p', { requests: { cpu: '1' } }), snapshot))).toContain('1 Insufficient cpu');
    expect(schedule(cycleOf(aPod('vip', { requests: { cpu: '1' }, spec: { priority: 20 } }), snapshot), options)).toMatchObject({ node: 'a' }); // prettier-ignore
    expect(snapshot.get('a')!.pods.size).toBe(0);
  });
  it('stops searching when it has enough', () => {
    expect([50, 100, 200, 1_000, 5_000, 10_000].map((n) => feasibleNodesToFind(n))).toEqual([50, 100, 100, 420, 500, 500]); // prettier-ignore
    expect(feasibleNodesToFind(1_000, 70)).toBe(700);
  });
});
describe('preemption', () => {
  const low = (name: string, cpu: string, priority: number, o: object = {}): Pod =>
    aPod(name, { uid: name, requests: { cpu }, spec: { priority }, ...o });
  const high = aPod('high', { requests: { cpu: '1' }, spec: { priority: 100 } });
  const run = (snapshot: Snapshot, pod = high, budgets: Parameters<typeof preempt>[1]['budgets'] = []) =>
    preempt(cycleOf(pod, snapshot), {
      profile: defaultProfile,
      diagnosis: refusal(pod, snapshot),
      budgets,
      random: () => 0,
    });
  const node = (name: string) => aNode(name, { allocatable: { cpu: '2' } });

  it('takes as few and as unimportant as will do, and leaves the snapshot as it was', () => {
    const snapshot = snapshotOf([node('a'), node('b')], {
      a: [low('a1', '1', 5), low('a2', '1', 1)],
      b: [low('b1', '2', 3)],
    });
    expect(run(snapshot)).toMatchObject({ candidate: { node: 'a', victims: [{ name: 'a2' }], violations: 0 } });
    expect(snapshot.nodes.map((n) => n.requested.get('cpu'))).toEqual([2_000, 2_000]);
  });
  it('spares those whose budget would be violated', () => {
    const snapshot = snapshotOf([node('a'), node('b')], {
      a: [low('a1', '2', 1, { labels: { app: 'x' } })],
      b: [low('b1', '2', 9)],
    });
    const budget = { namespace: 'default', allowed: 0, selects: (p: { labels?: unknown }) => p.labels !== undefined };
    expect(run(snapshot, high, [budget])).toMatchObject({ candidate: { node: 'b' } });
  });
  it('says when it cannot help', () => {
    const snapshot = snapshotOf([node('a'), aNode('b', { spec: { unschedulable: true } })], {
      a: [low('a1', '2', 100)],
    });
    expect(run(snapshot)).toEqual({
      unhelpful:
        'preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
      renounces: true,
    });
    const never = aPod('n', { requests: { cpu: '1' }, spec: { priority: 100, preemptionPolicy: 'Never' } });
    expect(run(snapshot, never)).toMatchObject({
      unhelpful: 'preemption: not eligible due to preemptionPolicy=Never.',
    });
  });
  it('is tried where a plugin refused the pod for every node, if that may be lifted', () => {
    const strict = (resolvable: boolean): FilterPlugin => ({
      name: 'Strict',
      prepare: ({ snapshot: { nodes } }) =>
        nodes.some((n) => n.pods.size > 0)
          ? { reject: { plugin: 'Strict', reasons: ['too many'], resolvable } }
          : 'skip',
      hint: () => false,
    });
    const snapshot = snapshotOf([node('a')], { a: [low('a1', '1', 5)] });
    const attempt = (plugin: FilterPlugin) => {
      const profile: Profile = { filters: [plugin], postFilters: [], scores: [] };
      const verdict = schedule(cycleOf(high, snapshot), { ...options, profile });
      if (!('rejected' in verdict)) throw new Error('placed');
      expect(verdict.rejected.reason).toBe('too many');
      return preempt(cycleOf(high, snapshot), { profile, diagnosis: verdict.rejected, budgets: [], random: () => 0 });
    };
    expect(attempt(strict(true))).toMatchObject({ candidate: { node: 'a', victims: [{ name: 'a1' }] } });
    expect(attempt(strict(false))).toMatchObject({ unhelpful: 'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.' }); // prettier-ignore
  });
});
