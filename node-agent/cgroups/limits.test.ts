import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../schemas/generated/core-v1.ts';
import {
  allocatableLimits,
  containerLimits,
  oomScoreAdjust,
  podLimits,
  quotaOf,
  sharesOf,
  weightOf,
} from './limits.ts';

const GI = 2 ** 30;
type Asked = { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> };
const containerOf = (name: string, resources: Asked = {}, more: Partial<Container> = {}): Container => ({ name, resources, ...more }); // prettier-ignore
const podOf = (containers: readonly Container[], spec: object = {}, annotations?: Record<string, string>): Pod =>
  ({ metadata: { name: 'p', uid: 'u', ...(annotations && { annotations }) }, spec: { containers, ...spec } }) as Pod;
const both = (cpu: string, memory: string): Asked => ({ requests: { cpu, memory }, limits: { cpu, memory } });

it.each([
  [0, 2],
  [1, 2],
  [100, 102],
  [250, 256],
  [1000, 1024],
  [1e9, 262_144],
])('%i thousandths of a processor are %i shares', (milli, shares) => expect(sharesOf(milli)).toBe(shares));
it.each([
  [0, 0],
  [1, 1000],
  [10, 1000],
  [200, 20_000],
  [1500, 150_000],
])('%i thousandths of a processor are %i µs of a period', (milli, quota) => expect(quotaOf(milli)).toBe(quota));
it.each([
  [2, 1],
  [102, 4],
  [1024, 39],
  [262_144, 10_000],
  [500_000, 10_000],
])('%i shares have the weight %i', (shares, weight) => expect(weightOf(shares)).toBe(weight));

describe('limits of a pod', () => {
  it.each<[string, Pod, object]>([
    ['guaranteed', podOf([containerOf('a', both('500m', '1Gi'))]), { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memory: GI }],
    ['burstable, all limited', podOf([containerOf('a', { ...both('1', '1Gi'), requests: { cpu: '100m' } })]), { cpuShares: 102, cpuQuota: 100_000, cpuPeriod: 100_000, memory: GI }],
    ['burstable, one without limits', podOf([containerOf('a', both('1', '1Gi')), containerOf('b')]), { cpuShares: 1024 }],
    ['burstable, an init container without', podOf([containerOf('a', both('1', '1Gi'))], { initContainers: [containerOf('i')] }), { cpuShares: 1024 }],
    ['burstable, memory alone', podOf([containerOf('a', { limits: { memory: '1Gi' }, requests: { memory: '1Mi' } })]), { cpuShares: 2, memory: GI }],
    ['best effort', podOf([containerOf('a')]), { cpuShares: 2 }],
    ['sidecar and containers', podOf([containerOf('a', both('1', '1Gi'))], { initContainers: [containerOf('s', both('500m', '1Gi'), { restartPolicy: 'Always' })] }), { cpuShares: 1536, cpuQuota: 150_000, cpuPeriod: 100_000, memory: 2 * GI }],
    ['its own limits', podOf([containerOf('a')], { resources: both('2', '2Gi') }), { cpuShares: 2048, cpuQuota: 200_000, cpuPeriod: 100_000, memory: 2 * GI }],
    ['overhead', podOf([containerOf('a', both('1', '1Gi'))], { overhead: { cpu: '500m', memory: '1Gi' } }), { cpuShares: 1536, cpuQuota: 150_000, cpuPeriod: 100_000, memory: 2 * GI }],
    ['hugepages', podOf([containerOf('a', { requests: { 'hugepages-2Mi': '4Mi', cpu: '1' }, limits: { 'hugepages-2Mi': '4Mi' } })]), { cpuShares: 1024 }],
  ])('%s', (_, pod, limits) => expect(podLimits(pod)).toEqual(limits)); // prettier-ignore
  it('processes are limited in each class', () => {
    for (const resources of [{}, { requests: { cpu: '1' } }, both('1', '1Gi')])
      expect(podLimits(podOf([containerOf('a', resources)]), { pids: 9 }).pids).toBe(9);
    expect(podLimits(podOf([containerOf('a')]), { pids: -1 }).pids).toBeUndefined();
  });
});

