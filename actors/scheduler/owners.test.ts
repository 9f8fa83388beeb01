import { describe, expect, it } from 'vitest';
import type { Service } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ownersSelector } from './owners.ts';
import { podInfo } from './snapshot/pod-info.ts';
import { aPod } from './testing/objects.ts';

const SELECTORS: Readonly<Record<string, object>> = {
  ReplicaSet: { matchLabels: { app: 'x' } },
  StatefulSet: { matchLabels: { app: 'x' } },
  ReplicationController: { app: 'x' },
};
function found(apiVersion: string, kind: string, o: { readonly controls?: boolean; readonly services?: readonly Service[] } = {}) {
  const pod = aPod('p', { labels: { app: 'x', tier: 'web' } });
  const ownerReferences = [{ apiVersion, kind, name: 'o', uid: 'u', controller: o.controls ?? true }];
  return ownersSelector({
    services: () => o.services ?? [],
    owner: (asked) => ({ apiVersion, kind: asked, metadata: { name: 'o' }, spec: { selector: SELECTORS[asked] } }) as KubeObject,
  })(podInfo({ ...pod, metadata: { ...pod.metadata, ownerReferences } }));
} // prettier-ignore

describe('the selector of whoever speaks for a pod', () => {
  it.each([
    ['apps/v1', 'ReplicaSet', true],
    ['apps/v1', 'StatefulSet', true],
    ['v1', 'ReplicationController', true],
    ['example.com/v1', 'ReplicaSet', false],
    ['apps/v1beta2', 'ReplicaSet', false],
    ['extensions/v1beta1', 'ReplicaSet', false],
    ['v1', 'StatefulSet', false],
    ['apps/v1', 'ReplicationController', false],
    ['apps/v1', 'DaemonSet', false],
    ['batch/v1', 'Job', false],
  ])('of a controller of %s %s: %s', (apiVersion, kind, counts) => {
    const selector = found(apiVersion, kind);
    expect(selector !== undefined).toBe(counts);
    if (selector === undefined) return;
    expect([selector.matches({ app: 'x' }), selector.matches({ app: 'y' })]).toEqual([true, false]);
  });
  it('is not that of an owner that does not control it', () =>
    expect(found('apps/v1', 'ReplicaSet', { controls: false })).toBeUndefined());
  it('is that of its services alone where a stranger controls it', () => {
    const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { selector: { tier: 'web' } } }; // prettier-ignore
    const selector = found('example.com/v1', 'ReplicaSet', { services: [service] })!;
    expect([selector.matches({ tier: 'web' }), selector.matches({ app: 'x' })]).toEqual([true, false]);
    const both = found('apps/v1', 'ReplicaSet', { services: [service] })!;
    expect([both.matches({ tier: 'web' }), both.matches({ tier: 'web', app: 'x' })]).toEqual([false, true]);
  });
});
