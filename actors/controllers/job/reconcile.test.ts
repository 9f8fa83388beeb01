import { describe, expect, it } from 'vitest';
import type { Job, PodFailurePolicyRule, SuccessPolicyRule } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { NO_BACKOFF, remainingMs, withFinished, type Backoff } from './backoff.ts';
import { endingOf } from './ending.ts';
import { COMPLETION_INDEX, withIndexes } from './indexes.ts';
import { TRACKING } from './pods.ts';
import { failureVerdict, successReason } from './policies.ts';
import { deletions, manageReplicas } from './replicas.ts';
import { tally } from './tally.ts';
import { ended, settled, track, type Done } from './tracking.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString().replace('.000', '');
const job = (spec: object = {}, status: object = {}, metadata: object = {}): Job => ({
    apiVersion: 'batch/v1', kind: 'Job',
    metadata: { name: 'work', namespace: 'd', uid: 'j', ...metadata },
    spec: { completions: 3, parallelism: 2, backoffLimit: 6, completionMode: 'NonIndexed', podReplacementPolicy: 'TerminatingOrFailed', template: { spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } }, ...spec },
    status,
  }); // prettier-ignore
let serial = 0;
const pod = (o: { phase?: string; index?: number; deleted?: boolean; exit?: number; ended?: number; counted?: boolean; ready?: boolean; restarts?: number; failures?: number; conditions?: object[] } = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: {
      name: `work-${++serial}`, namespace: 'd', uid: `p${serial}`, creationTimestamp: ago(3000),
      finalizers: o.counted ? [] : [TRACKING],
      ...(o.deleted && { deletionTimestamp: ago(10), deletionGracePeriodSeconds: 0 }),
      annotations: { ...(o.index !== undefined && { [COMPLETION_INDEX]: String(o.index) }), ...(o.failures !== undefined && { 'batch.kubernetes.io/job-index-failure-count': String(o.failures) }) },
    },
    spec: { containers: [] },
    status: {
      phase: o.phase ?? 'Running',
      conditions: o.conditions ?? (o.ready ? [{ type: 'Ready', status: 'True' }] : []),
      containerStatuses: [{ name: 'c', restartCount: o.restarts ?? 0, ...(o.exit !== undefined && { state: { terminated: { exitCode: o.exit, finishedAt: ago(o.ended ?? 60) } } }) }],
    },
  }) as unknown as Pod; // prettier-ignore
const count = (of: Job, pods: Pod[], backoff: Backoff = NO_BACKOFF) => tally({ job: of, pods, backoff });
const nothing: Done = { created: 0, deleted: [], ending: undefined, isManaged: true };
const failedPod = (exit = 1, more: object = {}) => pod({ phase: 'Failed', exit, ...more });

