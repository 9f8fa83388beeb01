import { describe, expect, it } from 'vitest';
import type { StatsSummary } from '../../bus/protocol/node.ts';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import * as subjects from '../../bus/subjects.ts';
import { fakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../runtime/testing/world.ts';
import { startMetrics } from './actor.ts';
import { IDLE_MS } from './machine.ts';
import { createScraper } from './scrape.ts';

const time = '2026-01-01T00:00:00Z';
const used = {
  cpu: { time, usageNanoCores: 5, usageCoreNanoSeconds: 9 },
  memory: { time, usageBytes: 7, workingSetBytes: 7, rssBytes: 7 },
};
const summary = (nodeName: string): StatsSummary => ({ node: { nodeName, startTime: time, ...used }, pods: [] }); // prettier-ignore
const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `n${i}`);

describe('what nodes use', () => {
  const bench = (ask: (node: string, world: TestWorld) => Promise<StatsSummary> = (node) => Promise.resolve(summary(node))) => {
    const world = testWorld();
    const asked: string[] = [];
    const scraper = createScraper(world, (node) => {
      asked.push(node);
      return ask(node, world);
    });
    return { world, asked, scraper };
  }; // prettier-ignore
  it('is asked once for all who want to know at a time, and again when it is old', async () => {
    const { world, asked, scraper } = bench();
    await Promise.all([scraper.read(['a', 'a', 'b']), scraper.read(['b', 'c'])]);
    expect(asked).toEqual(['a', 'b', 'c']);
    await world.advance(14_999);
    expect((await scraper.read(['a'])).get('a')).toMatchObject({ cpuNanoCores: 5, memoryBytes: 7 });
    expect(asked).toHaveLength(3);
    await world.advance(1);
    await scraper.read(['a']);
    expect(asked).toHaveLength(4);
    // Who cannot do with so old an answer gets another.
    await world.advance(2_000);
    await scraper.read(['a'], 1_000);
    expect(asked).toHaveLength(5);
    scraper.forget();
    await scraper.read(['a']);
    expect(asked).toHaveLength(6);
  });
  it('is asked of many nodes, but not of all at once', async () => {
    let [now, most] = [0, 0];
    const { scraper } = bench(async (node) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return summary(node);
    });
    expect((await scraper.read(names(1_000))).size).toBe(1_000);
    expect(most).toBe(64);
  });
  it.each<[string, () => Promise<StatsSummary>]>([
    ['is away', () => Promise.reject(new Error('nobody there'))],
    ['tells nonsense', () => Promise.resolve({} as StatsSummary)],
    ['tells no numbers', () => Promise.resolve({ node: { ...summary('a').node, cpu: { ...used.cpu, usageNanoCores: -1 } }, pods: [] })],
    ['throws', () => { throw new Error('at once'); }],
  ])('is not known of one that %s, which is asked again at the next occasion', async (_, fails) => {
    let isWell = false;
    const { asked, scraper } = bench((node) => (node === 'a' && !isWell ? fails() : Promise.resolve(summary(node))));
    expect([...(await scraper.read(['a', 'b'])).keys()]).toEqual(['b']);
    isWell = true;
    expect((await scraper.read(['a', 'b'])).size).toBe(2);
    expect(asked).toEqual(['a', 'b', 'a']);
  }); // prettier-ignore
});

it('nothing is measured, kept or timed while nobody asks, and what is asked is answered before the end', async () => {
  const world = testWorld();
  const hub = createMemoryHub({ world });
  const api = fakeApi(world);
  await api.client().create({ group: '', version: 'v1', resource: 'nodes' }, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }); // prettier-ignore
  let asked = 0;
  hub.connect('node').serve(subjects.node('n1', 'stats'), 'node', () => {
    asked++;
    return summary('n1');
  });
  const metrics = startMetrics({ world, bus: hub.connect('metrics'), id: 'm', client: api.client() });
  const asking = hub.connect('apiserver');
  const ask = async (): Promise<unknown> => {
    const target = '/apis/metrics.k8s.io/v1beta1/nodes/n1';
    const opening = asking.open(subjects.extension('metrics'), { method: 'GET', target, headers: [] });
    await world.settle();
    const frames = (await opening).frames()[Symbol.asyncIterator]();
    const next = frames.next();
    await world.advance(10);
    return ((await next).value as { status: number }).status;
  }; // prettier-ignore
  expect(metrics.state()).toBe('serving.idle');
  expect(await ask()).toBe(200);
  expect(metrics.state()).toBe('serving.measuring');
  await world.advance(IDLE_MS);
  expect([metrics.state(), asked]).toEqual(['serving.idle', 1]);
  expect(await ask()).toBe(200);
  expect(asked).toBe(2);
  const stopped = metrics.stop();
  await world.advance(10);
  await stopped;
  expect(metrics.state()).toBe('stopped');
});
