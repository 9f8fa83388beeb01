import { expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { countStarts } from './starts.ts';

const { signal } = new AbortController();

it('a runtime is busy while more than eight starts are under way, however they end', async () => {
  const ends: PromiseWithResolvers<string>[] = [];
  const start = (): Promise<string> => {
    const end = Promise.withResolvers<string>();
    ends.push(end);
    return end.promise;
  };
  const runtime = countStarts({
    runPodSandbox: async () => ({ id: await start(), ip: undefined }),
    createContainer: start,
    startContainer: async () => void (await start()),
  });
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: {} };
  const config = { pod, container: { name: 'm' }, attempt: 0 };
  const all: Promise<unknown>[] = [];
  for (let i = 0; i < 3; i++)
    all.push(
      runtime.runPodSandbox(pod, signal),
      runtime.createContainer('s', config, signal),
      runtime.startContainer('c', signal),
    );
  expect(runtime.isBusy()).toBe(true);
  ends[0]!.reject(new Error('no'));
  await expect(all[0]).rejects.toThrow('no');
  expect(runtime.isBusy()).toBe(false);
  for (const end of ends.slice(1)) end.resolve('id');
  expect(await all[1]).toBe('id');
  await Promise.all(all.slice(1));
  expect(runtime.isBusy()).toBe(false);
});
