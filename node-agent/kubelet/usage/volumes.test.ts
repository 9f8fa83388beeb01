import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../../actors/runtime/metrics/registry.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import type { VolumeStats } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { NO_FIGURES, type VolumeCount, type VolumeFigures } from '../../volumes/figures.ts';
import type { NodeContext } from '../context.ts';
import { metrics } from '../http-pages.ts';
import { kubeletMetrics } from '../metrics.ts';
import { volumesOfClaims, watchVolumeHealth, type PodVolumeOnNode } from './volume-health.ts';
import { createVolumeCounts, type VolumeCounts } from './volumes.ts';

let world: TestWorld;
let told: string[];
let folder: string;
beforeEach(async () => {
  [world, told, folder] = [testWorld(), [], await mkdtemp(join(tmpdir(), 'kbd-counts-'))];
});
afterEach(() => rm(folder, { recursive: true }));
const counting = (tellsHealth = false, periodMs = 60_000): VolumeCounts =>
  createVolumeCounts({ world, periodMs, tellsHealth, tell: (pod, ...said) => told.push([pod.metadata.name, ...said].join(' ')) }); // prettier-ignore
const podOf = (name: string, claimName = 'c'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'd', uid: name },
  spec: {
    containers: [],
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }, { name: 'g', ephemeral: {} }, { name: 's', secret: {} }],
  },
}); // prettier-ignore
const full = (usedBytes: number, more: Partial<VolumeFigures> = {}): VolumeFigures => ({ ...NO_FIGURES, capacityBytes: 100, usedBytes, ...more }); // prettier-ignore
const at = (count: VolumeCount) => ({ path: folder, count });
async function soon<T>(asked: Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  void asked.then((value) => (answer = { value }));
  await world.until(() => answer !== undefined, 5_000);
  return answer!.value;
}

describe('volumes', () => {
  it('are counted as each of them can be, and those that cannot are not told of', async () => {
    const counts = counting();
    const pod = podOf('p');
    await writeFile(join(folder, 'f'), Buffer.alloc(20_000));
    const part = await counts.of(pod, 's', { path: folder });
    const whole = await counts.of(pod, 'g', at('fileSystem'));
    expect(part!.usedBytes).toBeGreaterThanOrEqual(20_000);
    expect(part).toMatchObject({ name: 's' });
    expect(whole!.usedBytes).toBeGreaterThan(part!.usedBytes);
    expect(whole!.pvcRef).toEqual({ name: 'p-g', namespace: 'd' });
    expect(await counts.of(pod, 'v', at(async () => full(7)))).toMatchObject({ name: 'v', capacityBytes: 100, usedBytes: 7, pvcRef: { name: 'c', namespace: 'd' } }); // prettier-ignore
    for (const nobody of ['nothing', async () => undefined] as const)
      expect(await counts.of(podOf('q'), 'v', at(nobody))).toBeUndefined();
  });
  it('are counted once a minute, whoever asks how often', async () => {
    const counts = counting();
    let calls = 0;
    const ask = () =>
      counts.of(
        podOf('p'),
        'v',
        at(async () => full(++calls)),
      );
    expect([await ask(), await ask(), await counts.of(podOf('q'), 'v', at(async () => full(9)))]).toMatchObject([{ usedBytes: 1 }, { usedBytes: 1 }, { usedBytes: 9 }]); // prettier-ignore
    await world.advance(61_000);
    expect(await ask()).toMatchObject({ usedBytes: 2 });
  });
  it('that nobody answers for hold nobody up, and what was known of them stays so', async () => {
    const counts = counting();
    const late = Promise.withResolvers<VolumeFigures>();
    const slow = at(() => late.promise);
    expect(await soon(counts.of(podOf('p'), 'v', slow))).toBeUndefined();
    late.resolve(full(5));
    await world.settle();
    expect(await soon(counts.of(podOf('p'), 'v', slow))).toMatchObject({ usedBytes: 5 });
    await world.advance(61_000);
    const failing = at(() => Promise.reject(new Error('driver name x not found')));
    expect(await soon(counts.of(podOf('p'), 'v', failing))).toMatchObject({ usedBytes: 5 });
  });
  it('are not counted where that is switched off', async () =>
    expect(await counting(false, 0).of(podOf('p'), 'v', at('fileSystem'))).toBeUndefined());
});

