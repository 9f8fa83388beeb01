import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepFlow } from '../bootstrap/flow.ts';
import type { Core } from '../core.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { FlowControl, type Admission } from './index.ts';
import { flowMetrics } from './metrics.ts';

const GROUP = 'flowcontrol.apiserver.k8s.io';
const AUTHENTICATED = 'system:authenticated';
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, AUTHENTICATED] });
const [alice, bob] = [user('alice'), user('bob')];
const INFO: RequestInfo = {
  isResource: true, path: '', verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'default', name: 'x',
}; // prettier-ignore
const NO_QUERY = new URLSearchParams();
/** Reads that are let in at once, for one thread. */
const ROOM = 96;

interface Ground {
  readonly c: FakeCluster;
  readonly flow: FlowControl;
  /** A request, and what became of it once it is known. */
  ask(who: UserInfo, query?: URLSearchParams): Asked;
}
interface Asked {
  readonly admission: Admission;
  outcome: boolean | undefined;
}
/** With twice the usual seats: so that they are not what requests wait for. */
async function ground(limit = 1200): Promise<Ground> {
  const c = fakeCluster();
  await keepFlow(c);
  const flow = new FlowControl(c as unknown as Core, limit);
  flow.begin();
  return {
    c,
    flow,
    ask(who, query = NO_QUERY) {
      const admission = flow.arrive(INFO, who, query)!;
      const asked: Asked = { admission, outcome: undefined };
      if (admission.mayGoOn) asked.outcome = true;
      else void flow.decided(admission, query).then((is) => (asked.outcome = is));
      return asked;
    },
  };
}
const outcomes = (list: readonly Asked[]): string =>
  list.map(({ outcome }) => (outcome === undefined ? '.' : outcome ? 'y' : 'n')).join('');
const many = (count: number, make: () => Asked): Asked[] => Array.from({ length: count }, make);

