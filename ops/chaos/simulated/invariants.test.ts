import { describe, expect, it } from 'vitest';
import { encode } from '../../../bus/codec.ts';
import { createMemoryLog } from '../../../bus/memory/log.ts';
import { simulate } from '../../../bus/memory/simulation.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { dangling } from './end-state.ts';
import { followLog } from './history.ts';
import type { Invariant } from './invariant.ts';
import { completionsCountedOnce, concurrencyKept, countedBeforeGone, indexesOf, parallelismKept } from './invariants/jobs.ts'; // prettier-ignore
import { budgetKept, quotaKept } from './invariants/limits.ts';
import { finalConditions, finalizers, identity, namespacesHold, oneController } from './invariants/objects.ts';
import { boundOnce, endsOnce, oneOfEachOrdinal, oneOnEachNode, ownAddress, replicasKept } from './invariants/pods.ts';

type Fields = Readonly<Record<string, unknown>>;
type Step = KubeObject | { readonly gone: KubeObject };
const object = (kind: string, name: string, more: { metadata?: Fields; spec?: Fields; status?: Fields } = {}): KubeObject =>
  ({ apiVersion: 'v1', kind, ...more, metadata: { name, namespace: 'd', uid: name, ...more.metadata } }); // prettier-ignore
const ownedBy = (kind: string, name: string): Fields => ({
  ownerReferences: [{ apiVersion: 'v1', kind, name, uid: name, controller: true }],
});
const pod = (name: string, more: { metadata?: Fields; spec?: Fields; status?: Fields } = {}): KubeObject => object('Pod', name, more); // prettier-ignore
const ready = { conditions: [{ type: 'Ready', status: 'True' }] };

/** What an invariant has to say of each of these changes, one after the other. */
function story(make: () => Invariant, steps: readonly Step[]): (string | undefined)[] {
  const log = createMemoryLog({ world: simulate(1).world('log') });
  const history = followLog(log);
  const said: (string | undefined)[] = [];
  const invariant = make();
  history.onChange((change) => void said.push(invariant.check(change, history)));
  for (const [i, step] of steps.entries()) {
    const of = 'gone' in step ? step.gone : step;
    const { namespace, name } = of.metadata;
    const key = `/registry/${of.kind.toLowerCase()}s/${of.kind === 'Namespace' ? '' : `${namespace}/`}${name}`;
    log.now.append({ key, value: 'gone' in step ? undefined : encode(step), id: `${i}` });
  }
  return said;
}
const job = (spec: Fields, status: Fields = {}): KubeObject => object('Job', 'j', { spec, status });
const worker = (name: string, more: { metadata?: Fields; spec?: Fields; status?: Fields } = {}): KubeObject =>
  pod(name, { ...more, metadata: { ...ownedBy('Job', 'j'), ...more.metadata } });

