import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  ConfigMap,
  Container,
  Pod,
  PodSpec,
  Secret,
  Service,
  ServiceSpec,
} from '../../../schemas/generated/core-v1.ts';
import type { RuntimeClass } from '../../../schemas/generated/node-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { runtimeReason } from '../../runtime/interface.ts';
import { createPodEnvironment, type PodEnvironmentOptions } from './environment.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kbH'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const service = (namespace: string, name: string, spec: Partial<ServiceSpec>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec,
});
const services = [
  service('default', 'kubernetes', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] }),
  service('shop', 'my-db', { clusterIP: 'fd00::9', ports: [{ name: 'sql-a', port: 5432, protocol: 'TCP' }, { name: 'dns', port: 53, protocol: 'UDP' }] }),
  service('shop', 'headless', { clusterIP: 'None', ports: [{ port: 1 }] }),
  service('shop', 'outside', { type: 'ExternalName' }),
  service('other', 'theirs', { clusterIP: '10.96.0.8', ports: [{ port: 80 }] }),
]; // prettier-ignore
const config: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'conf' },
  data: { 'with space?': 'no', b: '2', a: '$(B)' },
};
const secret: Secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'keys' },
  data: { token: Buffer.from('sesäm').toString('base64') },
};

const missing = (kind: string, name: string): never => {
  throw new ApiError('NotFound', `${kind} "${name}" not found`);
};
function environment(more: Partial<PodEnvironmentOptions> = {}) {
  return createPodEnvironment({
    world: testWorld(),
    paths: { pods: join(root, 'pods') },
    services: { synced: Promise.resolve(), hasSynced: true, all: () => services },
    configMap: async (_pod, name) => (name === 'conf' ? config : missing('configmap', name)),
    secret: async (_pod, name) => (name === 'keys' ? secret : missing('secret', name)),
    dnsOf: () => ({ servers: [], searches: [], options: [] }),
    runtimeClass: async (name) =>
      name === 'gvisor' ? ({ handler: 'runsc' } as RuntimeClass) : missing('runtimeclass', name),
    volumePath: (_pod, volume) => (volume === 'box' ? join(root, 'box') : undefined),
    clusterDomain: 'cluster.local',
    nodeIPs: ['172.18.0.2'],
    allocatable: () => ({ cpu: '4', memory: '8Gi' }),
    ...more,
  });
}
const podOf = (container: Partial<Container> = {}, spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', labels: { app: 'x' } },
  spec: { nodeName: 'n1', enableServiceLinks: false, containers: [{ name: 'main', ...container }], ...spec },
});
const never = new AbortController().signal;
const told = async (pod: Pod, more?: Partial<PodEnvironmentOptions>): Promise<Record<string, string>> => {
  const list = await environment(more).variablesOf(pod, pod.spec!.containers[0]!, ['fd00::3', '10.1.2.3'], never);
  expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
};

