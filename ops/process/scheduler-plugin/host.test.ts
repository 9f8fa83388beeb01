import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { aNode, aPod } from '../../../actors/scheduler/testing/objects.ts';
import type { PluginCall, PluginThread } from '../../../actors/scheduler/outside/plugin-types.ts';
import { startPlugin } from './host.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubus-plugin-'));
afterAll(() => rmSync(dir, { recursive: true }));
let thread: PluginThread | undefined;
afterEach(() => thread?.stop());

const entry = new URL('./thread.ts', import.meta.url).href;
const start = (): Worker =>
  new Worker(`import(${JSON.stringify(entry)}).then((m) => m.servePlugin())`, { eval: true, stdout: true });
let files = 0;
const load = async (text: string, args?: unknown): Promise<PluginThread> => {
  const file = join(dir, `plugin-${files++}.ts`);
  writeFileSync(file, text);
  return (thread = await startPlugin(file, args, { warn: () => undefined }, start));
};
const call =
  (hook: PluginCall['hook'], names: readonly string[], changed = names) =>
  (): PluginCall => ({
    hook,
    pod: aPod('p', { labels: { app: 'x' } }),
    nodes: names,
    changed: changed.map((name) => ({ name, node: aNode(name), pods: [] })),
  });

describe('a plugin of the user in its thread', () => {
  it('says what it is, and is asked about nodes of which it keeps what it was told', async () => {
    const it = await load(`
      interface Odd { readonly x: string }
      let colour = '';
      export default {
        name: 'Odd', timeoutMs: 5000, permitTimeoutSeconds: 7,
        init(args: { colour: string }) { colour = args.colour; },
        filter: (pod: unknown, { node }: any) => node.metadata.name === 'a' ? undefined : \`not \${colour}\`,
        score: async (pod: unknown, { node }: any) => node.metadata.name.length,
        normalize: (scores: Record<string, number>) => Object.fromEntries(Object.entries(scores).map(([n, s]) => [n, s * 10])),
      };`, { colour: 'blue' }); // prettier-ignore
    expect(it).toMatchObject({ name: 'Odd', hooks: ['filter', 'score'], timeoutMs: 5_000, permitTimeoutMs: 7_000 });
    expect(await it.call(call('filter', ['a', 'bb']), {})).toEqual([undefined, 'not blue']);
    expect(await it.call(call('score', ['bb', 'a'], []), {})).toEqual([20, 10]);
  });
  it('fails with what a hook throws, and goes on', async () => {
    const it = await load(`let n = 0; export default { name: 'T', preFilter() { if (n++ === 0) throw new Error('no luck'); return { nodes: ['a'] }; } };`); // prettier-ignore
    await expect(it.call(call('preFilter', []), {})).rejects.toThrow('no luck');
    expect(await it.call(call('preFilter', []), {})).toEqual({ nodes: ['a'] });
    expect(it.generation).toBe(0);
  });
  it('is not waited for beyond its time; who only waits keeps its thread, who spins loses it', async () => {
    const it = await load(`let n = 0; export default { name: 'T', timeoutMs: 100, preFilter(pod: any) {
      switch (n++) { case 0: return new Promise(() => {}); case 1: for (;;); } return { nodes: [String(n)] }; } };`); // prettier-ignore
    await expect(it.call(call('preFilter', []), {})).rejects.toThrow('plugin "T" has not answered within 100 ms');
    expect(it.generation).toBe(0);
    await expect(it.call(call('preFilter', []), {})).rejects.toThrow('plugin "T" has not answered within 100 ms');
    expect(it.generation).toBe(1);
    // A new thread has forgotten all: it counts from the beginning.
    await expect(it.call(call('preFilter', []), {})).rejects.toThrow('has not answered');
  });
  it('ends what is under way when its thread ends itself', async () => {
    const it = await load(`export default { name: 'T', preFilter() { setTimeout(() => process.exit(3)); return new Promise(() => {}); } };`); // prettier-ignore
    await expect(it.call(call('preFilter', []), {})).rejects.toThrow('its thread has ended');
    expect(it.generation).toBe(1);
  });
  it('is given up by who does not need the answer any more', async () => {
    const it = await load(`export default { name: 'T', permit: () => new Promise(() => {}) };`);
    const abort = new AbortController();
    const asked = it.call(call('permit', ['a']), { signal: abort.signal });
    abort.abort(new Error('the pod is gone'));
    await expect(asked).rejects.toThrow('the pod is gone');
  });
  it.each([
    [`export const x = 1;`, 'it has no default export that is a plugin'],
    [`export default {};`, 'the plugin has no name'],
    [`export default { name: 'T', filtre() {} };`, 'plugin T has no hook "filtre": choose from preFilter, filter, score'],
    [`export default { name: 'T', filter: 5 };`, 'filter of plugin T is no function'],
    [`export default { name: 'T', init() { throw new Error('bad args'); } };`, 'bad args'],
    [`this is no TypeScript`, 'scheduler plugin'],
  ])('is refused with the reason: %s', async (text, why) => {
    await expect(load(text)).rejects.toThrow(why);
  }); // prettier-ignore
});