describe('how many pods a Job gets', () => {
  const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 4 };
  it.each<[string, Job, Pod[], { create: number; remove: number }]>([
    ['as many as it runs at once', job(), [], { create: 2, remove: 0 }],
    ['no more than are missing', job({ completions: 3 }, { succeeded: 2 }), [], { create: 1, remove: 0 }],
    ['none when enough have succeeded', job({}, { succeeded: 3 }), [], { create: 0, remove: 0 }],
    ['fewer when it runs less at once', job({ parallelism: 1 }), [pod(), pod(), pod()], { create: 0, remove: 2 }],
    ['none while it is suspended', job({ suspend: true }), [pod(), pod()], { create: 0, remove: 2 }],
    ['as many as it runs at once, if it does not say how many', job({ completions: undefined, parallelism: 3 }), [], { create: 3, remove: 0 }],
    ['what runs goes on when one has succeeded and it does not say how many', job({ completions: undefined, parallelism: 3 }), [pod({ phase: 'Succeeded' }), pod()], { create: 0, remove: 0 }],
    ['a pod that is deleted is replaced at once', job(), [pod(), pod({ deleted: true })], { create: 1, remove: 0 }],
    ['a pod that is deleted is waited for, if only failed ones are replaced', job({ podReplacementPolicy: 'Failed' }), [pod(), pod({ deleted: true })], { create: 0, remove: 0 }],
    ['pods of other indexes than it has go', job(indexed), [pod({ index: 0 }), pod({ index: 9 }), pod()], { create: 0, remove: 2 }],
    ['all but one of an index go', job(indexed), [pod({ index: 0 }), pod({ index: 0, ready: true })], { create: 0, remove: 1 }],
    ['indexes that nobody has get one', job(indexed, { completedIndexes: '1' }), [pod({ index: 0 })], { create: 2, remove: 0 }],
    ['no more than 500 at once', job({ completions: 2000, parallelism: 2000 }), [], { create: 500, remove: 0 }],
  ])('%s', (_, of, pods, wanted) => {
    // Without the wait after a failure, of which other tests tell.
    const { create, remove } = manageReplicas({ ...count(of, pods), backoff: NO_BACKOFF }, NOW);
    expect({ create: create.length, remove: remove.length }).toEqual(wanted);
  }); // prettier-ignore

  it('keeps the better one of two with the same index', () => {
    const [worse, better] = [pod({ index: 0, phase: 'Pending' }), pod({ index: 0, ready: true })];
    expect(manageReplicas(count(job(indexed), [better, worse]), NOW).remove).toEqual([worse]);
  });
  it('tells a pod its index by annotation, label, host name and environment', () => {
    const own = { env: [{ name: 'JOB_COMPLETION_INDEX', value: 'own' }] };
    const template = { spec: { containers: [{ name: 'c' }, { name: 'd', ...own }], restartPolicy: 'Never' } };
    const [intent] = manageReplicas(count(job({ ...indexed, template }, { completedIndexes: '0-2' }), []), NOW).create;
    expect(intent).toMatchObject({
      op: 'create',
      object: {
        metadata: {
          generateName: 'work-3-', finalizers: [TRACKING],
          annotations: { [COMPLETION_INDEX]: '3' }, labels: { [COMPLETION_INDEX]: '3' },
        },
        spec: {
          hostname: 'work-3',
          containers: [{ env: [{ name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } }] }, own],
        },
      },
    }); // prettier-ignore
  });
  it('hands the failures of an index on, and waits longer with each', () => {
    const of = job({ ...indexed, backoffLimitPerIndex: 5 }, { completedIndexes: '1-3' });
    const early = failedPod(1, { index: 0, failures: 1, ended: 15 });
    expect(manageReplicas(count(of, [early]), NOW)).toMatchObject({ create: [], waitMs: 5000 });
    const late = failedPod(1, { index: 0, failures: 1, ended: 20 });
    const [intent] = manageReplicas(count(of, [late]), NOW).create;
    expect(intent).toMatchObject({
      object: { metadata: { annotations: { 'batch.kubernetes.io/job-index-failure-count': '2' } } },
    });
  });
});

describe('how long a Job waits after failures', () => {
  it.each([
    [0, 0, 0],
    [1, 0, 10_000],
    [2, 5, 15_000],
    [3, 60, 0],
    [7, 0, 600_000],
    [60, 0, 600_000],
  ])('after %i, the last %i s ago: %i ms', (failures, seconds, ms) => {
    expect(remainingMs({ failures, lastFailure: NOW - seconds * 1000 }, NOW)).toBe(ms);
  });
  it.each<[string, Pod[], Pod[], number]>([
    ['more failures add up', [], [failedPod(), failedPod()], 5],
    ['a success forgives those before it', [pod({ phase: 'Succeeded', exit: 0, ended: 30 })], [failedPod(1, { ended: 50 }), failedPod(1, { ended: 10 })], 1],
    ['a success alone forgives all', [pod({ phase: 'Succeeded', exit: 0 })], [], 0],
    ['nothing new changes nothing', [], [], 3],
  ])('%s', (_, succeeded, failed, failures) => {
    expect(withFinished({ failures: 3, lastFailure: NOW - 100_000 }, succeeded, failed).failures).toBe(failures);
  }); // prettier-ignore
});