describe('variables of a container', () => {
  it('tell of the API in any case, of its other services if it wants', async () => {
    expect(await told(podOf())).toEqual({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
    });
    const all = await told(podOf({}, { enableServiceLinks: true }));
    expect(all).toMatchObject({
      MY_DB_SERVICE_HOST: 'fd00::9',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_SQL_A: '5432',
      MY_DB_SERVICE_PORT_DNS: '53',
      MY_DB_PORT: 'tcp://[fd00::9]:5432',
      MY_DB_PORT_53_UDP: 'udp://[fd00::9]:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
    });
    expect(Object.keys(all).filter((name) => /^(HEADLESS|OUTSIDE|THEIRS)/.test(name))).toEqual([]);
  });
  it('come from all that they may come from, each knowing those before', async () => {
    const env = [
      { name: 'A', value: 'one' },
      { name: 'B', value: '$(A)-$(pre_b)-$(KUBERNETES_SERVICE_PORT)-$(NONE)-$$(A)-$(A' },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'conf', key: 'a' } } },
      { name: 'D', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      { name: 'E', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } },
      { name: 'F', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'G', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'H', valueFrom: { configMapKeyRef: { name: 'none', key: 'a', optional: true } } },
      { name: 'I', valueFrom: { secretKeyRef: { name: 'keys', key: 'none', optional: true } } },
      { name: 'J', value: '' },
      { name: 'A', value: '$(A)!' },
      { name: 'KUBERNETES_PORT', value: 'mine' },
    ];
    const envFrom = [
      { prefix: 'pre_', configMapRef: { name: 'conf' } },
      { secretRef: { name: 'keys' } },
      { configMapRef: { name: 'none', optional: true } },
      { secretRef: { name: 'none', optional: true } },
    ];
    const all = await told(podOf({ env, envFrom }));
    const own = Object.fromEntries(
      Object.entries(all).filter(
        ([name]) => !name.startsWith('KUBERNETES_SERVICE') && !name.startsWith('KUBERNETES_PORT_'),
      ),
    );
    expect(own).toEqual({
      pre_a: '$(B)',
      pre_b: '2',
      'pre_with space?': 'no',
      token: 'sesäm',
      A: 'one!',
      B: 'one-2-443-$(NONE)-$(A)-$(A',
      C: '$(B)',
      D: 'sesäm',
      E: '10.1.2.3,fd00::3',
      F: 'x',
      G: '4',
      J: '',
      KUBERNETES_PORT: 'mine',
    });
  });
  const from = (valueFrom: NonNullable<Container['env']>[number]['valueFrom']) => ({ env: [{ name: 'X', valueFrom }] });
  it.each<[Partial<Container>, string]>([
    [from({ configMapKeyRef: { name: 'none', key: 'a' } }), 'configmap "none" not found'],
    [from({ configMapKeyRef: { name: 'conf', key: 'z' } }), "couldn't find key z in ConfigMap shop/conf"],
    [from({ secretKeyRef: { name: 'none', key: 'a' } }), 'secret "none" not found'],
    [from({ secretKeyRef: { name: 'keys', key: 'z' } }), "couldn't find key z in Secret shop/keys"],
    [{ envFrom: [{ configMapRef: { name: 'none' } }] }, 'configmap "none" not found'],
    [{ envFrom: [{ secretRef: { name: 'none' } }] }, 'secret "none" not found'],
    [from({ fieldRef: { fieldPath: 'spec.x' } }), 'unsupported fieldPath: spec.x'],
    [from({ resourceFieldRef: { resource: 'limits.cpu', containerName: 'no' } }), 'container no not found'],
    [from({ fileKeyRef: { volumeName: 'no', path: 'f', key: 'A' } }), 'cannot find the volume "no" referenced by FileKeyRef'],
    [from({ fileKeyRef: { volumeName: 'box', path: 'no', key: 'A' } }), "couldn't parse env file"],
  ])('are missed as of the real kubelet: %j', async (container, message) => {
    const pod = podOf(container);
    const error = await environment().variablesOf(pod, pod.spec!.containers[0]!, [], never).catch((e: unknown) => e);
    expect([runtimeReason(error), (error as Error).message]).toEqual(['CreateContainerConfigError', message]);
  }); // prettier-ignore
  it.each([
    [{}, '10.1.2.3', '10.1.2.3,fd00::3'],
    [{ hostNetwork: true }, '172.18.0.2', '172.18.0.2,fd00::2'],
  ])('tell where a pod of %j is reached', async (spec, podIP, podIPs) => {
    const env = ['status.podIP', 'status.podIPs'].map((fieldPath) => ({ name: fieldPath, valueFrom: { fieldRef: { fieldPath } } })); // prettier-ignore
    const all = await told(podOf({ env }, spec), { nodeIPs: ['172.18.0.2', 'fd00::2'] });
    expect([all['status.podIP'], all['status.podIPs']]).toEqual([podIP, podIPs]);
  });
  it('wait for the services to be known, but not for long, and not those of static pods', async () => {
    const world = testWorld();
    const late = { world, services: { synced: new Promise<void>(() => undefined), hasSynced: false, all: () => [] } };
    const pod = podOf();
    const asked = environment(late).variablesOf(pod, pod.spec!.containers[0]!, [], never).catch((e: unknown) => e as Error);
    await world.advance(2_000);
    expect(await asked).toMatchObject({ message: 'services have not yet been read at least once, cannot construct envvars' });
    const fixed = { ...pod, metadata: { ...pod.metadata, annotations: { 'kubernetes.io/config.source': 'file' } } };
    expect(await told(fixed, late)).toEqual({});
  }); // prettier-ignore
  it('come from files in volumes, never from outside of them', async () => {
    await mkdir(join(root, 'box', 'in'), { recursive: true });
    await writeFile(join(root, 'outside'), "A='stolen'\n");
    await writeFile(join(root, 'box', 'in', 'env'), "# words\nA='one' # said\n\n  B='two\nlines'\nC= 'none'\n");
    await symlink('../../outside', join(root, 'box', 'up'));
    await symlink('/in/env', join(root, 'box', 'link'));
    const key = (path: string, key: string, optional = false) => told(podOf(from({ fileKeyRef: { volumeName: 'box', path, key, optional } })));
    expect(await key('in/env', 'A')).toMatchObject({ X: 'one' });
    expect(await key('link', 'B')).toMatchObject({ X: 'two\nlines' });
    expect(await key('in/env', 'C', true)).not.toHaveProperty('X');
    await expect(key('in/env', 'Z')).rejects.toThrow(`environment variable key "Z" not found in file "${root}/box/in/env"`);
    await expect(key('up', 'A')).rejects.toThrow("couldn't parse env file");
  }); // prettier-ignore
});

