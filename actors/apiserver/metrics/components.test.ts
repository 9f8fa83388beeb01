import { describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import { simulate } from '../../../bus/memory/simulation.ts';
import type { MetricsAnswer } from '../../../bus/protocol/metrics.ts';
import * as subjects from '../../../bus/subjects.ts';
import { createMetrics, createMetricsHandler } from './index.ts';

/** Replicas of the scheduler, each of which knows the ones that it names. */
function setUp(replicas: Readonly<Record<string, readonly string[]>>) {
  const simulation = simulate(1);
  const hub = createMemoryHub({ simulation });
  for (const [id, others] of Object.entries(replicas)) {
    const bus = hub.connect(id, { world: simulation.world(id) });
    const families = [
      { name: 'a', lines: ['# HELP a [BETA] A.', '# TYPE a gauge', `a ${id.length}`] },
      { name: 'b', lines: ['# HELP b [BETA] B.', '# TYPE b gauge', 'b{x="y z} 1"} 1'] },
    ];
    const answer = (): MetricsAnswer => ({ id, families, others });
    for (const subject of [subjects.metricsOf('scheduler'), subjects.metrics('scheduler', id)])
      bus.serve(subject, 'metrics', answer);
  }
  const handle = createMetricsHandler(
    createMetrics(),
    hub.connect('apiserver', { world: simulation.world('apiserver') }),
  );
  return async (component: string): Promise<string> => {
    let answer: { text: string } | undefined;
    const asked = { path: '/metrics', query: new URLSearchParams({ component }) };
    void Promise.resolve(handle(asked as never)).then(
      (found) => (answer = { text: String(found?.body) }),
      (error: unknown) => (answer = { text: (error as Error).message }),
    );
    await simulation.run(() => answer !== undefined, 60_000);
    return answer!.text;
  };
}

describe('metrics of components', () => {
  it('are told as they are where one replica runs', async () => {
    const ask = setUp({ one: [] });
    expect(await ask('kube-scheduler')).toBe(
      '# HELP a [BETA] A.\n# TYPE a gauge\na 3\n# HELP b [BETA] B.\n# TYPE b gauge\nb{x="y z} 1"} 1\n',
    );
  });
  it('are told of all replicas together, by instance; who has gone meanwhile is left out', async () => {
    const ask = setUp({ one: ['three', 'gone'], three: ['one', 'gone'] });
    expect(await ask('kube-scheduler')).toBe(
      [
        '# HELP a [BETA] A.', '# TYPE a gauge', 'a{instance="one"} 3', 'a{instance="three"} 5',
        '# HELP b [BETA] B.', '# TYPE b gauge', 'b{instance="one",x="y z} 1"} 1', 'b{instance="three",x="y z} 1"} 1', '',
      ].join('\n'),
    ); // prettier-ignore
  });
  it.each([
    ['kubelet', /^no component "kubelet" has metrics here: there are kube-controller-manager, kube-scheduler, cloud-controller-manager, coredns; those of a node are at /],
    ['kube-controller-manager', /^no kube-controller-manager answers: does one run\?$/],
  ])('say what is wrong with %s', async (name, message) => {
    expect(await setUp({})(name)).toMatch(message);
  }); // prettier-ignore
});
