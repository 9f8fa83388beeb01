import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../cluster/ports.ts';
import { upForTest, type TestCluster } from '../../testing/cluster.ts';
import {
  accountKubeconfig,
  eventually,
  install,
  kustomize,
  missing,
  run,
  servingCertificate,
  source,
  untilReady,
  type Running,
} from './operator.ts';

const lacking = missing('capi');
const SYSTEM = 'capi-system';
const GROUP = 'infrastructure.example.com';
interface Found {
  readonly apiVersion: string;
  readonly metadata: { name: string; uid: string; finalizers?: string[]; ownerReferences?: { kind: string; name: string }[]; annotations?: Record<string, string> };
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
} // prettier-ignore

/** An infrastructure provider's kinds. The test is the provider. */
const kinds = ['ThingCluster', 'ThingMachine', 'ThingMachineTemplate'].map((kind) => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition',
  metadata: { name: `${kind.toLowerCase()}s.${GROUP}`, labels: { 'cluster.x-k8s.io/v1beta2': 'v1' } },
  spec: {
    group: GROUP, scope: 'Namespaced', names: { kind, plural: `${kind.toLowerCase()}s` },
    versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
    }],
  },
})); // prettier-ignore
const rights = {
  apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole',
  metadata: { name: 'things', labels: { 'cluster.x-k8s.io/aggregate-to-manager': 'true' } },
  rules: [{ apiGroups: [GROUP], resources: ['*'], verbs: ['*'] }],
}; // prettier-ignore

