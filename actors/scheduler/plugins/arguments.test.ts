import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { compileMap } from '../../../schemas/helpers/label-match.ts';
import { podRequests } from '../../../schemas/helpers/pod-resources.ts';
import { podInfo } from '../snapshot/pod-info.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { cycleOf, scores, snapshotOf, verdicts } from '../testing/place.ts';
import { balancedAllocation } from './balanced-allocation.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

const half = aNode('half', { allocatable: { cpu: '1', memory: '1000Mi' } });
const empty = aNode('empty', { allocatable: { cpu: '1', memory: '1000Mi' } });
const wants = (cpu: string, memory: string): Pod => aPod('p', { requests: { cpu, memory } });
const using = snapshotOf([half, empty], { half: [aPod('q', { requests: { cpu: '400m', memory: '400Mi' } })] });

describe('NodeResourcesFit', () => {
  it('likes full nodes, or what the shape says', () => {
    const pod = wants('100m', '100Mi');
    expect(scores(nodeResourcesFit({ scoringStrategy: { type: 'MostAllocated' } }), pod, using)).toEqual({ half: 50, empty: 10 });
    const requestedToCapacityRatio = { shape: [{ utilization: 0, score: 0 }, { utilization: 50, score: 10 }, { utilization: 100, score: 2 }] };
    const ratio = nodeResourcesFit({ scoringStrategy: { type: 'RequestedToCapacityRatio', requestedToCapacityRatio } });
    expect(scores(ratio, pod, using)).toEqual({ half: 100, empty: 20 });
  }); // prettier-ignore
  it('weighs resources, extended ones only for who asks for them', () => {
    const gpu = aNode('gpu', { allocatable: { cpu: '1', memory: '1000Mi', 'example.com/gpu': '4' } });
    const resources = [{ name: 'cpu', weight: 3 }, { name: 'example.com/gpu', weight: 1 }];
    const plugin = nodeResourcesFit({ scoringStrategy: { resources } });
    expect(scores(plugin, wants('500m', '1'), snapshotOf([gpu]))).toEqual({ gpu: 50 });
    expect(scores(plugin, aPod('p', { requests: { cpu: '500m', 'example.com/gpu': '1' } }), snapshotOf([gpu]))).toEqual({ gpu: 56 });
  }); // prettier-ignore
  it('passes over extended resources that are told to be', () => {
    const pod = aPod('p', { requests: { 'example.com/gpu': '1', 'other.org/x': '1', 'hugepages-2Mi': '2Mi' } });
    const say = (plugin: ReturnType<typeof nodeResourcesFit>): string | undefined => verdicts(plugin, pod, using)['empty'];
    expect(say(nodeResourcesFit())).toBe('!Insufficient example.com/gpu, Insufficient other.org/x, Insufficient hugepages-2Mi');
    expect(say(nodeResourcesFit({ ignoredResources: ['other.org/x', 'hugepages-2Mi'], ignoredResourceGroups: ['example.com'] }))).toBe('!Insufficient hugepages-2Mi');
  }); // prettier-ignore
  it('leaves what devices may stand for to them, but on nodes that have it themselves', () => {
    const pod = aPod('p', { requests: { 'example.com/gpu': '2' } });
    const snapshot = snapshotOf([empty, aNode('few', { allocatable: { 'example.com/gpu': '1' } })]);
    const prepared = nodeResourcesFit().prepare({ ...cycleOf(pod, snapshot), isDeviceResource: () => true });
    if (prepared === 'skip' || 'reject' in prepared) throw new Error('no filter');
    expect(snapshot.nodes.map((node) => prepared.filter(node)?.reasons)).toEqual([undefined, ['Insufficient example.com/gpu']]);
  }); // prettier-ignore
  it('scores what containers ask for, the pod itself only counts once it is there', () => {
    const pod = aPod('p', { uid: 'p', spec: { resources: { requests: { cpu: '800m' } }, containers: [{ name: 'c' }] } });
    // 100m and 200 MiB of floors: 90 % and 80 % are left.
    expect(scores(nodeResourcesFit(), pod, snapshotOf([empty]))).toEqual({ empty: 85 });
    expect([...podInfo(pod).scoredRequests]).toEqual([['memory', 200 * 2 ** 20], ['cpu', 800]]);
    expect(verdicts(nodeResourcesFit(), aPod('r', { requests: { cpu: '300m' } }), snapshotOf([empty], { empty: [pod] }))).toEqual({ empty: 'Insufficient cpu' });
  }); // prettier-ignore
  it('counts what containers have while they shrink, and not what they can never get', () => {
    const resizing = (reason?: string): Pod =>
      aPod('p', {
        requests: { cpu: '200m' },
        status: {
          containerStatuses: [{ name: 'main', image: '', imageID: '', ready: true, restartCount: 0, resources: { requests: { cpu: '500m' } }, allocatedResources: { cpu: '400m' } }],
          ...(reason && { conditions: [{ type: 'PodResizePending', status: 'True', reason }] }),
        },
      });
    expect(podRequests(resizing(), { useStatus: true }).get('cpu')).toBe(500);
    expect(podRequests({ ...resizing('Infeasible'), spec: { containers: [{ name: 'main', resources: { requests: { cpu: '2' } } }] } }, { useStatus: true }).get('cpu')).toBe(500);
    expect(podRequests(resizing()).get('cpu')).toBe(200);
  }); // prettier-ignore
});
it('BalancedAllocation takes any number of resources', () => {
  const node = aNode('n', { allocatable: { cpu: '1', memory: '100', 'ephemeral-storage': '100' } });
  const resources = [{ name: 'cpu' }, { name: 'memory' }, { name: 'ephemeral-storage' }];
  // Shares 0.5, 0, 0: a deviation of 0.2357.
  expect(scores(balancedAllocation({ resources }), aPod('p', { requests: { cpu: '500m' } }), snapshotOf([node]))).toEqual({ n: 50 + Math.trunc((50 + 76 - 100) / 2) }); // prettier-ignore
});
it('NodeAffinity holds all pods of the profile to what was added', () => {
  const term = (zone: string) => ({ matchExpressions: [{ key: 'zone', operator: 'In' as const, values: [zone] }] });
  const plugin = nodeAffinity({
    addedAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term('z1'), term('z2')] },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference: term('z2') }],
    },
  });
  const snapshot = snapshotOf(['z1', 'z2', 'z3'].map((zone) => aNode(zone, { labels: { zone } })));
  const enforced = "!node(s) didn't match scheduler-enforced node affinity";
  expect(verdicts(plugin, aPod('p'), snapshot)).toEqual({ z1: 'ok', z2: 'ok', z3: enforced });
  expect(verdicts(plugin, aPod('p', { spec: { nodeSelector: { zone: 'z1' } } }), snapshot)).toEqual({ z1: 'ok', z2: "!node(s) didn't match Pod's node affinity/selector", z3: enforced }); // prettier-ignore
  expect(scores(plugin, aPod('p'), snapshot)).toEqual({ z1: 0, z2: 100, z3: 0 });
});
it('InterPodAffinity weighs required terms as told, or not at all', () => {
  const friendly = aPod('q', {
    spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } }], preferredDuringSchedulingIgnoredDuringExecution: [] } } },
  }); // prettier-ignore
  const snapshot = snapshotOf([aNode('a'), aNode('b')], { a: [friendly] });
  const pod = aPod('p', { labels: { app: 'x' } });
  expect(scores(interPodAffinity({ hardPodAffinityWeight: 7 }), pod, snapshot)).toEqual({ a: 100, b: 0 });
  expect(scores(interPodAffinity({ hardPodAffinityWeight: 0 }), pod, snapshot)).toBeUndefined();
  expect(scores(interPodAffinity({ ignorePreferredTermsOfExistingPods: true }), pod, snapshot)).toBeUndefined();
});
it('PodTopologySpread has constraints for pods that name none', () => {
  const plugin = podTopologySpread({
    defaultingType: 'List',
    defaultConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
  });
  const pod = (name: string): Pod => aPod(name, { labels: { app: 'x' } });
  const snapshot = snapshotOf([aNode('a', { labels: { zone: '1' } }), aNode('b', { labels: { zone: '2' } })], { a: [pod('q')] }); // prettier-ignore
  const owners = { key: 'app=x', matches: compileMap({ app: 'x' }) };
  const prepared = plugin.prepare(cycleOf(pod('p'), snapshot, owners));
  if (prepared === 'skip' || 'reject' in prepared) throw new Error('no filter');
  expect(snapshot.nodes.map((node) => prepared.filter(node)?.reasons[0])).toEqual(["node(s) didn't match pod topology spread constraints", undefined]); // prettier-ignore
  expect(plugin.prepare(cycleOf(pod('p'), snapshot))).toBe('skip');
  expect(scores(plugin, pod('p'), snapshot, owners)).toBeUndefined();
});
