import { getShortestPaths } from 'xstate/graph';
import { createActor, fromPromise, SimulatedClock } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { Node } from '../../schemas/generated/core-v1.ts';
import { AGAIN_MS, nodeAuthenticatorMachine } from './machine.ts';
import { KEY_LABEL, REVOKED_LABEL } from '../runtime/node-labels.ts';
import { bareNode, decide, isBound } from './reconcile.ts';

const [OURS, THEIRS] = ['UAAAA', 'UBBBB'];
const node = (labels: Record<string, string>): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n', labels },
});
const bootstrapper = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] };

describe('the decision about a node', () => {
  it.each<[string, Parameters<typeof decide>[0], 'admit' | 'bind' | 'refuse']>([
    ['new, with a good token', { node: undefined, key: OURS, bearer: bootstrapper }, 'bind'],
    ['new, without a token', { node: undefined, key: OURS, bearer: undefined }, 'refuse'],
    ['new, with the token of a service account', { node: undefined, key: OURS, bearer: { username: 'system:serviceaccount:a:b', groups: ['system:bootstrappers'] } }, 'refuse'],
    ['new, with a token of a user of that name', { node: undefined, key: OURS, bearer: { username: 'system:bootstrap:abcdef', groups: [] } }, 'refuse'],
    ['known, with its key', { node: node({ [KEY_LABEL]: OURS }), key: OURS, bearer: undefined }, 'admit'],
    ['known, with another key', { node: node({ [KEY_LABEL]: THEIRS }), key: OURS, bearer: undefined }, 'refuse'],
    ['known, with another key and a good token', { node: node({ [KEY_LABEL]: THEIRS }), key: OURS, bearer: bootstrapper }, 'refuse'],
    ['not joined by a token', { node: node({}), key: OURS, bearer: bootstrapper }, 'refuse'],
    ['revoked', { node: node({ [KEY_LABEL]: OURS, [REVOKED_LABEL]: '' }), key: OURS, bearer: bootstrapper }, 'refuse'],
  ])('%s', (_, observed, outcome) => {
    expect(decide(observed).do).toBe(outcome);
  }); // prettier-ignore
  const BORN = '2026-01-01T00:00:00Z';
  const [joined, own] = [node({ [KEY_LABEL]: THEIRS }), (minutes: number) => ({ notBefore: Date.parse(BORN) + minutes * 60_000 })]; // prettier-ignore
  joined.metadata.creationTimestamp = BORN;
  it.each<[string, Parameters<typeof decide>[0], 'admit' | 'rebind' | 'refuse', why?: string]>([
    ['with another key and its certificate', { node: joined, key: OURS, bearer: undefined, shown: own(60) }, 'rebind'],
    ['with its key, whatever else it shows', { node: joined, key: THEIRS, bearer: undefined, shown: { why: 'x' } }, 'admit'],
    ['with a certificate of the minute in which it joined', { node: joined, key: OURS, bearer: undefined, shown: own(-5) }, 'rebind'],
    ['with a certificate of the Node of its name before', { node: joined, key: OURS, bearer: undefined, shown: own(-5.1) }, 'refuse', 'its certificate is older than the Node'],
    ['with a certificate that is no good', { node: joined, key: OURS, bearer: bootstrapper, shown: { why: 'it smells' } }, 'refuse', 'the Node is bound to another key, and it smells'],
    ['deleted', { node: undefined, key: OURS, bearer: undefined, shown: own(60) }, 'refuse', 'there is no such Node'],
    ['revoked', { node: { ...joined, metadata: { ...joined.metadata, labels: { [KEY_LABEL]: THEIRS, [REVOKED_LABEL]: '' } } }, key: OURS, bearer: undefined, shown: own(60) }, 'refuse', 'its credential was revoked'],
    ['not joined, or let go', { node: { ...joined, metadata: { ...joined.metadata, labels: {} } }, key: OURS, bearer: undefined, shown: own(60) }, 'refuse', 'did not join by a token'],
    ['of no known age', { node: node({ [KEY_LABEL]: THEIRS }), key: OURS, bearer: undefined, shown: own(60) }, 'refuse', 'older than the Node'],
  ])('%s', (_, observed, outcome, why = '') => {
    const decision = decide(observed);
    expect(decision.do).toBe(outcome);
    expect(decision.do === 'refuse' ? decision.why : '').toContain(why);
  }); // prettier-ignore
  it('admits whoever it has bound, and nobody else', () => {
    const bound = bareNode('n', OURS);
    expect(decide({ node: bound, key: OURS, bearer: undefined })).toEqual({ do: 'admit' });
    expect([isBound(bound, OURS), isBound(bound, THEIRS), isBound(undefined, OURS)]).toEqual([true, false, false]);
    expect(isBound(node({ [KEY_LABEL]: OURS, [REVOKED_LABEL]: 'true' }), OURS)).toBe(false);
  });
});

