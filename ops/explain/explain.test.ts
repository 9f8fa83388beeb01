import { describe, expect, test } from 'vitest';
import { defaultProfile } from '../../actors/scheduler/plugins/profile.ts';
import { aNode, aPod } from '../../actors/scheduler/testing/objects.ts';
import { encode } from '../../bus/codec.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { UserError } from '../cli/output.ts';
import { explainPod, type PodExplanation } from './explain-pod.ts';
import type { History } from './history.ts';
import { explanationText } from './text.ts';

const world = realWorld({ component: 'test', level: 'silent' });
/** What happened, an entry a revision: a key, and what it held from then on (undefined: nothing). */
type Happened = readonly (readonly [key: string, object: KubeObject | undefined])[];

function historyOf(happened: Happened, compactRevision = 0): History {
  return {
    bounds: () => Promise.resolve({ revision: happened.length, compactRevision }),
    read({ key, prefix, revision = happened.length }) {
      if (revision < compactRevision) throw new UserError(`revision ${revision} has been compacted`);
      const found = new Map<string, { readonly object: KubeObject; readonly modRevision: number }>();
      happened.slice(0, revision).forEach(([at, object], i) => {
        if (prefix ? !at.startsWith(key) : at !== key) return;
        if (object === undefined) found.delete(at);
        else found.set(at, { object, modRevision: i + 1 });
      });
      const items = [...found].map(([at, { object, modRevision }]) => ({ key: at, value: encode(object), createRevision: 1, modRevision, version: 1 })); // prettier-ignore
      return Promise.resolve({ revision, count: items.length, items });
    },
  };
}
const node = (name: string, allocatable: Record<string, string> = {}): Happened[number] => [`/registry/minions/${name}`, aNode(name, { allocatable })]; // prettier-ignore
const pod = (pod: Pod): Happened[number] => [`/registry/pods/${pod.metadata.namespace}/${pod.metadata.name}`, pod];
const on = (p: Pod, nodeName: string): Pod => ({ ...p, spec: { ...p.spec!, nodeName } });
const explain = (happened: Happened, o: { name?: string; namespace?: string; at?: number; oldest?: number } = {}): Promise<PodExplanation> =>
  explainPod(
    historyOf(happened, o.oldest),
    { namespace: o.namespace ?? 'default', name: o.name ?? 'web', at: o.at },
    { profileFor: (scheduler) => (scheduler === 'default-scheduler' ? defaultProfile : undefined), world },
  ); // prettier-ignore

const web = aPod('web', { requests: { cpu: '2' } });
const nodes = [node('a'), node('b', { cpu: '1' }), node('c', { cpu: '8' })];

