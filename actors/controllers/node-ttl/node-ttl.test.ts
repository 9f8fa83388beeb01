import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { nodes } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startNodeTtl } from './actor.ts';
import { reconcile, stepOf, TTL, ttlOf } from './reconcile.ts';

const node = (name: string, annotations?: Record<string, string>): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, ...(annotations && { annotations }) } }); // prettier-ignore

it.each([
  [0, 0, '0'],
  [100, 0, '0'],
  [101, 0, '15'],
  [90, 1, '15'],
  [89, 1, '0'],
  [5_000, 0, '300'],
  [1_799, 4, '60'],
  [3, 4, '0'],
])('of %i nodes at step %i may use what they read for %s s', (count, step, expected) => {
  expect(ttlOf(stepOf(count, step))).toBe(expected);
});
it('has a step for any number, and stays at it', () => {
  fc.assert(
    fc.property(fc.nat(3_000), fc.integer({ min: 0, max: 4 }), (count, step) => {
      const now = stepOf(count, step);
      expect(stepOf(count, now)).toBe(now);
    }),
  );
});
it.each([
  ['without one', node('n'), 1],
  ['with another', node('n', { [TTL]: '15', other: 'x' }), 1],
  ['with nonsense', node('n', { [TTL]: 'soon' }), 1],
  ['that has it', node('n', { [TTL]: '0' }), 0],
])('writes to a node %s', (_name, of, writes) => {
  expect(reconcile({ node: of, ttl: '0' }).intents).toHaveLength(writes);
});
it('tells all when there are many, and does not go back at once', async () => {
  const c = testCluster();
  c.start(startNodeTtl);
  const ttls = (): Set<string | undefined> => new Set(c.list<Node>(nodes).map((n) => n.metadata.annotations?.[TTL]));
  for (let i = 0; i < 100; i++) await c.client.create(nodes, node(`n${i}`));
  await c.quiet();
  expect(ttls()).toEqual(new Set(['0']));
  await c.client.create(nodes, node('one-more'));
  await c.quiet();
  expect(ttls()).toEqual(new Set(['15']));
  for (let i = 0; i < 11; i++) await c.client.delete(nodes, `n${i}`);
  await c.quiet();
  expect(ttls()).toEqual(new Set(['15']));
  await c.client.delete(nodes, 'n99');
  await c.quiet();
  expect(ttls()).toEqual(new Set(['0']));
});
it.each([1, 2])('comes to rest after a bad day with %i', async (seed) => {
  const c = testCluster(seed);
  const add = (name: string) => () => c.client.create(nodes, node(name));
  await badDay(c, c.start(startNodeTtl), [add('a'), add('b'), () => c.client.patch(nodes, 'a', undefined, 'merge', { metadata: { annotations: { [TTL]: '9' } } })]); // prettier-ignore
  for (const one of c.list<Node>(nodes)) expect(one.metadata.annotations).toEqual({ [TTL]: '0' });
});
