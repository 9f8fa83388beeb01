import { describe, expect, it } from 'vitest';
import type { Pod } from '../generated/core-v1.ts';
import { podField, resourceField } from './pod-fields.ts';

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u-1',
    labels: { b: 'two', a: 'one', 'x.io/y': 'z' },
    annotations: { Note: 'line\nbreak "quoted"' },
  },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'bot',
    containers: [
      { name: 'main', resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { memory: '100M', 'hugepages-2Mi': '4Mi' } } },
      { name: 'other', resources: { limits: { cpu: '0' } } },
    ],
    initContainers: [{ name: 'init' }],
  },
}; // prettier-ignore
const addresses = { podIPs: ['10.1.2.3', 'fd00::3'], hostIPs: ['172.18.0.2', 'fd01::2'] };

describe('a field of a pod', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u-1'],
    ['metadata.labels', 'a="one"\nb="two"\nx.io/y="z"'],
    ["metadata.labels['x.io/y']", 'z'],
    ["metadata.labels['none']", ''],
    ["metadata.labels['constructor']", ''],
    ["metadata.annotations['Note']", 'line\nbreak "quoted"'],
    ['metadata.annotations', String.raw`Note="line\nbreak \"quoted\""`],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'bot'],
    ['status.podIP', '10.1.2.3'],
    ['status.podIPs', '10.1.2.3,fd00::3'],
    ['status.hostIP', '172.18.0.2'],
    ['status.hostIPs', '172.18.0.2,fd01::2'],
  ])('%s is %j', (path, text) => expect(podField(pod, path, addresses)).toBe(text));
  it.each([
    ['spec.dnsPolicy', 'unsupported fieldPath: spec.dnsPolicy'],
    ["spec.containers['x']", `fieldPath "spec.containers['x']" does not support subscript`],
    ["metadata.labels['']", "invalid key subscript in metadata.labels['']: name part must be non-empty;name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"],
  ])('%s is none', (path, why) => expect(() => podField(pod, path)).toThrow(why)); // prettier-ignore
});

describe('a resource of a container', () => {
  const main = pod.spec!.containers[0]!;
  const node = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' };
  it.each([
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '250'],
    ['requests.cpu', '0', '1'],
    ['requests.memory', '1Mi', '64'],
    ['limits.memory', '1Mi', '96'],
    ['limits.memory', undefined, '100000000'],
    ['limits.cpu', undefined, '4'],
    ['limits.cpu', '1m', '4000'],
    ['limits.ephemeral-storage', '1Gi', '10'],
    ['requests.ephemeral-storage', undefined, '0'],
    ['limits.hugepages-2Mi', '1Mi', '4'],
    ['requests.hugepages-2Mi', undefined, '0'],
  ])('%s by %s is %s', (resource, divisor, text) =>
    expect(resourceField({ resource, ...(divisor !== undefined && { divisor }) }, pod, main, node)).toBe(text));
  it('is that of the container that is named; of init containers as it stands', () => {
    expect(resourceField({ containerName: 'other', resource: 'limits.cpu' }, pod, main, node)).toBe('4');
    expect(resourceField({ containerName: 'init', resource: 'limits.cpu' }, pod, main, node)).toBe('0');
    expect(() => resourceField({ containerName: 'no', resource: 'limits.cpu' }, pod, main)).toThrow('container no not found');
    expect(() => resourceField({ resource: 'limits.pods' }, pod, main)).toThrow('unsupported container resource : limits.pods');
  });
  it('falls back to what the pod has as a whole', () => {
    const whole: Pod = { ...pod, spec: { ...pod.spec!, resources: { limits: { cpu: '1500m' } } } };
    expect(resourceField({ resource: 'limits.cpu', divisor: '1m' }, whole, main, node)).toBe('1500');
    expect(resourceField({ resource: 'limits.cpu' }, whole, main)).toBe('0');
  });
}); // prettier-ignore