it('makes a node wait for the cloud, where there is one', () => {
  expect(bareNode('n', OURS).spec).toBeUndefined();
  expect(bareNode('n', OURS, true).spec?.taints?.map(({ key }) => key)).toEqual(['node.cloudprovider.kubernetes.io/uninitialized']); // prettier-ignore
});
describe('the chart of the node authenticator', () => {
  it('reaches these states and no others', () => {
    const paths = getShortestPaths(nodeAuthenticatorMachine, {
      events: [
        { type: 'credential.revoked' },
        ...['learnNodes', 'sweep'].flatMap((id) => [
          { type: `xstate.done.actor.${id}` },
          { type: `xstate.error.actor.${id}`, error: new Error('x') },
        ]),
        { type: 'xstate.after.backoff.nodeAuthenticator.retrying' },
        { type: 'xstate.after.backoff.nodeAuthenticator.serving.failing' },
        { type: 'xstate.after.again.nodeAuthenticator.serving.settling' },
      ] as never[],
      serializeState: (s) => JSON.stringify([s.value, s.context.round]),
      limit: 2000,
      stopWhen: (s) => s.context.failures > 2,
    });
    expect([...new Set(paths.map((p) => JSON.stringify(p.state.value)))].sort()).toEqual(
      [
        'learning',
        'retrying',
        { serving: 'failing' },
        { serving: 'quiet' },
        { serving: 'settling' },
        { serving: { sweeping: 'clean' } },
        { serving: { sweeping: 'dirty' } },
      ].map((s) => JSON.stringify(s)).sort(),
    ); // prettier-ignore
  });
  /** An authenticator whose sweeps end when told to. */
  function running() {
    const clock = new SimulatedClock();
    const sweeps: { done(): void; fail(): void }[] = [];
    const gate: string[] = [];
    const actor = createActor(
      nodeAuthenticatorMachine.provide({
        actors: {
          learnNodes: fromPromise(() => Promise.resolve()),
          sweep: fromPromise(
            () => new Promise<void>((done, fail) => sweeps.push({ done, fail: () => fail(new Error('x')) })),
          ),
        },
        actions: {
          openGate: () => gate.push('open'),
          closeGate: () => gate.push('closed'),
          reportFailure: () => undefined,
        },
      }),
      { clock },
    );
    actor.start();
    const settled = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    const finish = async (): Promise<void> => {
      sweeps.at(-1)!.done();
      await settled();
    };
    return { actor, clock, sweeps, gate, settled, finish };
  }
  it('looks once at the start, and after a revocation again when late decisions have come through', async () => {
    const { actor, clock, sweeps, gate, settled, finish } = running();
    await settled();
    expect([gate, sweeps.length]).toEqual([['open'], 1]);
    await finish();
    expect(actor.getSnapshot().value).toEqual({ serving: 'quiet' });
    actor.send({ type: 'credential.revoked' });
    for (const [i, ms] of AGAIN_MS.entries()) {
      expect(sweeps).toHaveLength(2 + i);
      await finish();
      expect(actor.getSnapshot().value).toEqual({ serving: 'settling' });
      clock.increment(ms);
    }
    await finish();
    expect(actor.getSnapshot().value).toEqual({ serving: 'quiet' });
    expect(sweeps).toHaveLength(2 + AGAIN_MS.length);
  });
  it('looks again at once when somebody was revoked meanwhile, and goes on after a failure', async () => {
    const { actor, clock, sweeps, settled, finish } = running();
    await settled();
    actor.send({ type: 'credential.revoked' });
    actor.send({ type: 'credential.revoked' });
    expect(sweeps).toHaveLength(1);
    await finish();
    expect(sweeps).toHaveLength(2);
    sweeps.at(-1)!.fail();
    await settled();
    expect(actor.getSnapshot().value).toEqual({ serving: 'failing' });
    clock.increment(10_000);
    expect(sweeps).toHaveLength(3);
    actor.stop();
  });
});