describe.skipIf(lacking !== '')(`Cluster API${lacking && ` (skipped: ${lacking})`}`, { timeout: 300_000 }, () => {
  let dir: string;
  let cluster: TestCluster;
  let manager: Running;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-capi-'));
    cluster = await upForTest(['--nodes', '1'], { dir });
    const [port, health] = [await freePort(), await freePort()];
    const certs = join(dir, 'certs');
    const ca = await servingCertificate(certs, 'capi-webhook-service', SYSTEM);
    await install(cluster, await kustomize(cluster, source('capi', 'core/config/default')), { port, ca });
    await apply(...kinds, rights);
    const kubeconfig = await accountKubeconfig(cluster, join(dir, 'capi.kubeconfig'), SYSTEM, 'capi-manager');
    manager = run('capi', [
      `--kubeconfig=${kubeconfig}`, `--webhook-port=${port}`, `--webhook-cert-dir=${certs}`, `--health-addr=127.0.0.1:${health}`,
      '--diagnostics-address=0', '--feature-gates=MachineSetPreflightChecks=false,MachinePool=true', '--v=2',
    ], { POD_NAMESPACE: SYSTEM, POD_NAME: 'capi-0', POD_UID: 'f1ab0cb1-8a12-4c2b-8a1b-3a3f6a4f0000' }); // prettier-ignore
    await untilReady(manager, `http://127.0.0.1:${health}/readyz`);
  }, 240_000);
  afterAll(async () => {
    if (process.env['DEBUG']) console.log(manager?.said());
    await manager?.stop();
    await cluster?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
  const apply = (...items: object[]): Promise<string> =>
    cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const get = async <T = Found>(...args: string[]): Promise<T> =>
    JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json'])) as T;
  const list = async (kind: string, ...args: string[]): Promise<Found[]> =>
    (await get<{ items: Found[] }>(kind, ...args)).items;
  const patch = (kind: string, name: string, body: object, ...args: string[]): Promise<string> =>
    cluster.kubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify(body), ...args]);

  it('fills in, refuses, and converts', async () => {
    await eventually('its webhooks', () => apply(
      { apiVersion: `${GROUP}/v1`, kind: 'ThingCluster', metadata: { name: 'c' }, spec: { controlPlaneEndpoint: { host: '192.0.2.9', port: 6443 } } },
      {
        apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Cluster', metadata: { name: 'c' },
        spec: { clusterNetwork: { pods: { cidrBlocks: ['10.1.0.0/16'] } }, infrastructureRef: { apiVersion: `${GROUP}/v1`, kind: 'ThingCluster', name: 'c' } },
      },
    )); // prettier-ignore
    expect(await get('clusters.v1beta1.cluster.x-k8s.io', 'c')).toMatchObject({
      apiVersion: 'cluster.x-k8s.io/v1beta1', spec: { infrastructureRef: { apiVersion: `${GROUP}/v1`, kind: 'ThingCluster', name: 'c', namespace: 'default' } },
    }); // prettier-ignore
    expect(await get('clusters.v1beta2.cluster.x-k8s.io', 'c')).toMatchObject({
      apiVersion: 'cluster.x-k8s.io/v1beta2', spec: { infrastructureRef: { apiGroup: GROUP, kind: 'ThingCluster', name: 'c' } },
    }); // prettier-ignore
    await expect(apply({
      apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', metadata: { name: 'bad' },
      spec: { clusterNetwork: { pods: { cidrBlocks: ['10.1.0.0/99'] } } },
    })).rejects.toThrow('spec.clusterNetwork.pods.cidrBlocks[0]: Invalid value: "10.1.0.0/99": invalid CIDR address'); // prettier-ignore
  });
  it('owns the infrastructure, and tells its state in conditions', async () => {
    const [owner] = await eventually('an owner', async () => (await get('thingcluster', 'c')).metadata.ownerReferences);
    expect(owner).toMatchObject({ kind: 'Cluster', name: 'c' });
    await patch('thingcluster', 'c', { status: { initialization: { provisioned: true } } }, '--subresource=status');
    await eventually(
      'the state',
      async () => (await get('cluster', 'c')).status?.['initialization'] !== undefined || undefined,
    );
    expect(await get('cluster', 'c')).toMatchObject({
      spec: { controlPlaneEndpoint: { host: '192.0.2.9', port: 6443 } }, status: { initialization: { infrastructureProvisioned: true } },
    }); // prettier-ignore
    await cluster.kubectl(['wait', '--for=condition=InfrastructureReady', 'cluster/c', '--timeout=20s']);
  });
  it('makes machines from templates, and scales them', async () => {
    await apply(
      { apiVersion: `${GROUP}/v1`, kind: 'ThingMachineTemplate', metadata: { name: 't' }, spec: { template: { spec: { size: 'small' } } } },
      {
        apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'MachineDeployment', metadata: { name: 'md' },
        spec: {
          clusterName: 'c', replicas: 2, selector: {},
          template: { spec: { clusterName: 'c', version: 'v1.36.0', bootstrap: { dataSecretName: 'boot' }, infrastructureRef: { apiGroup: GROUP, kind: 'ThingMachineTemplate', name: 't' } } },
        },
      },
    ); // prettier-ignore
    const things = await eventually('machines of the provider', async () => {
      const found = await list('thingmachines');
      return found.length === 2 && found.every((t) => t.metadata.ownerReferences?.some((o) => o.kind === 'Machine'))
        ? found
        : undefined;
    });
    expect(things[0]).toMatchObject({
      spec: { size: 'small' },
      metadata: { annotations: { 'cluster.x-k8s.io/cloned-from-name': 't' } },
    });
    await Promise.all(things.map(async ({ metadata: { name } }) => {
      await patch('thingmachine', name, { spec: { providerID: `thing://${name}` } });
      await patch('thingmachine', name, { status: { initialization: { provisioned: true } } }, '--subresource=status');
    })); // prettier-ignore
    await eventually('provisioned machines', async () => {
      const machines = await list('machines');
      return machines.every((m) => (m.status?.['phase'] as string) === 'Provisioned') || undefined;
    });
    await cluster.kubectl(['scale', 'machinedeployment', 'md', '--replicas=3']);
    await eventually('a third', async () => (await list('thingmachines')).length === 3 || undefined);
    await cluster.kubectl(['scale', 'machinedeployment', 'md', '--replicas=1']);
    await eventually('one', async () => (await list('machines')).length === 1 || undefined);
    expect(await list('thingmachines')).toHaveLength(1);
    expect(await cluster.kubectl(['get', 'machinedeployment', 'md'])).toMatch(
      /^NAME +CLUSTER +AVAILABLE +DESIRED +CURRENT/,
    );
  });
  it('takes all down with the cluster', async () => {
    await cluster.kubectl(['delete', 'cluster', 'c', '--timeout=40s']);
    for (const kind of ['clusters', 'machinedeployments', 'machinesets', 'machines', 'thingmachines', 'thingclusters'])
      expect([kind, await list(kind)]).toEqual([kind, []]);
  });
});
