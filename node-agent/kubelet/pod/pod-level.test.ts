import { expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { asksForAnything, toldOf } from './pod-level.ts';

type Spec = Partial<NonNullable<Pod['spec']>>;
const podOf = (spec: Spec): Pod => ({ metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }], ...spec } }) as Pod;
const container = (requests?: object, limits?: object, name = 'a'): object => ({
  name,
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
});
const told = (spec: object): object => toldOf(podOf(spec), podOf(spec));

it.each<[string, object, object]>([
  [
    'one container asks',
    { containers: [container({ cpu: '2m' }, { cpu: '10m' })] },
    { allocatedResources: { cpu: '2m' }, resources: { requests: { cpu: '2m' }, limits: { cpu: '10m' } } },
  ],
  [
    'one of two has a limit, so that together they have none',
    { containers: [container({ cpu: '1', memory: '1Gi' }, { cpu: '1' }), container({ cpu: '1' }, { cpu: '2' }, 'b'), container(undefined, { memory: '1' }, 'c')] },
    { allocatedResources: { cpu: '2', memory: '1Gi' }, resources: { requests: { cpu: '2', memory: '1Gi' } } },
  ],
  [
    'the pod itself says so',
    { resources: { requests: { cpu: '5m' }, limits: { cpu: '25m' } }, containers: [container({ cpu: '2m' }, { cpu: '10m' })] },
    { allocatedResources: { cpu: '5m' }, resources: { requests: { cpu: '5m' }, limits: { cpu: '25m' } } },
  ],
  [
    'what is no processor and no memory is kept for it, and no group has it',
    { containers: [container({ 'example.com/foo': '1', 'ephemeral-storage': '1Gi' }, { 'example.com/foo': '1' })] },
    { allocatedResources: { 'example.com/foo': '1', 'ephemeral-storage': '1Gi' } },
  ],
  ['its sandbox takes something', { overhead: { cpu: '1m' } }, { allocatedResources: { cpu: '1m' }, resources: { requests: { cpu: '1m' } } }],
  ['it asks for nothing', {}, {}],
])('what is told of a pod where %s', (_, spec, expected) => {
  expect(told(spec)).toEqual(expected);
}); // prettier-ignore
it('what is in force may be less than what is kept', () => {
  const of = (cpu: string): Pod => podOf({ containers: [container({ cpu })] } as Spec);
  expect(toldOf(of('2'), of('1'))).toEqual({ allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '1' } } });
});
it.each<[boolean, object]>([
  [false, {}],
  [false, { containers: [container()] }],
  [true, { containers: [container(), container({ cpu: '1' }, undefined, 'b')] }],
  [true, { initContainers: [container(undefined, { cpu: '1' })] }],
  [true, { overhead: { cpu: '1' } }],
  [true, { resources: {} }],
])('something is told (%j) of %j', (expected, spec) => {
  expect(asksForAnything(podOf(spec as Spec))).toBe(expected);
});