describe('names of a pod', () => {
  const long = `${'a'.repeat(62)}-b`;
  it.each<[Partial<PodSpec>, string]>([
    [{}, 'web'],
    [{ hostname: 'db' }, 'db'],
    [{ hostname: 'db', subdomain: 'sub' }, 'db'],
    [{ subdomain: 'sub', setHostnameAsFQDN: true }, 'web.sub.shop.svc.cluster.local'],
    [{ hostnameOverride: 'any.name.example', subdomain: 'sub', setHostnameAsFQDN: true }, 'any.name.example'],
    [{ hostnameOverride: long }, 'a'.repeat(62)],
  ])('%j: %s', (spec, name) => expect(environment().hostnameOf(podOf({}, spec))).toBe(name));
  it('that are too long are refused', () => {
    const asked = () => environment().hostnameOf(podOf({}, { hostname: 'h'.repeat(63), subdomain: 's', setHostnameAsFQDN: true })); // prettier-ignore
    expect(asked).toThrow('failed to construct FQDN from pod hostname and cluster domain, FQDN');
    expect(asked).toThrow('is too long (64 characters is the max, 88 characters requested)');
  });
});

it('pods are run as their class says', async () => {
  const handler = (runtimeClassName?: string) =>
    environment().runtimeHandlerOf!(podOf({}, { runtimeClassName }), never);
  expect([await handler(), await handler('gvisor')]).toEqual(['', 'runsc']);
  await expect(handler('none')).rejects.toThrow('runtimeclass.node.k8s.io "none" not found');
});

describe('files of a container', () => {
  it('are the hosts file and the one for its last words', async () => {
    const aliases = { hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b.c'] }], subdomain: 'sub' };
    const pod = podOf({ terminationMessagePath: '/dev/termination-log' }, aliases);
    const files = await environment().filesOf(pod, pod.spec!.containers[0]!, ['fd00::3', '10.1.2.3'], 2);
    expect(files.map(({ containerPath }) => containerPath)).toEqual(['/etc/hosts', '/dev/termination-log']);
    expect(await readFile(files[0]!.hostPath, 'utf8')).toBe(`# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
10.1.2.3\tweb.sub.shop.svc.cluster.local\tweb
fd00::3\tweb.sub.shop.svc.cluster.local\tweb

# Entries added by HostAliases.
1.2.3.4\ta\tb.c
`);
    const modes = await Promise.all(files.map(async ({ hostPath }) => (await stat(hostPath)).mode & 0o777));
    expect(modes).toEqual([0o644, 0o666]);
    const again = await environment().filesOf(pod, pod.spec!.containers[0]!, ['10.1.2.3'], 3);
    expect([again[0]!.hostPath === files[0]!.hostPath, again[1]!.hostPath === files[1]!.hostPath]).toEqual([
      true,
      false,
    ]);
  });
  it('follow the node in its own network, and leave alone what the pod mounts itself', async () => {
    const own = join(root, 'own-hosts');
    await writeFile(own, '127.0.0.1 localhost\n');
    const pod = podOf({}, { hostNetwork: true });
    const [hosts] = await environment({ hostsFile: own }).filesOf(pod, pod.spec!.containers[0]!, [], 0);
    expect(await readFile(hosts!.hostPath, 'utf8')).toBe(
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n',
    );
    const mounted = podOf({ volumeMounts: [{ name: 'v', mountPath: '/etc/hosts' }] });
    expect(await environment().filesOf(mounted, mounted.spec!.containers[0]!, ['10.1.2.3'], 0)).toEqual([]);
  });
});