it('all pods together have what is allocatable', () => {
  expect(allocatableLimits({ cpu: '1900m', memory: '1Gi', pods: '110' })).toEqual({ cpuShares: 1945, memory: GI });
  expect(allocatableLimits({ cpu: '2' })).toEqual({ cpuShares: 2048 });
});

describe('limits of a container', () => {
  const of = (container: Container, spec: object = {}) => containerLimits(podOf([container], spec), container, 8 * GI);
  it('are what it asks for', () => {
    const asked = { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '200m', memory: '2Gi' } };
    expect(of(containerOf('a', asked))).toEqual({ cpuPeriod: 100_000, cpuQuota: 20_000, cpuShares: 102, memoryLimitInBytes: 2 * GI, oomScoreAdj: 875 }); // prettier-ignore
  });
  it('a limit without a request is both', () => {
    expect(of(containerOf('a', { limits: { cpu: '1' } })).cpuShares).toBe(1024);
    expect(of(containerOf('a', { limits: { cpu: '1' }, requests: { cpu: '0' } })).cpuShares).toBe(2);
  });
  it('where it says none those of the pod hold', () => {
    const limits = of(containerOf('a'), { resources: { limits: { cpu: '1', memory: '1Gi' } } });
    expect(limits).toMatchObject({ cpuQuota: 100_000, memoryLimitInBytes: GI });
  });
  it('nothing is limited where nothing is said', () => {
    expect(of(containerOf('a'))).toEqual({ cpuPeriod: 100_000, cpuQuota: 0, cpuShares: 2, oomScoreAdj: 1000 });
  });
});

describe('whom the kernel ends first', () => {
  const request = (memory: string): Asked => ({ requests: { memory } });
  const sidecar = (memory: string): Container => containerOf('s', request(memory), { restartPolicy: 'Always' });
  it.each<[string, Pod, string, number]>([
    ['guaranteed', podOf([containerOf('a', both('1', '1Gi'))]), 'a', -997],
    ['best effort', podOf([containerOf('a')]), 'a', 1000],
    ['burstable, a quarter', podOf([containerOf('a', request('2Gi'))]), 'a', 750],
    ['burstable, nothing', podOf([containerOf('a', { requests: { cpu: '1' } })]), 'a', 999],
    ['burstable, all', podOf([containerOf('a', request('8Gi'))]), 'a', 3],
    ['burstable, more than all', podOf([containerOf('a', request('80Gi'))]), 'a', 3],
    ['sidecar with less than its containers', podOf([containerOf('a', request('4Gi')), containerOf('b', request('2Gi'))], { initContainers: [sidecar('1Gi')] }), 's', 750],
    ['sidecar with more than its containers', podOf([containerOf('a', request('1Gi'))], { initContainers: [sidecar('2Gi')] }), 's', 750],
    ['a pod of the node by priority', podOf([containerOf('a')], { priority: 2_000_001_000, priorityClassName: 'system-node-critical' }), 'a', -997],
    ['a pod of the cluster', podOf([containerOf('a')], { priority: 2_000_000_000, priorityClassName: 'system-cluster-critical' }), 'a', 1000],
    ['a static pod of the node', podOf([containerOf('a')], { priorityClassName: 'system-node-critical' }, { 'kubernetes.io/config.source': 'file' }), 'a', -997],
    ['a static pod', podOf([containerOf('a')], {}, { 'kubernetes.io/config.source': 'file' }), 'a', 1000],
    ['a share of what the pod has more', podOf([containerOf('a', request('1Gi')), containerOf('b')], { resources: request('4Gi') }), 'b', 813],
  ])('%s', (_, pod, name, score) => {
    const container = [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])].find((c) => c.name === name)!;
    expect(oomScoreAdjust(pod, container, 8 * GI)).toBe(score);
  }); // prettier-ignore
});
