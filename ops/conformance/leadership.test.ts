import { describe, expect, it } from 'vitest';
import * as resources from '../../actors/runtime/resources.ts';
import { seededRandom } from '../../bus/memory/random.ts';
import type { Deployment } from '../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { Committed } from '../chaos/committed.ts';
import { checkLeadership, reignsOf } from '../chaos/leadership.ts';
import { termOf } from '../chaos/log-reader.ts';
import { startSimulatedCluster } from '../testing/simulated-cluster.ts';

const deployment = (name: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'a' }] } },
  },
});

/** What befalls who leads, and how long for, ms. */
const FAULTS = [
  // Paused with work in its hands for longer than it takes to be succeeded.
  { name: 'paused', harm: 'setDelay', forMs: 6_000 },
  // Paused so shortly that nobody should mind.
  { name: 'slow', harm: 'setDelay', forMs: 900 },
  { name: 'cut off', harm: 'setConnected', forMs: 5_000 },
] as const;

async function story(seed: number): Promise<{ readonly committed: readonly Committed[]; readonly pods: number }> {
  const cluster = await startSimulatedCluster(seed, ['n1', 'n2'], { controllerManagers: 2, schedulers: 2 });
  const { admin, simulation, hub, candidates } = cluster;
  const random = seededRandom(`leadership/${seed}`);
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, 60_000);
    return finished;
  };
  const pods = async (): Promise<readonly Pod[]> =>
    (await done(admin.list<Pod>(resources.pods, { namespace: 'default' }))).items;
  await simulation.run(() => [...candidates.values()].every((c) => c.state() !== 'syncing'), 60_000);
  await simulation.advance(12_000);
  const leading = (): string[] =>
    [...candidates].filter(([, c]) => /^(leading|scheduling)/.test(c.state())).map(([name]) => name);
  for (let round = 0; round < 4; round++) {
    await done(admin.create(resources.deployments, deployment(`web-${round}`)));
    // In the middle of the work on it.
    await simulation.advance(random() * 30);
    // First who makes pods and who places them loses his office, then whatever may come.
    const fault = FAULTS[round < 2 ? 0 : Math.floor(random() * FAULTS.length)]!;
    const victim = leading().find((name) =>
      candidates
        .get(name)!
        .state()
        .includes(['workloads', 'scheduling'][round % 2]!),
    )!;
    if (fault.harm === 'setDelay') hub.setDelay(victim, fault.forMs);
    else hub.setConnected(victim, false);
    await simulation.advance(fault.forMs);
    hub.setDelay(victim, 0);
    hub.setConnected(victim, true);
    await simulation.advance(random() * 8_000);
  }
  let running = 0;
  for (let i = 0; i < 120 && running !== 16; i++) {
    await simulation.advance(500);
    running = (await pods()).filter(({ status }) => status?.phase === 'Running').length;
  }
  await simulation.advance(5_000);
  const committed: Committed[] = [];
  const read = (async () => {
    for await (const { revision, key, headers } of cluster.log.read(1))
      committed.push({ revision, key, value: '', term: termOf(headers['Kubus-Fence']) });
  })();
  await done(read);
  const found = (await pods()).length;
  await cluster.stop();
  return { committed, pods: found };
}

describe('leaders that are paused, slow or cut off in the middle of their work', () => {
  it.each([1, 2, 3])(
    'have no effect after their successors: seed %i',
    async (seed) => {
      const { committed, pods } = await story(seed);
      expect(checkLeadership(committed)).toEqual([]);
      // There was something to check: several reigns, all with effects.
      for (const lease of ['kube-controller-manager', 'kube-scheduler'])
        expect(reignsOf(committed).filter(({ term }) => term.lease === `kube-system/${lease}`).length).toBeGreaterThan(
          1,
        );
      expect(pods).toBe(16);
    },
    120_000,
  );
});