describe('a volume that is not well', () => {
  const sick = at(async () => full(1, { condition: { abnormal: true, message: 'disk gone' } }));
  it('is told of each time it is counted, and says so', async () => {
    const counts = counting(true);
    expect(await counts.of(podOf('p'), 'v', sick)).toMatchObject({ volumeHealthStats: { abnormal: true } });
    expect(told).toEqual(['p VolumeConditionAbnormal Volume v: disk gone']);
    const well = at(async () => full(1, { condition: { abnormal: false, message: '' } }));
    expect(await counts.of(podOf('q'), 'v', well)).toMatchObject({ volumeHealthStats: { abnormal: false } });
    expect(told).toHaveLength(1);
  });
  it('is not told of unless that is asked for', async () => {
    expect(await counting().of(podOf('p'), 'v', sick)).not.toHaveProperty('volumeHealthStats');
    expect(told).toEqual([]);
  });
  it('is told of though nobody asks, until the node ends', async () => {
    const volumes: PodVolumeOnNode[] = [{ pod: podOf('p'), name: 'v', mounted: sick }];
    const end = watchVolumeHealth(world, 60_000, () => volumes, counting(true));
    await world.until(() => told.length === 1, 1_000);
    await world.until(() => told.length === 2, 61_000);
    end();
    await world.advance(200_000);
    expect(told).toHaveLength(2);
  });
});

it('what is scraped is of each claim, once', async () => {
  const counts = counting(true);
  const of = (name: string, claim: string, usedBytes: number): PodVolumeOnNode => {
    const figures = full(usedBytes, { availableBytes: 3, inodes: 9, inodesFree: 5, inodesUsed: 4 });
    const condition = { abnormal: claim === 'ill', message: 'm' };
    return { pod: podOf(name, claim), name: 'v', mounted: at(async () => ({ ...figures, ...(claim !== 'c' && { condition }) })) }; // prettier-ignore
  };
  const volumes = [of('p', 'c', 1), of('q', 'c', 2), of('r', 'ill', 3), { pod: podOf('p'), name: 's', mounted: at(async () => full(8)) }]; // prettier-ignore
  const housekeeping = {
    claimedVolumes: (): Promise<readonly VolumeStats[]> => volumesOfClaims(volumes, counts),
    summary: async () => ({ pods: [] }),
  };
  const text = await metrics({ metrics: kubeletMetrics(createRegistry()), housekeeping } as unknown as NodeContext);
  const lines = text.split('\n').filter((line) => line.includes('volume_stats'));
  expect(lines.filter((line) => !line.startsWith('#'))).toEqual([
    'kubelet_volume_stats_available_bytes{namespace="d",persistentvolumeclaim="c"} 3',
    'kubelet_volume_stats_available_bytes{namespace="d",persistentvolumeclaim="ill"} 3',
    'kubelet_volume_stats_capacity_bytes{namespace="d",persistentvolumeclaim="c"} 100',
    'kubelet_volume_stats_capacity_bytes{namespace="d",persistentvolumeclaim="ill"} 100',
    'kubelet_volume_stats_health_status_abnormal{namespace="d",persistentvolumeclaim="ill"} 1',
    'kubelet_volume_stats_inodes{namespace="d",persistentvolumeclaim="c"} 9',
    'kubelet_volume_stats_inodes{namespace="d",persistentvolumeclaim="ill"} 9',
    'kubelet_volume_stats_inodes_free{namespace="d",persistentvolumeclaim="c"} 5',
    'kubelet_volume_stats_inodes_free{namespace="d",persistentvolumeclaim="ill"} 5',
    'kubelet_volume_stats_inodes_used{namespace="d",persistentvolumeclaim="c"} 4',
    'kubelet_volume_stats_inodes_used{namespace="d",persistentvolumeclaim="ill"} 4',
    'kubelet_volume_stats_used_bytes{namespace="d",persistentvolumeclaim="c"} 1',
    'kubelet_volume_stats_used_bytes{namespace="d",persistentvolumeclaim="ill"} 3',
  ]);
  expect(lines).toContain('# HELP kubelet_volume_stats_inodes [ALPHA] Maximum number of inodes in the volume');
});
