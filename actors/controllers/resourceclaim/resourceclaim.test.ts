import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '../../../schemas/generated/resource-v1.ts';
import { FINALIZER, reconcileClaim, released, unprotected } from './reconcile-claim.ts';
import { POD_CLAIM, reconcilePod, type ObservedPod } from './reconcile-pod.ts';

interface PodIs {
  readonly uid?: string;
  readonly node?: string;
  readonly phase?: string;
  readonly deleted?: boolean;
  readonly claims?: object[];
  readonly statuses?: object[];
}
const pod = (o: PodIs = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: 'p', namespace: 'd', uid: o.uid ?? 'p1', ...(o.deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { containers: [], ...(o.node && { nodeName: o.node }), resourceClaims: o.claims ?? [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
    status: { phase: o.phase ?? 'Pending', ...(o.statuses && { resourceClaimStatuses: o.statuses }) },
  }) as Pod; // prettier-ignore
interface ClaimIs {
  readonly name?: string;
  readonly of?: string;
  readonly podClaim?: string;
  readonly allocated?: boolean;
  readonly users?: readonly string[];
  readonly guarded?: boolean;
  readonly deleted?: boolean;
}
const claim = (o: ClaimIs = {}): ResourceClaim =>
  ({
    apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim',
    metadata: {
      name: o.name ?? 'c', namespace: 'd', uid: 'c1', resourceVersion: '7',
      ...(o.podClaim && { annotations: { [POD_CLAIM]: o.podClaim } }),
      ...(o.of && { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: o.of, controller: true }] }),
      ...(o.guarded && { finalizers: ['x/y', FINALIZER] }),
      ...(o.deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { devices: {} },
    status: {
      ...(o.allocated && { allocation: { devices: { results: [] } } }),
      ...(o.users && { reservedFor: o.users.map((uid) => ({ resource: 'pods', name: uid.startsWith('p') ? 'p' : uid, uid })) }),
    },
  }); // prettier-ignore
const template = { metadata: { name: 't', namespace: 'd' }, spec: { metadata: { labels: { l: '1' }, annotations: { a: '2' } }, spec: { devices: { requests: [] } } } } as unknown as ResourceClaimTemplate; // prettier-ignore
const lookPod = (
  of: Pod,
  o: { claims?: ResourceClaim[]; template?: ResourceClaimTemplate | undefined } = { template },
) => {
  const claims = o.claims ?? [];
  const observed: ObservedPod = {
    pod: of,
    claim: (name) => claims.find((c) => c.metadata.name === name),
    template: (name) => (name === 't' ? ('template' in o ? o.template : template) : undefined),
    owned: claims.filter((c) => c.metadata.ownerReferences?.some(({ uid }) => uid === of.metadata.uid)),
  };
  return reconcilePod(observed);
};
const summary = ({ creates, failure, intents }: ReturnType<typeof lookPod>): string[] => [
  ...creates.map(({ podClaim }) => `create for ${podClaim}`),
  ...(failure ? [`${failure.podClaim}: ${failure.message}`] : []),
  ...intents.map((x) => {
    if (x.op === 'patch') return `status ${(x.patch as { status: Pod['status'] }).status!.resourceClaimStatuses!.map((s) => `${s.name}=${s.resourceClaimName}`).join()}`;
    if (x.op === 'update') return `reserve ${x.object.metadata.name} for ${(x.object as ResourceClaim).status!.reservedFor!.map((r) => r.uid).join()}`;
    return x.op;
  }),
]; // prettier-ignore
const made = [{ name: 'gpu', resourceClaimName: 'c' }];
const two = [
  { name: 'gpu', resourceClaimTemplateName: 't' },
  { name: 'nic', resourceClaimTemplateName: 't' },
];

describe('a pod', () => {
  it.each([
    ['gets what its template says', pod(), {}, ['create for gpu']],
    ['gets one for each of its claims', pod({ claims: two }), {}, ['create for gpu', 'create for nic']],
    ['has it in its status', pod(), { claims: [claim({ of: 'p1', podClaim: 'gpu' })] }, ['status gpu=c']],
    ['has all in its status that is new to one', pod({ claims: two, statuses: made }), { claims: [claim({ of: 'p1', podClaim: 'gpu' }), claim({ name: 'n', of: 'p1', podClaim: 'nic' })] }, ['status gpu=c,nic=n']],
    ['is told of none until all are there', pod({ claims: two }), { claims: [claim({ of: 'p1', podClaim: 'gpu' })] }, ['create for nic']],
    ['needs nothing more', pod({ statuses: made }), { claims: [claim({ of: 'p1', podClaim: 'gpu' })] }, []],
    ['gets another when it was deleted', pod({ statuses: made }), {}, ['create for gpu']],
    ['gets another when that of the name is not its own', pod({ statuses: made }), { claims: [claim({ of: 'p0', podClaim: 'gpu' })] }, ['create for gpu']],
    ['does not take a claim of its own that nobody generated', pod(), { claims: [claim({ of: 'p1' })] }, ['create for gpu']],
    ['that needs none gets none', pod({ statuses: [{ name: 'gpu' }] }), {}, []],
    ['waits for its template', pod(), { template: undefined }, ['gpu: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found']],
    ['that names a claim gets none', pod({ claims: [{ name: 'gpu', resourceClaimName: 'c' }] }), {}, []],
    ['that goes gets none', pod({ deleted: true, node: 'n' }), {}, []],
    ['that is over gets none', pod({ phase: 'Succeeded', node: 'n', statuses: made }), {}, []],
    ['with a node has its claim reserved', pod({ node: 'n', statuses: made }), { claims: [claim({ of: 'p1', allocated: true, users: ['q1'] })] }, ['reserve c for q1,p1']],
    ['with a node has the claim that it names reserved', pod({ node: 'n', claims: [{ name: 'gpu', resourceClaimName: 'c' }] }), { claims: [claim({ allocated: true })] }, ['reserve c for p1']],
    ['for which it is reserved needs nothing', pod({ node: 'n', statuses: made }), { claims: [claim({ of: 'p1', allocated: true, users: ['p1'] })] }, []],
    ['cannot reserve what has no devices', pod({ node: 'n', statuses: made }), { claims: [claim({ of: 'p1' })] }, []],
    ['without a node is left to the scheduler', pod({ statuses: made }), { claims: [claim({ of: 'p1', allocated: true })] }, []],
  ] as [string, Pod, Parameters<typeof lookPod>[1], string[]][])('%s', (_name, of, o, expected) => {
    expect(summary(lookPod(of, o))).toEqual(expected);
  }); // prettier-ignore
  it('owns what was made for it, which says for what', () => {
    expect(lookPod(pod()).creates[0]!.object).toEqual({
      apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim',
      metadata: { namespace: 'd', generateName: 'p-gpu-', labels: { l: '1' }, annotations: { a: '2', [POD_CLAIM]: 'gpu' }, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p1', controller: true }] },
      spec: { devices: { requests: [] } },
    });
  }); // prettier-ignore
  it.each([
    [10, 10, 'ppppppppp0-cccccccccc-'],
    // As upstream: 57 characters shared out, and no hyphen at the end.
    [50, 10, `${'p'.repeat(45)}-${'c'.repeat(9)}`],
    [63, 63, `${'p'.repeat(28)}-${'c'.repeat(28)}`],
    [253, 1, `${'p'.repeat(56)}-`],
  ])('of %i characters shortens its name with one of %i alike', (long, short, expected) => {
    const of = pod({ claims: [{ name: 'c'.repeat(short), resourceClaimTemplateName: 't' }] });
    of.metadata.name = long === 10 ? 'ppppppppp0' : 'p'.repeat(long);
    const { generateName = '' } = lookPod(of).creates[0]!.object.metadata;
    expect([generateName, generateName.length <= 57]).toEqual([expected, true]);
  });
  it('has its status written by name, so that others keep theirs', () => {
    const [patch] = lookPod(pod(), { claims: [claim({ of: 'p1', podClaim: 'gpu' })] }).intents;
    expect(patch).toMatchObject({ type: 'apply', fieldManager: 'ResourceClaimController', force: true, subresource: 'status' }); // prettier-ignore
  });
});

describe('a claim', () => {
  const look = (of: ResourceClaim, known: Pod[] = [], asked: Pod[] = known): string[] => {
    const plan = reconcileClaim({
      claim: of,
      consumer: ({ name }) => asked.find(({ metadata }) => metadata.name === name),
      owner: (name) => known.find(({ metadata }) => metadata.name === name),
    });
    return [
      ...(plan.release ? [`for ${plan.release.map(({ uid }) => uid).join() || 'nobody'}`] : []),
      ...(plan.deallocates ? ['deallocated'] : []),
      ...(plan.unprotects ? ['unprotected'] : []),
      ...(plan.deletes ? ['deleted'] : []),
    ];
  };
  const running = pod({ node: 'n', phase: 'Running' });
  it.each([
    ['in use stays', claim({ allocated: true, guarded: true, users: ['p1'] }), [running], []],
    ['is let go by one of two that is gone', claim({ allocated: true, guarded: true, users: ['p1', 'q1'] }), [running], ['for p1']],
    ['gives its devices back with the last', claim({ allocated: true, guarded: true, users: ['p1'] }), [], ['for nobody', 'deallocated', 'unprotected']],
    ['does so when the pod is another of that name', claim({ allocated: true, guarded: true, users: ['p1'] }), [pod({ uid: 'p2', node: 'n' })], ['for nobody', 'deallocated', 'unprotected']],
    ['does so when the pod is over', claim({ allocated: true, guarded: true, users: ['p1'] }), [pod({ node: 'n', phase: 'Failed' })], ['for nobody', 'deallocated', 'unprotected']],
    ['does so when the pod was deleted before it had a node', claim({ allocated: true, guarded: true, users: ['p1'] }), [pod({ deleted: true })], ['for nobody', 'deallocated', 'unprotected']],
    ['does not when the pod is being shut down', claim({ allocated: true, guarded: true, users: ['p1'] }), [pod({ node: 'n', deleted: true })], []],
    ['that the scheduler does not guard keeps its devices', claim({ allocated: true, users: ['p1'] }), [], ['for nobody']],
    ['that was never used keeps its devices', claim({ allocated: true, guarded: true }), [], []],
    ['that the scheduler is about to allocate keeps its guard', claim({ guarded: true }), [], []],
    ['that is deleted and in use waits', claim({ allocated: true, guarded: true, deleted: true, users: ['p1'] }), [running], []],
    ['that is deleted and allocated goes', claim({ allocated: true, guarded: true, deleted: true }), [], ['deallocated', 'unprotected']],
    ['that is deleted goes', claim({ guarded: true, deleted: true }), [], ['unprotected']],
    ['of a pod that runs stays', claim({ of: 'p1' }), [running], []],
    ['of a pod that is over goes', claim({ of: 'p1', allocated: true, guarded: true, users: ['p1'] }), [pod({ node: 'n', phase: 'Succeeded' })], ['for nobody', 'deallocated', 'unprotected', 'deleted']],
    ['of a pod that is over stays while another uses it', claim({ of: 'p1', allocated: true, guarded: true, users: ['q1'] }), [pod({ node: 'n', phase: 'Succeeded' }), { ...running, metadata: { ...running.metadata, name: 'q1', uid: 'q1' } }], []],
    ['of a pod that was replaced goes', claim({ of: 'p1' }), [pod({ uid: 'p2' })], ['deleted']],
    ['of a pod that nobody knows is left to the garbage collector', claim({ of: 'p1' }), [], []],
    ['that goes already is not deleted again', claim({ of: 'p1', deleted: true }), [pod({ uid: 'p2' })], []],
  ] as [string, ResourceClaim, Pod[], string[]][])('%s', (_name, of, pods, expected) => {
    expect(look(of, pods)).toEqual(expected);
  }); // prettier-ignore
  it('is kept for who is no pod, and for a pod of which only the API knows', () => {
    const other = claim({ allocated: true, guarded: true, users: ['p1'] });
    other.status!.reservedFor = [{ apiGroup: 'scheduling.k8s.io', resource: 'podgroups', name: 'g', uid: 'g' }];
    expect(look(other)).toEqual([]);
    expect(look(claim({ allocated: true, guarded: true, users: ['p1'] }), [], [running])).toEqual([]);
  });
  it('is written without those who are gone, its devices and its guard, and nothing else', () => {
    const before = claim({ allocated: true, guarded: true, users: ['p1'] });
    before.status!.devices = [];
    const plan = reconcileClaim({ claim: before, consumer: () => undefined, owner: () => undefined });
    expect(released(before, plan).status).toEqual({ devices: [] });
    expect(unprotected(before).metadata.finalizers).toEqual(['x/y']);
    expect(released(claim({ allocated: true, users: ['p1', 'q1'] }), { ...plan, deallocates: false, release: [] }).status).toEqual({ allocation: { devices: { results: [] } } }); // prettier-ignore
  });
});