describe('priority and fairness', () => {
  it('lets in what keeps one thread busy; the next of another user comes before the rest of one', async () => {
    const { c, ask } = await ground();
    const greedy = many(ROOM + 44, () => ask(alice));
    const modest = ask(bob);
    expect([outcomes(greedy), modest.outcome]).toEqual(['y'.repeat(ROOM) + '.'.repeat(44), undefined]);
    // Within the time of a hand of queues it is bob's turn.
    for (let i = 0; i < 7; i++) {
      await c.simulation.advance(3);
      greedy[i]!.admission.leave();
    }
    await c.simulation.advance(1);
    expect(modest.outcome).toBe(true);
    expect(outcomes(greedy).replaceAll('.', '').length).toBe(ROOM + 6);
  });
  it('who waits too long is refused: after 15 s, or a quarter of the time that was asked for', async () => {
    const { c, ask } = await ground();
    many(ROOM, () => ask(user('admin-like')));
    const begun = many(60, () => ask(alice));
    const patient = begun.at(-1)!;
    const hurried = ask(bob, new URLSearchParams({ timeout: '200ms' }));
    await c.simulation.advance(49);
    expect(hurried.outcome).toBeUndefined();
    await c.simulation.advance(2);
    expect([hurried.outcome, hurried.admission.refused, patient.outcome]).toEqual([false, 'time-out', undefined]);
    await c.simulation.advance(20_000);
    expect(outcomes(begun).includes('.')).toBe(false);
  });
  it('requests that wait for somebody else make room for others after a while', async () => {
    const { c, ask } = await ground();
    const slow = many(ROOM + 5, () => ask(alice));
    expect(outcomes(slow)).toBe('y'.repeat(ROOM) + '.'.repeat(5));
    await c.simulation.advance(250);
    expect(outcomes(slow)).toBe('y'.repeat(ROOM + 5));
  });
  it('who is exempt never waits, and takes nobody’s place', async () => {
    const { ask } = await ground();
    many(ROOM + 5, () => ask(alice));
    expect(outcomes(many(500, () => ask(user('root', 'system:masters'))))).toBe('y'.repeat(500));
  });
  it('levels take turns by the seats that they have', async () => {
    const { c, ask } = await ground();
    const waiting = many(200, () => ask(alice));
    const account = user('system:serviceaccount:default:app', 'system:serviceaccounts');
    waiting.push(...many(200, () => ask(account)));
    for (let i = 0; i < 40; i++) {
      await c.simulation.advance(2);
      waiting.find(({ outcome, admission }) => outcome && admission.request.state === 'executing')!.admission.leave();
    }
    const served = (who: UserInfo): number =>
      waiting.filter((a) => a.outcome && a.admission.request.user === who).length;
    // 49 and 245 seats.
    expect(served(account)).toBeGreaterThan(25);
    expect(served(alice)).toBeGreaterThan(ROOM + 3);
  });
  it('a full hand of queues refuses, and says when to come again', async () => {
    const { c, ask } = await ground(600);
    const all = many(500, () => ask(alice));
    await c.simulation.advance(1);
    const refused = all.filter(({ outcome }) => outcome === false);
    // 6 queues of 50, and 56 seats, as of kube-apiserver.
    expect(refused.length).toBeGreaterThan(500 - 300 - 56 - 20);
    expect(refused.length).toBeLessThan(500 - 300);
    expect([refused[0]!.admission.refused, refused[0]!.admission.retryAfterSeconds]).toEqual(['queue-full', 1]);
    expect(ask(bob).admission.isWaiting).toBe(true);
  });
  it('a level without queues refuses what has no seat', async () => {
    const { ask } = await ground(245);
    const nobody: UserInfo = { name: 'nobody', groups: [] };
    const all = many(60, () => ask(nobody));
    await Promise.resolve();
    expect(all.filter(({ admission }) => admission.refused === 'concurrency-limit').length).toBeGreaterThan(40);
    expect(all.filter(({ admission }) => admission.mayGoOn).length).toBeGreaterThanOrEqual(5);
  });
  it.each([
    [{ subresource: 'log' }, true],
    [{ subresource: 'exec', verb: 'create' }, true],
    [{ subresource: 'proxy', verb: 'create' }, true],
    [{ subresource: 'status' }, false],
    [{ verb: 'watch', name: '' }, false],
    [{ isResource: false, path: '/debug/pprof/heap' }, true],
    [{ isResource: false, path: '/healthz' }, false],
  ])('%j lasts as long as somebody listens: %j', async (more, lasts) => {
    const { c } = await ground();
    // Lists are looked at.
    const core = { ...c, cache: { ...c.cache, of: () => ({ byKey: new Map() }) } } as unknown as Core;
    expect(new FlowControl(core).arrive({ ...INFO, ...more }, alice, NO_QUERY) === undefined).toBe(lasts);
  });
  it('follows the configuration; a level that is removed serves those it has', async () => {
    const { c, flow, ask } = await ground();
    const meta = { apiVersion: `${GROUP}/v1` };
    c.put({ ...meta, kind: 'PriorityLevelConfiguration', metadata: { name: 'own' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 10, limitResponse: { type: 'Reject' } } } }); // prettier-ignore
    c.put({
      ...meta, kind: 'FlowSchema', metadata: { name: 'own', uid: 'own-uid' },
      spec: { priorityLevelConfiguration: { name: 'own' }, matchingPrecedence: 50, rules: [{ subjects: [{ kind: 'User', user: { name: 'alice' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }] }] },
    }); // prettier-ignore
    const first = ask(alice);
    expect([first.admission.flowClass.schemaUid, first.admission.level.spec.name]).toEqual(['own-uid', 'own']);
    c.remove({ group: GROUP, version: 'v1', resource: 'prioritylevelconfigurations' }, '', 'own');
    await c.simulation.advance(1);
    const quiescing = (): unknown => flow.levels().find(({ spec }) => spec.name === 'own')?.quiescing;
    expect([ask(alice).admission.level.spec.name, quiescing()]).toEqual(['global-default', true]);
    first.admission.leave();
    expect([quiescing(), flow.levels().length]).toEqual([undefined, 8]);
  });
  it('loses nothing, whatever becomes of requests', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('alice', 'bob', 'system:kube-scheduler').map((name) => ({ name })) },
      { weight: 3, arbitrary: fc.record({ which: fc.nat(), how: fc.constantFrom('leave' as const, 'cancel' as const) }) },
      { weight: 1, arbitrary: fc.record({ ms: fc.nat(200) }) },
    ); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 300 }), async (steps) => {
        const { c, flow, ask } = await ground(30);
        const all: Asked[] = [];
        for (const one of steps) {
          if ('name' in one) all.push(ask(user(one.name)));
          else if ('ms' in one) await c.simulation.advance(one.ms);
          else if (all.length > 0) all[one.which % all.length]!.admission[one.how]();
        }
        for (
          let i = 0;
          i < 400 && all.some(({ outcome, admission }) => outcome !== false && admission.request.state !== 'done');
          i++
        ) {
          for (const { admission } of all) admission.leave();
          await c.simulation.advance(100);
        }
        const left = flow
          .levels()
          .map(({ set }) => [set.waiting, set.executing.size, set.seatsInUse, set.seatsWaiting]);
        expect(left).toEqual(left.map(() => [0, 0, 0, 0]));
        for (const { waiting, waitingSeats, executing, seats } of flow.counts.values())
          expect([waiting, waitingSeats, executing, seats]).toEqual([0, 0, 0, 0]);
        expect(outcomes(many(ROOM, () => ask(user('system:kube-scheduler')))).startsWith('y')).toBe(true);
      }),
      { numRuns: 8 },
    );
  });
  it('is told in numbers', async () => {
    const { flow, ask } = await ground();
    many(ROOM + 4, () => ask(alice));
    const lines = flowMetrics(flow);
    const labels = '{flow_schema="global-default",priority_level="global-default"';
    for (const line of [
      `apiserver_flowcontrol_dispatched_requests_total${labels}} ${ROOM}`,
      `apiserver_flowcontrol_current_inqueue_requests${labels}} 4`,
      `apiserver_flowcontrol_current_executing_seats${labels}} ${ROOM}`,
      `apiserver_flowcontrol_request_wait_duration_seconds_count${labels},execute="true"} ${ROOM}`,
      'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 490',
    ])
      expect(lines).toContain(line);
  });
});
