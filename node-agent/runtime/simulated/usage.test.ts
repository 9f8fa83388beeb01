import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { Usage } from './usage.ts';

const pod = (script?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', ...(script !== undefined && { annotations: { 'kubus.dev/simulate': script } }) },
});
const container = (requests?: Record<string, string>): Container => ({ name: 'web', ...(requests && { resources: { requests } }) }); // prettier-ignore
const MEBI = 1024 * 1024;

describe('what a container uses', () => {
  it.each([
    ['without a word', undefined, undefined, 5_000, 1_000_000, 2 * MEBI],
    ['a share of what it asks for', undefined, { cpu: '2', memory: '1Gi' }, 5_000, 100_000_000, 204.8 * MEBI],
    ['by the script of the pod', 'usage: { cpu: 250m, memory: 64Mi }', undefined, 5_000, 250_000_000, 64 * MEBI],
    ['by its own', '{usage: {cpu: 1}, containers: {web: {usage: {cpu: 2, memory: 1}}}}', undefined, 5_000, 2e9, 1],
    ['of another container, not', 'containers: { db: { usage: { cpu: 2 } } }', undefined, 5_000, 1_000_000, 2 * MEBI],
    ['before a step', 'usage: { cpu: "100m, 400m@60s" }', undefined, 59_000, 100_000_000, 2 * MEBI],
    ['after it, on the average', 'usage: { cpu: "100m, 400m@60s" }', undefined, 65_000, 250_000_000, 2 * MEBI],
    ['after ten seconds of it', 'usage: { cpu: "400m@1m,100m" }', undefined, 70_000, 400_000_000, 2 * MEBI],
    ['in steps of memory', 'usage: { memory: "1Ki, 2Ki@1s" }', undefined, 1_000, 1_000_000, 2048],
    ['as if nothing were said where it cannot be read', 'usage: { cpu: many, memory: -1 }', undefined, 1, 1_000_000, 2 * MEBI],
    ['nor where the script cannot', '{', undefined, 1_000, 1_000_000, 2 * MEBI],
  ] as const)('%s', (_, script, requests, age, nanoCores, memoryBytes) => {
    const usage = new Usage().read('c', pod(script), container(requests), 1_000, 1_000 + age);
    expect(usage).toMatchObject({ nanoCores, memoryBytes: Math.round(memoryBytes) });
  }); // prettier-ignore
});

test('a script that changes counts at once, and what was used stays used', () => {
  const usage = new Usage();
  const read = (script: string, now: number) => usage.read('c', pod(script), container(), 0, now);
  expect(read('usage: { cpu: 1 }', 10_000).coreNanoSeconds).toBe(10e9);
  expect(read('usage: { cpu: 100m }', 10_000)).toMatchObject({ nanoCores: 1e8, coreNanoSeconds: 10e9 });
  expect(read('usage: { cpu: 100m }', 20_000).coreNanoSeconds).toBe(11e9);
  usage.forget('c');
  expect(read('usage: { cpu: 100m }', 20_000).coreNanoSeconds).toBe(2e9);
});

test('CPU time never decreases, whatever is said when', () => {
  const script = fc.constantFrom('usage: { cpu: 2 }', 'usage: { cpu: "0, 3@5s, 100m@9s" }', '', 'usage: { cpu: 0 }');
  fc.assert(
    fc.property(fc.array(fc.tuple(script, fc.nat(7_000)), { maxLength: 20 }), (reads) => {
      const usage = new Usage();
      let [now, before] = [0, 0];
      for (const [text, ms] of reads) {
        const { coreNanoSeconds } = usage.read('c', pod(text), container(), 0, (now += ms));
        expect(coreNanoSeconds).toBeGreaterThanOrEqual(before);
        before = coreNanoSeconds;
      }
    }),
  );
});
