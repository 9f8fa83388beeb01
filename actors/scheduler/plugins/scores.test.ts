import { describe, expect, it } from 'vitest';
import type { Affinity } from '../../../schemas/generated/core-v1.ts';
import { compileMap } from '../../../schemas/helpers/label-match.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { scores, snapshotOf } from '../testing/place.ts';
import { balancedAllocation } from './balanced-allocation.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { defaultProfile } from './profile.ts';
import { taintToleration } from './taint-toleration.ts';

const zone = (name: string, z: string) => aNode(name, { labels: { zone: z, 'topology.kubernetes.io/zone': z } });
const x = (name: string) => aPod(name, { labels: { app: 'x' } });

describe('scores', () => {
  it('weigh as upstream', () => {
    expect(Object.fromEntries(defaultProfile.scores.map(({ plugin, weight }) => [plugin.name, weight]))).toEqual({
      TaintToleration: 3,
      NodeAffinity: 2,
      NodeResourcesFit: 1,
      PodTopologySpread: 2,
      InterPodAffinity: 2,
      DynamicResources: 2,
      NodeResourcesBalancedAllocation: 1,
      ImageLocality: 1,
    });
  });
  it('LeastAllocated likes the emptier node, and counts silent pods as 100m and 200 MB', () => {
    const nodes = [aNode('a', { allocatable: { cpu: '1', memory: '1000Mi' } }), aNode('b', { allocatable: { cpu: '1', memory: '1000Mi' } })]; // prettier-ignore
    const snapshot = snapshotOf(nodes, { a: [aPod('q')] });
    // (1000 - 200) / 1000 and (1000 - 400) / 1000; (1000 - 100) / 1000 and (1000 - 200) / 1000.
    expect(scores(nodeResourcesFit(), aPod('p'), snapshot)).toEqual({ a: 70, b: 85 });
  });
  it('BalancedAllocation likes what evens out cpu and memory, and has no opinion on best effort', () => {
    const snapshot = snapshotOf([aNode('a', { allocatable: { cpu: '2', memory: '2Gi' } }), aNode('b', { allocatable: { cpu: '2', memory: '2Gi' } })], {
      a: [aPod('q', { requests: { cpu: '1' } })],
    }); // prettier-ignore
    const hungry = aPod('p', { requests: { memory: '1Gi' } });
    expect(scores(balancedAllocation(), hungry, snapshot)).toEqual({ a: 87, b: 62 });
    expect(scores(balancedAllocation(), aPod('p'), snapshot)).toBeUndefined();
  });
  it('NodeAffinity adds up preferred terms', () => {
    const prefer = (weight: number, z: string) => ({
      weight,
      preference: { matchExpressions: [{ key: 'zone', operator: 'In' as const, values: [z] }] },
    });
    const affinity: Affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [prefer(10, '1'), prefer(5, '2')] },
    };
    const snapshot = snapshotOf([zone('a', '1'), zone('b', '2'), zone('c', '3')]);
    expect(scores(nodeAffinity(), aPod('p', { spec: { affinity } }), snapshot)).toEqual({ a: 100, b: 50, c: 0 });
  });
  it('TaintToleration dislikes PreferNoSchedule', () => {
    const taint = (key: string) => ({ key, effect: 'PreferNoSchedule' as const });
    const snapshot = snapshotOf([
      aNode('a'),
      aNode('b', { spec: { taints: [taint('k')] } }),
      aNode('c', { spec: { taints: [taint('k'), taint('l')] } }),
    ]);
    expect(scores(taintToleration(), aPod('p'), snapshot)).toEqual({ a: 100, b: 50, c: 0 });
  });
  it('ImageLocality likes nodes with big images, less so when few have them', () => {
    const has = (name: string, sizeBytes: number) => aNode(name, { images: [{ names: ['app:latest'], sizeBytes }] });
    const snapshot = snapshotOf([has('a', 523 * 2 ** 20), aNode('b')]);
    // 523 MiB on half of the nodes counts as 261.5 MiB: (261.5 - 23) / (1000 - 23).
    expect(scores(imageLocality(), aPod('p'), snapshot)).toEqual({ a: 24, b: 0 });
    expect(scores(imageLocality(), aPod('p', { spec: { containers: [{ name: 'c', image: 'other' }] } }), snapshot)).toEqual({ a: 0, b: 0 }); // prettier-ignore
  });
  it('PodTopologySpread likes domains with fewer of its kind', () => {
    const pod = aPod('p', {
      labels: { app: 'x' },
      spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app: 'x' } } }] },
    }); // prettier-ignore
    const snapshot = snapshotOf([zone('a', '1'), zone('b', '2'), aNode('n')], { a: [x('1'), x('2')] });
    const s = scores(podTopologySpread(), pod, snapshot)!;
    expect(s['b']).toBe(100);
    expect(s['a']).toBe(0);
    expect(s['n']).toBe(0);
  });
  it('PodTopologySpread spreads the pods of one owner by default', () => {
    const owners = { key: 'app=x', matches: compileMap({ app: 'x' }) };
    const snapshot = snapshotOf([zone('a', '1'), zone('b', '1'), zone('c', '2')], { a: [x('1'), x('2'), x('3')] });
    const s = scores(podTopologySpread(), x('p'), snapshot, owners)!;
    expect(s['c']).toBeGreaterThan(s['b']!);
    expect(s['b']).toBeGreaterThan(s['a']!);
    expect(scores(podTopologySpread(), x('p'), snapshot)).toBeUndefined();
  });
  it('InterPodAffinity follows wishes, the pod’s own and those of pods there', () => {
    const wish = (kind: 'podAffinity' | 'podAntiAffinity', weight: number): Affinity => ({
      [kind]: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } } },
        ],
      },
    });
    const nodes = [zone('a', '1'), zone('b', '2'), zone('c', '3')];
    const there = snapshotOf(nodes, { a: [x('1')] });
    expect(scores(interPodAffinity(), aPod('p', { spec: { affinity: wish('podAffinity', 7) } }), there)).toEqual({ a: 100, b: 0, c: 0 }); // prettier-ignore
    expect(scores(interPodAffinity(), aPod('p', { spec: { affinity: wish('podAntiAffinity', 7) } }), there)).toEqual({ a: 0, b: 100, c: 100 }); // prettier-ignore
    const shunning = snapshotOf(nodes, { b: [aPod('q', { spec: { affinity: wish('podAntiAffinity', 7) } })] });
    expect(scores(interPodAffinity(), x('p'), shunning)).toEqual({ a: 100, b: 0, c: 100 });
  });
});
