import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import * as resources from '../../actors/runtime/resources.ts';
import type { Deployment } from '../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { startSimulatedCluster } from '../testing/simulated-cluster.ts';

const NODES = ['n1', 'n2', 'n3'];
const deployment = (image: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 6,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
  },
});

/** Rolls a Deployment out and to a new image, then loses a node; what was committed, in order. */
async function story(
  seed: number,
): Promise<{ readonly history: readonly string[]; readonly spread: readonly number[] }> {
  const cluster = await startSimulatedCluster(seed, NODES);
  const { admin, simulation } = cluster;
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, 60_000);
    return finished;
  };
  /** Asks again, half a simulated second later, until it holds. */
  const until = async (what: string, holds: () => Promise<boolean>, seconds: number): Promise<void> => {
    for (let i = 0; i < seconds * 2; i++) {
      if (await done(holds())) return;
      await simulation.advance(500);
    }
    throw new Error(`${what}: not within ${seconds} simulated seconds`);
  };
  const rolledOut = async (image: string): Promise<boolean> => {
    const web = await admin.get<Deployment>(resources.deployments, 'web', 'default');
    const s = web.status;
    return (
      web.spec?.template.spec?.containers[0]?.image === image &&
      s?.observedGeneration === web.metadata.generation &&
      s?.updatedReplicas === 6 &&
      s.availableReplicas === 6 &&
      s.replicas === 6
    );
  };
  const pods = async (): Promise<Pod[]> =>
    (await admin.list<Pod>(resources.pods, { namespace: 'default' })).items.filter(
      (p) => !p.metadata.deletionTimestamp,
    );

  await until(
    'the default service account',
    async () => (await admin.list(resources.serviceAccounts, { namespace: 'default' })).items.length > 0,
    30,
  );
  await done(admin.create(resources.deployments, deployment('web:1')));
  await until('the first rollout', () => rolledOut('web:1'), 60);
  const web = await done(admin.get<Deployment>(resources.deployments, 'web', 'default'));
  await done(admin.update(resources.deployments, { ...web, spec: deployment('web:2').spec }));
  await until('the second rollout', () => rolledOut('web:2'), 60);
  cluster.loseNode('n2');
  // Grace period of 40 s, then five minutes of toleration.
  await until(
    'six pods on two nodes',
    async () => {
      const live = (await pods()).filter(
        (p) =>
          p.spec?.nodeName !== 'n2' && p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
      );
      return live.length === 6;
    },
    600,
  );
  const final = await done(pods());
  await cluster.stop();
  return {
    history: [...cluster.history],
    spread: NODES.map((n) => final.filter((p) => p.spec?.nodeName === n).length),
  };
}
const digest = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

it('lives the same history byte for byte from one seed, and another from another', async () => {
  const first = await story(1);
  const again = await story(1);
  const other = await story(2);
  expect(first.history.length).toBeGreaterThan(200);
  expect(first.spread[0]! + first.spread[2]!).toBeGreaterThanOrEqual(6);
  // Line by line first: a difference shows where it begins.
  const differs = first.history.findIndex((line, i) => line !== again.history[i]);
  expect(differs < 0 ? 'no difference' : { first: first.history[differs], again: again.history[differs] }).toBe(
    'no difference',
  );
  expect(digest(again.history)).toBe(digest(first.history));
  expect(digest(other.history)).not.toBe(digest(first.history));
}, 180_000);