describe('each invariant sees what it is there for, and minds nothing else', () => {
  it.each<[string, () => Invariant, readonly Step[], RegExp]>([
    ['another object under the same name', identity, [pod('a'), pod('a', { metadata: { uid: 'x' } })], /has become another/],
    ['a generation that goes back', identity, [pod('a', { metadata: { generation: 2 } }), pod('a', { metadata: { generation: 1 } })], /went back from 2 to 1/],
    ['a deletion that is taken back', identity, [pod('a', { metadata: { deletionTimestamp: 't' } }), pod('a')], /not being deleted any more/],
    ['finalizers that are passed over', finalizers, [pod('a', { metadata: { finalizers: ['x', 'y'] } }), { gone: pod('a') }], /with the finalizers x, y/],
    ['two controllers', oneController, [pod('a', { metadata: { ownerReferences: [...(ownedBy('A', 'x')['ownerReferences'] as []), ...(ownedBy('B', 'y')['ownerReferences'] as [])] } })], /controlled by A x and B y/],
    ['what is taken from its controller', oneController, [pod('a', { metadata: ownedBy('A', 'x') }), pod('a', { metadata: ownedBy('A', 'y') })], /without being released/],
    ['what is left in a namespace', namespacesHold, [object('Namespace', 'd', { metadata: { namespace: undefined } }), pod('a'), { gone: object('Namespace', 'd', { metadata: { namespace: undefined } }) }], /is still in it/],
    ['what comes into no namespace', namespacesHold, [pod('a')], /a namespace that is not there/],
    ['a Job that is not over any more', finalConditions, [job({}, { conditions: [{ type: 'Complete', status: 'True' }] }), job({})], /not Complete any more/],
    ['a pod that moves', boundOnce, [pod('a', { spec: { nodeName: 'n' } }), pod('a', { spec: { nodeName: 'm' } })], /bound to n, now to m/],
    ['a pod that rises again', endsOnce, [pod('a', { status: { phase: 'Failed' } }), pod('a', { status: { phase: 'Running' } })], /was Failed and is Running/],
    ['an address twice', ownAddress, [pod('a', { spec: { nodeName: 'n' }, status: { podIP: '1' } }), pod('b', { spec: { nodeName: 'm' }, status: { podIP: '1' } })], /has the address 1 of Pod d\/a/],
    ['one pod too many', replicasKept, [object('ReplicaSet', 'r', { spec: { replicas: 1 } }), pod('a', { metadata: ownedBy('ReplicaSet', 'r') }), pod('b', { metadata: ownedBy('ReplicaSet', 'r') })], /has 2 pods, and never wanted more than 1/],
    ['an ordinal twice', oneOfEachOrdinal, [object('StatefulSet', 's'), ...['a', 'b'].map((name) => pod(name, { metadata: { ...ownedBy('StatefulSet', 's'), labels: { 'apps.kubernetes.io/pod-index': '0' } } }))], /a and b for one ordinal/],
    ['an ordinal that may still run', oneOfEachOrdinal, [object('Node', 'n'), object('StatefulSet', 's'), pod('a', { metadata: ownedBy('StatefulSet', 's'), spec: { nodeName: 'n' }, status: { containerStatuses: [{ state: { running: {} } }] } }), { gone: pod('a') }], /while its containers ran on n/],
    ['two daemons on one node', oneOnEachNode, ['a', 'b'].map((name) => pod(name, { metadata: ownedBy('DaemonSet', 's'), spec: { nodeName: 'n' } })), /has 2 pods for one node/],
    ['a success that was none', completionsCountedOnce, [job({}, { succeeded: 1 })], /counts 1 successes and 0 to come, of 0 pods/],
    ['a success counted twice', completionsCountedOnce, [worker('a', { status: { phase: 'Succeeded' } }), job({}, { succeeded: 1, uncountedTerminatedPods: { succeeded: ['a'] } })], /counts 1 successes and 1 to come, of 1 pods/],
    ['a success forgotten', completionsCountedOnce, [worker('a', { status: { phase: 'Succeeded' } }), job({}, { succeeded: 1 }), job({}, {})], /had succeeded 1 times, now 0/],
    ['a failure that was none', completionsCountedOnce, [worker('a', { status: { phase: 'Running' } }), job({}, { failed: 1 })], /counts 1 failures/],
    ['an index forgotten', completionsCountedOnce, [...['a', 'b'].map((name) => worker(name, { status: { phase: 'Succeeded' } })), job({ completionMode: 'Indexed' }, { succeeded: 2, completedIndexes: '0,1' }), job({ completionMode: 'Indexed' }, { succeeded: 2, completedIndexes: '1,2' })], /lost an index/],
    ['a pod that nobody counted', countedBeforeGone, [job({}), worker('a', { metadata: { finalizers: ['batch.kubernetes.io/job-tracking'] }, status: { phase: 'Succeeded' } }), worker('a', { status: { phase: 'Succeeded' } })], /let go of by nobody who had counted it/],
    ['too many at work', parallelismKept, [job({ parallelism: 1 }), worker('a'), worker('b')], /2 pods at work, more than 1/],
    ['one for nothing', parallelismKept, [job({ parallelism: 2, completions: 2 }, { succeeded: 1 }), worker('a'), worker('b')], /2 pods at work and 1 done, of 2/],
    ['two on one index', parallelismKept, [job({ parallelism: 2, completionMode: 'Indexed' }), ...['a', 'b'].map((name) => worker(name, { metadata: { annotations: { 'batch.kubernetes.io/job-completion-index': '0' } } }))], /two pods at work on one index/],
    ['two Jobs where one is allowed', concurrencyKept, [object('CronJob', 'c', { spec: { concurrencyPolicy: 'Forbid' } }), ...['a', 'b'].map((name) => object('Job', name, { metadata: ownedBy('CronJob', 'c') }))], /\(Forbid\) has a and b at once/],
    ['more than a quota allows', quotaKept, [object('ResourceQuota', 'q', { status: { hard: { pods: '1' } } }), pod('a'), pod('b')], /allows 1 pods, there are 2/],
    ['an eviction too many', budgetKept, [object('PodDisruptionBudget', 'b', { spec: { minAvailable: 2, selector: { matchLabels: {} } } }), pod('a', { status: ready }), pod('b', { status: ready }), pod('b', { metadata: { deletionTimestamp: 't' }, status: { conditions: [...ready.conditions, { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] } })], /was evicted: 1 pods are left/],
  ])('%s', (_, make, steps, message) => {
    const said = story(make, steps);
    expect(said.at(-1)).toMatch(message);
    // Up to then all was well.
    expect(said.slice(0, -1).filter((one) => one !== undefined)).toEqual([]);
  }); // prettier-ignore
});

it('reads the indexes of a Job', () => {
  expect(indexesOf('0,2-4,7')).toEqual([0, 2, 3, 4, 7]);
  expect(indexesOf(undefined)).toEqual([]);
});
it.each([
  ['what belongs to nobody', [pod('a', { metadata: ownedBy('A', 'x') })], 'Pod d/a belongs to A x, which is not there any more'],
  ['what is on its way out', [pod('a', { metadata: { deletionTimestamp: 't' } })], 'Pod d/a is still being deleted'],
  ['nothing', [pod('x'), pod('a', { metadata: ownedBy('Pod', 'x') })], undefined],
])('finds in the end %s', (_, objects, message) => {
  const log = createMemoryLog({ world: simulate(1).world('log') });
  for (const [i, one] of objects.entries())
    log.now.append({ key: `/registry/pods/d/${one.metadata.name}`, value: encode(one), id: `${i}` });
  expect(dangling(followLog(log))).toBe(message);
}); // prettier-ignore
