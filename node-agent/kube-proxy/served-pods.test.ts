import { expect, it } from 'vitest';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { servedPods } from './served-pods.ts';

const pod = (hostNetwork = false): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [], hostNetwork },
});
const never = new AbortController().signal;
function bench() {
  const world = testWorld();
  const begun: boolean[] = [];
  const rules = Promise.withResolvers<void>();
  const runtime = servedPods(world, { runPodSandbox: (p) => Promise.resolve((begun.push(p.spec?.hostNetwork === true), { id: 's', ip: undefined })) }, rules.promise); // prettier-ignore
  return { world, begun, rules, runtime };
}
it('pods begin once rules stand, those in the network of the node at once', async () => {
  const { world, begun, rules, runtime } = bench();
  void runtime.runPodSandbox(pod(), never);
  void runtime.runPodSandbox(pod(true), never);
  await world.settle();
  expect(begun).toEqual([true]);
  rules.resolve();
  await world.settle();
  expect(begun).toEqual([true, false]);
});
it('they begin all the same where rules cannot be written, or not in ten seconds', async () => {
  for (const fails of [true, false]) {
    const { world, begun, rules, runtime } = bench();
    void runtime.runPodSandbox(pod(), never);
    if (fails) rules.reject(new Error('no rules here'));
    await world.until(() => begun.length === 1, fails ? 100 : 10_100);
    expect(begun).toEqual([false]);
  }
});
it('who is given up meanwhile does not begin', async () => {
  const { world, begun, runtime } = bench();
  const given = new AbortController();
  const begins = runtime.runPodSandbox(pod(), given.signal).catch((error: Error) => error.message);
  given.abort(new Error('given up'));
  await world.settle();
  expect([await begins, begun]).toEqual(['given up', []]);
});
