import { describe, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { clusterHandlers } from './cluster.ts';
import { SchedulingQueue } from './queue.ts';
import { podInfo } from './snapshot/pod-info.ts';
import { Snapshot } from './snapshot/snapshot.ts';
import { aNode, aPod } from './testing/objects.ts';

const sent = aPod('p', { labels: { app: 'x' }, requests: { cpu: '1' } });
const bound = (o: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {}): Pod => {
  const { metadata, spec, status } = structuredClone(sent);
  return {
    ...sent,
    metadata: { ...metadata, generation: 2, resourceVersion: '7', ...o.metadata },
    spec: { ...spec!, nodeName: 'a', ...o.spec },
    status: { ...status, conditions: [{ type: 'PodScheduled', status: 'True' }], ...o.status },
  };
};
function assumed() {
  const snapshot = new Snapshot();
  const events: string[] = [];
  const queue = new SchedulingQueue({ now: () => 0, hint: () => false });
  const { onEvent } = queue;
  queue.onEvent = (event, except) => {
    events.push(event.type);
    onEvent.call(queue, event, except);
  };
  const on = clusterHandlers(snapshot, queue, () => true);
  for (const name of ['a', 'b']) on.nodeSeen(aNode(name), undefined);
  on.podSeen(sent, undefined);
  const info = queue.pop()!.pod;
  snapshot.assume(info, 'a');
  events.length = 0;
  return { snapshot, on, events, info };
}
const cpuOn = (snapshot: Snapshot, node: string): number => snapshot.get(node)!.requested.get('cpu') ?? 0;

describe('a pod that was assumed on a node', () => {
  it('is not counted anew when the API says that it is there', () => {
    const { snapshot, on, events, info } = assumed();
    const { version } = snapshot.get('a')!;
    const now = bound();
    on.podSeen(now, sent);
    expect(snapshot.isAssumed(sent.metadata.uid!)).toBe(false);
    expect(snapshot.infoOf(sent.metadata.uid!)).toBe(info);
    expect(info.pod).toBe(now);
    expect(snapshot.get('a')!.version).toBe(version);
    expect([cpuOn(snapshot, 'a'), events]).toEqual([1_000, ['pod.assigned']]);
    // What was assumed is certain now: no failure that is told late takes it away.
    snapshot.forget(sent.metadata.uid!);
    expect(cpuOn(snapshot, 'a')).toBe(1_000);
  });
  it.each([
    ['labels', bound({ metadata: { labels: { app: 'y' } } })],
    ['tolerations', bound({ spec: { tolerations: [{ operator: 'Exists' }] } })],
    ['requests', bound({ spec: { containers: [{ name: 'main', image: 'app', resources: { requests: { cpu: '3' } } }] } })],
    ['containers that have more than they ask for', bound({ status: { containerStatuses: [{ name: 'main', resources: { requests: { cpu: '3' } }, allocatedResources: { cpu: '3' } }] } })],
    ['a time of its end', bound({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })],
  ])('is, when it came there with other %s', (_, now) => {
    const { snapshot, on, events } = assumed();
    on.podSeen(now, sent);
    const info = snapshot.infoOf(sent.metadata.uid!)!;
    const { pod: __, ...known } = info;
    const { pod: ___, ...anew } = podInfo(now);
    expect(known).toEqual(anew);
    expect(snapshot.isAssumed(sent.metadata.uid!)).toBe(false);
    expect(cpuOn(snapshot, 'a')).toBe(info.requests.get('cpu'));
    expect(events).toEqual(['pod.assigned']);
  }); // prettier-ignore
  it('is, when somebody else has placed it elsewhere', () => {
    const { snapshot, on } = assumed();
    on.podSeen(bound({ spec: { nodeName: 'b' } }), sent);
    expect([cpuOn(snapshot, 'a'), cpuOn(snapshot, 'b')]).toEqual([0, 1_000]);
  });
});
