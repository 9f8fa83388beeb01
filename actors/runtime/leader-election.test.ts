import { describe, expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import type { Lease } from '../../schemas/generated/coordination-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { startLeaderElection } from './leader-election.ts';
import type { Liveness } from './leader-liveness.ts';
import { leaderMachine } from './leader-machine.ts';
import { leaseState, takenBy } from './lease.ts';
import { leases } from './resources.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

function setUp() {
  const world = testWorld();
  const api = fakeApi(world);
  const gone = new Set<string>();
  const states = new Map<string, string>();
  const listeners = new Set<() => void>();
  const leaders: string[] = [];
  const liveness: Liveness = {
    isGone: (holder) => gone.has(holder),
    alive: () => [...states].filter(([id]) => !gone.has(id)).map(([id, state]) => ({ id, state })),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const tell = (): void => listeners.forEach((listener) => listener());
  const finishing: (() => void)[] = [];
  const candidate = (identity: string, preferred?: () => string | undefined) =>
    startLeaderElection({
      world, liveness, identity, client: api.client(identity),
      lease: { namespace: 'kube-system', name: 'x' },
      onStarted: () => leaders.push(`+${identity}`),
      onStopped: () => leaders.push(`-${identity}`),
      onFinish: () => new Promise<void>((resolve) => finishing.push(resolve)),
      claims: (state) => state === 'leading',
      preferred,
    }); // prettier-ignore
  const die = (identity: string): void => {
    gone.add(identity);
    tell();
  };
  /** What a candidate's presence says of it. */
  const says = (identity: string, state: string): void => {
    states.set(identity, state);
    tell();
  };
  const lease = (): Lease['spec'] => api.object<Lease>(leases, 'kube-system/x')?.spec;
  /** Cuts a candidate off from the API. */
  const cut = (identity: string): void => {
    api.intercept = ({ caller }) => {
      if (caller === identity) throw new ApiError('ServiceUnavailable', 'cut off');
    };
  };
  return { world, api, candidate, die, says, finishing, leaders, lease, cut };
}

describe('leader election', () => {
  it('has one leader at once on a fresh cluster, and keeps it', async () => {
    const { world, candidate, leaders, lease } = setUp();
    const [a, b] = [candidate('a'), candidate('b')];
    await Promise.all([a.ready, b.ready]);
    expect(leaders).toEqual(['+a']);
    expect(a.fence()).toEqual({ lease: 'kube-system/x', holder: 'a', transitions: 0 });
    expect(b.fence()).toBeUndefined();
    const before = lease()!.renewTime!;
    await world.advance(60_000);
    expect(leaders).toEqual(['+a']);
    expect(lease()!.renewTime! > before).toBe(true);
    expect(b.state()).toBe('following');
  });
  it('leads soon after an API server that was not there yet', async () => {
    const { world, api, candidate, leaders } = setUp();
    api.intercept = () => {
      throw new ApiError('ServiceUnavailable', 'starting');
    };
    const a = candidate('a');
    await world.advance(500);
    expect(a.state()).toBe('backingOff');
    api.intercept = undefined;
    await world.advance(500);
    expect(leaders).toEqual(['+a']);
  });
  it('succeeds a silent holder when its lease has run out, not before', async () => {
    const { world, candidate, cut, leaders, lease } = setUp();
    const [a] = [candidate('a'), candidate('b')];
    await world.advance(10_000);
    cut('a');
    await world.advance(19_000);
    expect(leaders).toEqual(['+a']);
    await world.advance(31_000);
    // The deposed stops by itself before the other begins.
    expect(leaders).toEqual(['+a', '-a', '+b']);
    expect(lease()!.leaseTransitions).toBe(1);
    expect(a.isLeader).toBe(false);
  });
  it('succeeds a holder whose presence ended within a second', async () => {
    const { world, candidate, cut, die, leaders } = setUp();
    candidate('a');
    const b = candidate('b');
    await world.advance(3_000);
    cut('a');
    die('a');
    await world.advance(100);
    expect(leaders).toEqual(['+a', '+b']);
    expect(b.fence()).toMatchObject({ holder: 'b', transitions: 1 });
  });
  it('hands over at once when the holder stops', async () => {
    const { world, candidate, die, leaders, lease } = setUp();
    const a = candidate('a');
    candidate('b');
    await world.settle();
    await a.stop();
    expect(lease()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    die('a');
    await world.settle();
    expect(leaders).toEqual(['+a', '-a', '+b']);
  });
  it('follows when another has taken its lease', async () => {
    const { world, api, candidate, leaders } = setUp();
    const a = candidate('a');
    await world.settle();
    await api.client().patch(leases, 'x', 'kube-system', 'merge', { spec: { holderIdentity: 'z', leaseTransitions: 5 } }); // prettier-ignore
    await world.advance(12_500);
    expect(leaders).toEqual(['+a', '-a']);
    expect(a.state()).toBe('following');
  });
  it('stops at once when it wakes and another says that he leads', async () => {
    const { world, api, candidate, says, leaders } = setUp();
    candidate('a');
    await world.settle();
    await api.client().patch(leases, 'x', 'kube-system', 'merge', { spec: { holderIdentity: 'z', leaseTransitions: 5 } }); // prettier-ignore
    says('z', 'leading');
    await world.settle();
    expect(leaders).toEqual(['+a', '-a']);
  });
  it('hands over when its work is done, without a moment in which the lease is free', async () => {
    const { world, candidate, says, finishing, leaders, lease } = setUp();
    const a = candidate('a');
    const b = candidate('b');
    await world.settle();
    a.handOver('b');
    await world.settle();
    expect(a.state()).toBe('leading.finishing');
    expect(a.fence()?.holder).toBe('a');
    finishing.splice(0).forEach((finish) => finish());
    await world.settle();
    expect(lease()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    says('a', 'following');
    await world.settle();
    expect(leaders).toEqual(['+a', '-a', '+b']);
    expect(b.fence()).toMatchObject({ holder: 'b', transitions: 2 });
  });
  it('takes back what was handed over and not accepted', async () => {
    const { world, candidate, finishing, leaders } = setUp();
    const a = candidate('a');
    await world.settle();
    a.handOver('deaf');
    await world.settle();
    finishing.splice(0).forEach((finish) => finish());
    await world.advance(2_500);
    expect(leaders).toEqual(['+a', '-a', '+a']);
  });
  it('leaves a free lease for a moment to whom it is meant for', async () => {
    const { world, candidate, leaders } = setUp();
    const a = candidate('a');
    await world.settle();
    candidate('b', () => 'c');
    await world.settle();
    await a.stop();
    await world.advance(11_000);
    expect(leaders).toEqual(['+a', '-a']);
    await world.advance(3_000);
    expect(leaders).toEqual(['+a', '-a', '+b']);
  });
  it('survives failing renewals shorter than the deadline', async () => {
    const { world, api, candidate, cut, leaders } = setUp();
    candidate('a');
    await world.advance(4_000);
    cut('a');
    await world.advance(13_000);
    api.intercept = undefined;
    await world.advance(60_000);
    expect(leaders).toEqual(['+a']);
  });
  it('takes a lease that it holds from an earlier life', async () => {
    const { world, api, candidate, leaders } = setUp();
    const spec = takenBy('a', undefined, world.clock.now());
    await api.client().create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'x', namespace: 'kube-system' }, spec }); // prettier-ignore
    const a = candidate('a');
    await a.ready;
    expect(leaders).toEqual(['+a']);
    expect(a.fence()?.transitions).toBe(1);
  });
});

it.each([
  ['nobody', { holderIdentity: '' }, 0, false, 'free'],
  ['me', { holderIdentity: 'me' }, 99_999, false, 'mine'],
  ['another', { holderIdentity: 'other', leaseDurationSeconds: 15 }, 15_000, false, 'held'],
  ['another, run out', { holderIdentity: 'other', leaseDurationSeconds: 15 }, 15_001, false, 'free'],
  ['another, gone', { holderIdentity: 'other', leaseDurationSeconds: 15 }, 1, true, 'free'],
  ['another, short', { holderIdentity: 'other', leaseDurationSeconds: 1 }, 1_001, false, 'free'],
] as const)('a lease held by %s', (_name, spec, age, isGone, state) => {
  const lease = { apiVersion: '', kind: 'Lease', metadata: {}, spec } as Lease;
  expect(leaseState({ lease, changedAt: 0 }, 'me', age, isGone)).toBe(state);
});

it('walks every state of a candidate', () => {
  const events = [
    { type: 'lease.doubted' },
    { type: 'handover.asked', to: 'b' },
    { type: 'stop' },
    { type: 'xstate.done.actor.acquire', output: { held: true } },
    { type: 'xstate.done.actor.acquire', output: { held: false } },
    { type: 'xstate.error.actor.acquire', error: new Error('x') },
    { type: 'xstate.error.actor.renew', error: new Error('x') },
    { type: 'xstate.done.actor.renew', output: { held: false } },
    { type: 'xstate.done.actor.finishWork' },
    { type: 'xstate.done.actor.give' },
    { type: 'xstate.done.actor.release' },
    { type: 'xstate.after.renewPeriod.leader.leading.holding' },
    { type: 'xstate.after.retryPeriod.leader.leading.retrying' },
  ] as never[];
  const paths = getShortestPaths(leaderMachine, { events, serializeState: (s) => JSON.stringify(s.value), limit: 200 });
  expect(new Set(paths.map((p) => JSON.stringify(p.state.value)))).toEqual(
    new Set([
      '{"acquiring":"asking"}',
      '{"acquiring":"doubting"}',
      '"backingOff"',
      '"following"',
      '{"leading":"holding"}',
      '{"leading":"renewing"}',
      '{"leading":"retrying"}',
      '{"leading":"finishing"}',
      '"handingOver"',
      '"resigning"',
      '"stopped"',
    ]),
  );
});