describe('what a failed pod means', () => {
  const rules: PodFailurePolicyRule[] = [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [42] } },
    { action: 'FailIndex', onExitCodes: { operator: 'In', values: [7] } },
    { action: 'Count', onExitCodes: { operator: 'NotIn', values: [1] } },
  ];
  it.each<[string, Pod, object]>([
    ['no rule', failedPod(1), { counts: true }],
    ['a condition', failedPod(42, { conditions: [{ type: 'DisruptionTarget', status: 'True' }] }), { counts: false, action: 'Ignore' }],
    ['an index that is given up', failedPod(7), { counts: true, action: 'FailIndex' }],
    ['another exit code', failedPod(9), { counts: true, action: 'Count' }],
    ['a pod that never ran', pod({ phase: 'Failed' }), { counts: true }],
  ])('%s', (_, failed, verdict) => {
    expect(failureVerdict({ rules }, failed)).toEqual(verdict);
  }); // prettier-ignore
  it('fails the Job with the words of Kubernetes', () => {
    const failed = failedPod(42);
    const message = `Container c for pod d/${failed.metadata.name} failed with exit code 42 matching FailJob rule at index 1`;
    expect(failureVerdict({ rules }, failed)).toEqual({ counts: true, action: 'FailJob', jobFails: message });
    expect(endingOf(count(job({ podFailurePolicy: { rules } }), [failed]), NOW)).toMatchObject({ type: 'Failed', reason: 'PodFailurePolicy', message }); // prettier-ignore
  });
});

describe('when a Job ends', () => {
  const indexed = { completionMode: 'Indexed', completions: 4 };
  const onFailure = { template: { spec: { containers: [], restartPolicy: 'OnFailure' } } };
  it.each<[string, Job, Pod[], string | undefined]>([
    ['not while it may fail again', job({ backoffLimit: 1 }), [failedPod()], undefined],
    ['one failure too many', job({ backoffLimit: 1 }, { failed: 1 }), [failedPod()], 'BackoffLimitExceeded'],
    ['too many restarts in place', job({ backoffLimit: 3, ...onFailure }), [pod({ restarts: 3 })], 'BackoffLimitExceeded'],
    ['any restart in place where none is allowed', job({ backoffLimit: 0, ...onFailure }), [pod({ restarts: 1 })], 'BackoffLimitExceeded'],
    ['its time is over', job({ activeDeadlineSeconds: 100 }, { startTime: ago(100) }), [pod()], 'DeadlineExceeded'],
    ['its time is not over', job({ activeDeadlineSeconds: 101 }, { startTime: ago(100) }), [pod()], undefined],
    ['time does not pass while it is suspended', job({ activeDeadlineSeconds: 1, suspend: true }, { startTime: ago(100) }), [], undefined],
    ['more indexes failed than may', job({ ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 1 }, { failedIndexes: '1' }), [failedPod(1, { index: 2 })], 'MaxFailedIndexesExceeded'],
    ['no index is left', job({ ...indexed, backoffLimitPerIndex: 0 }, { failedIndexes: '0', completedIndexes: '1,2' }), [pod({ index: 3, phase: 'Succeeded' })], 'FailedIndexes'],
    ['what was announced comes', job({}, { conditions: [{ type: 'FailureTarget', status: 'True', reason: 'Why', message: 'm' }] }), [], 'Why'],
    ['success before failure, once it was announced', job({ backoffLimit: 0 }, { conditions: [{ type: 'SuccessCriteriaMet', status: 'True', reason: 'SuccessPolicy', message: 'm' }] }), [failedPod()], 'SuccessPolicy'],
  ])('%s', (_, of, pods, reason) => {
    expect(endingOf(count(of, pods), NOW)?.reason).toBe(reason);
  }); // prettier-ignore
  it.each<[SuccessPolicyRule, string, boolean]>([
    [{ succeededCount: 2 }, '0,5', true],
    [{ succeededCount: 3 }, '0,5', false],
    [{ succeededIndexes: '0,2' }, '0-2', true],
    [{ succeededIndexes: '0,3' }, '0-2', false],
    [{ succeededIndexes: '0-4', succeededCount: 2 }, '1,3', true],
    [{ succeededIndexes: '9', succeededCount: 0 }, '1,3', false],
    [{ succeededCount: 0 }, '', false],
  ])('rule %j with %j: %s', (rule, succeeded, met) => {
    const indexes = withIndexes([], succeeded === '0-2' ? [0, 1, 2] : succeeded.split(',').filter(Boolean).map(Number));
    expect(successReason({ rules: [rule] }, 6, indexes)).toBe(met ? 'Matched rules at index 0' : undefined);
  }); // prettier-ignore
});

