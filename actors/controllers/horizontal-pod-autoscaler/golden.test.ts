/** Replicas and limits of random cases as the real controller v1.36.3 works them out. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { HPAScalingRules } from '../../../schemas/generated/autoscaling-v2.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { normalize } from './behavior.ts';
import { byAverage, byShare, byUtilization, byValue, type PodValue } from './calculation.ts';
import { quantityOf } from './quantities.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const ago = (seconds: number): number => NOW - seconds * 1_000;
const golden = <T>(name: string): readonly T[] =>
  JSON.parse(readFileSync(new URL(`./${name}.golden.json`, import.meta.url), 'utf8')) as T[];

/** A pod: phase, deleted, ready, ages in seconds of its start and its readiness, requests, what it uses and since when. */
interface PodCase {
  readonly p?: 'Pending' | 'Failed';
  readonly d?: boolean;
  readonly r?: string;
  readonly s?: number;
  readonly c?: number;
  readonly q?: number;
  readonly i?: number;
  readonly v?: number;
  readonly t?: number;
  readonly w?: number;
}
interface ReplicaCase {
  readonly kind: 'utilization' | 'average' | 'value' | 'share';
  readonly resource: string;
  readonly current: number;
  readonly target: number;
  readonly up: number;
  readonly down: number;
  readonly usage?: number;
  readonly pods: readonly PodCase[] | null;
  readonly result?: readonly number[];
  readonly error?: string;
}
const requesting = (resource: string, milli: number | undefined) =>
  milli === undefined ? {} : { resources: { requests: { [resource]: quantityOf(BigInt(milli)) } } };
const podOf = (c: PodCase, i: number, resource: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p${i}`, namespace: 'd', ...(c.d && { deletionTimestamp: formatTime(NOW) }) },
  spec: {
    containers: [{ name: 'web', ...requesting(resource, c.q) }],
    ...(c.i !== undefined && { initContainers: [{ name: 'side', restartPolicy: 'Always', ...requesting(resource, c.i) }] }),
  },
  status: {
    phase: c.p ?? 'Running',
    ...(c.s !== undefined && { startTime: formatTime(ago(c.s)) }),
    ...(c.r !== undefined && { conditions: [{ type: 'Ready', status: c.r, lastTransitionTime: formatTime(ago(c.c ?? 0)) }] }),
  },
}); // prettier-ignore

function proposed(c: ReplicaCase): readonly number[] {
  const pods = (c.pods ?? []).map((pod, i) => podOf(pod, i, c.resource));
  const tolerances = { up: c.up, down: c.down };
  const weighed = { pods, current: c.current, tolerances, now: NOW };
  const values = new Map(
    (c.pods ?? []).flatMap(({ v, t = 0, w = 0 }, i): [string, PodValue][] =>
      v === undefined ? [] : [[`p${i}`, { value: BigInt(v), at: ago(t), windowMs: w * 1_000 }]],
    ),
  );
  const target = BigInt(c.target);
  const usage = BigInt(c.usage ?? 0);
  const found = {
    utilization: () => byUtilization(weighed, values, c.resource, '', c.target),
    average: () => byAverage(weighed, values, c.resource, target),
    value: () => byValue(weighed, usage, target),
    share: () => byShare(c.current, tolerances, usage, target),
  }[c.kind]();
  const { replicas, usage: average, utilization } = found;
  return [replicas, Number(average), ...(utilization === undefined ? [] : [utilization])];
}
it.each(golden<ReplicaCase>('replicas').map((c, i) => [i, c] as const))('replicas of case %i', (_, c) => {
  if (c.error === undefined) expect(proposed(c)).toEqual(c.result);
  else expect(() => proposed(c)).toThrow(c.error);
});

interface Noted {
  readonly n: number;
  readonly age: number;
}
interface Rules {
  readonly window?: number;
  readonly select: string;
  readonly policies: readonly (readonly [type: string, value: number, periodSeconds: number])[];
}
interface BehaviorCase {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly wanted?: readonly Noted[];
  readonly ups?: readonly Noted[];
  readonly downs?: readonly Noted[];
  readonly up?: Rules;
  readonly down?: Rules;
  readonly result: number;
  readonly able: string;
  readonly limited: readonly [is: string, reason: string];
}
const noted = (all: readonly Noted[] = []) => all.map(({ n, age }) => ({ replicas: n, at: ago(age) }));
const rulesOf = ({ window, select, policies }: Rules): HPAScalingRules => ({
  selectPolicy: select,
  ...(window !== undefined && { stabilizationWindowSeconds: window }),
  policies: policies.map(([type, value, periodSeconds]) => ({ type, value, periodSeconds })),
});
it.each(golden<BehaviorCase>('behavior').map((c, i) => [i, c] as const))('limits of case %i', (_, c) => {
  const behavior = c.up && c.down && { scaleUp: rulesOf(c.up), scaleDown: rulesOf(c.down) };
  const memory = { wanted: noted(c.wanted), ups: noted(c.ups), downs: noted(c.downs) };
  const { replicas, able, limited } = normalize({ ...c, now: NOW }, behavior, memory);
  expect([replicas, able.reason, limited.is ? 'True' : 'False', limited.reason]).toEqual([
    c.result,
    c.able,
    ...c.limited,
  ]);
});
