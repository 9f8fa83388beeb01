import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { nodes } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { DEFAULT_PLAN, startNodeIpam } from './actor.ts';
import { cidrAt, countOf, indexOf, reconcile } from './reconcile.ts';

const node = (name: string, podCIDR?: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: podCIDR ? { podCIDR } : {},
});

describe('plan', () => {
  it('has 256 parts of 10.244.0.0/16', () => {
    expect(countOf(DEFAULT_PLAN)).toBe(256);
    expect([cidrAt(DEFAULT_PLAN, 0), cidrAt(DEFAULT_PLAN, 255)]).toEqual(['10.244.0.0/24', '10.244.255.0/24']);
  });
  it('finds the index of each part again, in any plan', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 24 }), fc.integer({ min: 0, max: 6 }), fc.nat(), (mask, bits, n) => {
        const plan = { cluster: `10.0.0.0/${mask}`, nodeMask: mask + bits };
        const index = n % countOf(plan);
        expect(indexOf(plan, cidrAt(plan, index))).toBe(index);
      }),
    );
    expect(indexOf(DEFAULT_PLAN, '192.168.0.0/24')).toBeUndefined();
    expect(() => countOf({ cluster: '10.0.0.0/16', nodeMask: 8 })).toThrow();
  });
  it('says when there is none left', () => {
    const used = new Set(Array.from({ length: 256 }, (_, i) => i));
    expect(reconcile({ node: node('x'), used, plan: DEFAULT_PLAN }).intents).toMatchObject([{ op: 'event', reason: 'CIDRNotAvailable' }]); // prettier-ignore
  });
});

it('gives each node a part of its own, and a part that is free again to the next', async () => {
  const { client, start, quiet, list } = testCluster();
  await client.create(nodes, node('has', '10.244.1.0/24'));
  start(startNodeIpam);
  for (let i = 0; i < 20; i++) await client.create(nodes, node(`n${i}`));
  await quiet();
  const cidrs = list<Node>(nodes).map((n) => n.spec!.podCIDR);
  expect(new Set(cidrs).size).toBe(21);
  expect(cidrs).toContain('10.244.20.0/24');
  await client.delete(nodes, 'n0');
  await quiet();
  await client.create(nodes, node('late'));
  await quiet();
  expect(list<Node>(nodes).find((n) => n.metadata.name === 'late')!.spec!.podCIDR).toBe('10.244.0.0/24');
});