describe('how pods are counted', () => {
  it('notes who is over before it lets anybody go, and counts when they are gone', () => {
    const [won, lost, runs] = [pod({ phase: 'Succeeded', exit: 0 }), failedPod(), pod({ ready: true })];
    const { status, release } = track(count(job(), [won, lost, runs]), nothing, NOW);
    expect(release).toEqual([won, lost]);
    expect(status).toEqual({ startTime: ago(0), active: 1, ready: 1, terminating: 0, uncountedTerminatedPods: { succeeded: [won.metadata.uid], failed: [lost.metadata.uid] } }); // prettier-ignore
    expect(settled(status, new Set())).toMatchObject({ succeeded: 1, failed: 1, uncountedTerminatedPods: {} });
    expect(settled(status, new Set([won.metadata.uid!]))).toMatchObject({ failed: 1, uncountedTerminatedPods: { succeeded: [won.metadata.uid] } }); // prettier-ignore
  });
  it('counts nobody twice, though a sync broke off after the status or after the finalizer', () => {
    const won = pod({ phase: 'Succeeded', exit: 0 });
    const noted = job({}, { uncountedTerminatedPods: { succeeded: [won.metadata.uid] } });
    expect(track(count(noted, [won]), nothing, NOW).status.uncountedTerminatedPods).toEqual({ succeeded: [won.metadata.uid] }); // prettier-ignore
    const released = { ...won, metadata: { ...won.metadata, finalizers: [] } };
    const after = track(count(noted, [released]), nothing, NOW).status;
    expect(after).toMatchObject({ succeeded: 1, uncountedTerminatedPods: {} });
    expect(track(count(job({}, after), [released]), nothing, NOW).status.succeeded).toBe(1);
  });
  it('notes indexes instead of pods where there are indexes', () => {
    const of = job({ completionMode: 'Indexed', completions: 5 }, { completedIndexes: '0,1', succeeded: 2 });
    const pods = [4, 2, 0].map((index) => pod({ phase: 'Succeeded', exit: 0, index }));
    const { status, release } = track(count(of, pods), nothing, NOW);
    expect(status).toMatchObject({ completedIndexes: '0-2,4', succeeded: 4, uncountedTerminatedPods: {} });
    expect(release).toHaveLength(3);
  });
  it('counts at most 500 at once', () => {
    const pods = Array.from({ length: 700 }, () => pod({ phase: 'Succeeded', exit: 0 }));
    const { release, isPartial } = track(count(job({ completions: 700 }), pods), nothing, NOW);
    expect([release.length, isPartial]).toEqual([500, true]);
  });
  it('lets a Job that another clock began end when it began, not before', () => {
    const status = { startTime: ago(-100) };
    const ending = { type: 'Complete', reason: 'R', message: 'm', isAnnounced: true } as const;
    expect(ended(status, ending, NOW)?.completionTime).toBe(status.startTime);
  });
  it('counts whoever still ran as failed when the Job fails', () => {
    const runs = pod();
    const ending = { type: 'Failed', reason: 'R', message: 'm', isAnnounced: false } as const;
    const { status } = track(count(job(), [runs]), { created: 0, deleted: [runs], ending, isManaged: false }, NOW);
    expect(status).toMatchObject({ terminating: 1, uncountedTerminatedPods: { failed: [runs.metadata.uid] }, conditions: [{ type: 'FailureTarget', status: 'True', reason: 'R' }] }); // prettier-ignore
    expect(status.active).toBeUndefined();
    const counted = settled(status, new Set());
    expect(ended(counted, ending, NOW)).toBeUndefined();
    expect(ended({ ...counted, terminating: 0 }, ending, NOW)?.conditions).toMatchObject([{}, { type: 'Failed' }]);
  });
});

it('a pod that nobody counts is let go of only as it was seen: one that has ended since is counted', () => {
  const metadata = { name: 'p', namespace: 'd', uid: 'u', resourceVersion: '7', finalizers: [TRACKING] };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata };
  expect(deletions([pod])).toMatchObject([
    { op: 'patch', name: 'p', patch: { metadata: { uid: 'u', resourceVersion: '7' } } },
    { op: 'delete', name: 'p', uid: 'u' },
  ]);
});