describe('a pod that waits', () => {
  test('sees what each node says, the best first', async () => {
    const found = await explain([...nodes, pod(web)]);
    expect(found.revision).toBe(4);
    expect(found.nodes.map((n) => [n.name, n.feasible, n.plugin, n.reasons])).toEqual([
      ['c', true, undefined, undefined],
      ['a', true, undefined, undefined],
      ['b', false, 'NodeResourcesFit', ['Insufficient cpu']],
    ]);
    const [first] = found.nodes;
    const sum = Object.values(first!.scores!).reduce((total, s) => total + s.normalized * s.weight, 0);
    expect(first!.total).toBe(sum);
    expect(found.best).toEqual(['c']);
    expect(found.waitsFor).toEqual(['its turn: there are nodes that take it']);
  });
  test('is told what it is told by the scheduler where it fits nowhere', async () => {
    const found = await explain([node('b', { cpu: '1' }), pod(web)]);
    expect(found.message).toMatch(/^0\/1 nodes are available: 1 Insufficient cpu\. .*preemption: 0\/1 nodes are available: 1 Preemption is not helpful for scheduling\.$/); // prettier-ignore
    expect(found.waitsFor).toEqual(['a node with more room, or pods that leave or ask for less (NodeResourcesFit)']);
  });
  test('sees whom it would preempt', async () => {
    const small = on(aPod('small', { requests: { cpu: '3' } }), 'a');
    const found = await explain([node('a'), pod(small), pod({ ...web, spec: { ...web.spec!, priority: 10 } })]);
    expect(found.preemption).toEqual({ node: 'a', victims: [{ namespace: 'default', name: 'small', priority: 0 }], violatedBudgets: 0 }); // prettier-ignore
    expect(explanationText(found)).toContain('it would have default/small (priority 0) evicted');
  });
  test.each([
    ['its gates', { schedulingGates: [{ name: 'example.com/g' }] }, {}, 'its scheduling gates to be removed: example.com/g'],
    ['its victims', {}, { nominatedNodeName: 'a' }, 'the pods that were preempted for it on a to be gone'],
    ['its claims', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }] }, {}, 'persistentvolumeclaim "x" not found'],
    ['its device claims', { resourceClaims: [{ name: 'd', resourceClaimName: 'x' }] }, {}, 'its device claims: could not find ResourceClaim "default/x"'],
    ['a scheduler of somebody else', { schedulerName: 'mine' }, {}, 'scheduler "mine", which is not one of this cluster\'s: it alone knows'],
  ] as const)('says that it waits for %s', async (_, spec, status, waits) => {
    const full = on(aPod('full', { requests: { cpu: '4' } }), 'a');
    const waiting = { ...web, spec: { ...web.spec!, ...spec }, status: { ...web.status, ...status } } as Pod;
    expect((await explain([node('a'), pod(full), pod(waiting)])).waitsFor).toEqual([waits]);
  }); // prettier-ignore
  test('waits for any node where there is none', async () => {
    const found = await explain([pod(web)]);
    expect(found).toMatchObject({ nodes: [], message: 'no nodes available to schedule pods', waitsFor: ['a node: there is none'] }); // prettier-ignore
  });
});
describe('a pod that has its node', () => {
  const other = aPod('other', { requests: { cpu: '4' } });
  const happened: Happened = [...nodes, pod(web), pod(on(web, 'c')), pod(on(other, 'a')), pod({ ...on(web, 'c'), status: { phase: 'Running' } })]; // prettier-ignore

  test('is explained as of the revision before it got it', async () => {
    const found = await explain(happened);
    expect(found).toMatchObject({ revision: 4, bound: { node: 'c', revision: 5 }, waitsFor: [], best: ['c'] });
    expect(found.nodes.filter((n) => n.feasible)).toHaveLength(2);
    expect(explanationText(found)).toContain('was bound to c at revision 5');
  });
  test('does not count itself when it is explained as of later', async () => {
    const found = await explain(happened, { at: 7 });
    expect(found.bound).toEqual({ node: 'c' });
    expect(found.nodes.find((n) => n.name === 'c')!.feasible).toBe(true);
    expect(found.nodes.find((n) => n.name === 'a')!.reasons).toEqual(['Insufficient cpu']);
  });
  test('is looked up again as what it was before that', async () => {
    expect(await explain(happened, { at: 4 })).toMatchObject({ revision: 4, best: ['c'] });
  });
  test('made with its node is explained as of before it was there', async () => {
    expect(await explain([...nodes, pod(on(web, 'b'))])).toMatchObject({ revision: 3, bound: { node: 'b', revision: 4 } }); // prettier-ignore
  });
  test('that long ago that nobody knows, is told how to go on', async () => {
    await expect(explain(happened, { oldest: 6 })).rejects.toThrow(
      'pod default/web was bound to c before revision 6, the oldest that can still be read: see where it could go now, itself not counted, with: kubus explain pod web -n default --at 7',
    );
  });
});
describe('no pod', () => {
  test.each([
    ['there now', { name: 'nope' }, 'there is no pod "nope" in namespace default: see which there are with: kubus kubectl get pods -A; one that is gone is explained with --at REVISION'],
    ['there then', { at: 2 }, 'there was no pod "web" in namespace default at revision 2: see which there were with: kubus etcd list /registry/pods/ --revision 2'],
    ['in that namespace', { namespace: 'x' }, 'there is no pod "web" in namespace x, but in default: kubus explain pod web -n default'],
  ])('%s', async (_, asked, message) => {
    await expect(explain([...nodes, pod(web)], asked)).rejects.toThrow(message);
  }); // prettier-ignore
});
test('who else is asked is told of', async () => {
  const history = historyOf([node('a'), pod(web)]);
  const found = await explainPod(history, { namespace: 'default', name: 'web' }, { profileFor: () => defaultProfile, world, asksOthers: true }); // prettier-ignore
  expect(explanationText(found)).toContain('Extenders or plugins of your own have a say too');
});
test('what is encrypted cannot be explained, and says so', async () => {
  const history = historyOf([pod(web)]);
  const sealed: History = { ...history, read: async (query) => ({ ...(await history.read(query)), items: [{ key: query.key, value: Buffer.from('k8s:enc:aescbc:v1:key1:x'), createRevision: 1, modRevision: 1, version: 1 }] }) }; // prettier-ignore
  await expect(explainPod(sealed, { namespace: 'default', name: 'web' }, { profileFor: () => defaultProfile, world })).rejects.toThrow('pods are encrypted in the store, and only API servers have the key'); // prettier-ignore
});
