import { rmSync, statSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, upForTest, type TestCluster } from '../testing/cluster.ts';

const APP = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web:1
          ports: [{ containerPort: 80, name: http }]
          envFrom: [{ configMapRef: { name: settings } }]
          resources: { requests: { cpu: 50m, memory: 32Mi } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
`;

/** What a user does with kubectl on a cluster of three nodes, in the order they would do it. */
describe('an application under kubectl', { timeout: 70_000 }, () => {
  let cluster: TestCluster;
  let dir: string;
  const json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse(await cluster.kubectl([...args, '-o', 'json'])) as T;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-kubectl-'));
    cluster = await upForTest(['--nodes', '3', '--wait'], { dir });
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('writes a kubeconfig that only its owner reads', () => {
    expect(statSync(cluster.kubeconfig).mode & 0o777).toBe(0o600);
  });
  it('has three Ready nodes', async () => {
    const out = await cluster.kubectl(['get', 'nodes', '--no-headers']);
    expect(
      out
        .trim()
        .split('\n')
        .map((l) => l.split(/\s+/).slice(0, 2)),
    ).toEqual([
      ['test-node-1', 'Ready'],
      ['test-node-2', 'Ready'],
      ['test-node-3', 'Ready'],
    ]);
  });
  it('applies it and sees the rollout through', async () => {
    expect(await cluster.kubectl(['apply', '-f', '-'], APP)).toBe(
      'configmap/settings created\ndeployment.apps/web created\nservice/web created\n',
    );
    expect(await cluster.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s'])).toContain(
      'successfully rolled out',
    );
  });
  it('applies it again unchanged', async () => {
    expect(await cluster.kubectl(['apply', '-f', '-'], APP)).toBe(
      'configmap/settings unchanged\ndeployment.apps/web unchanged\nservice/web unchanged\n',
    );
  });
  it('fills the endpoints of the service with the pods', async () => {
    await eventually('three addresses', async () => {
      const { items } = await json<{ items: { endpoints?: { addresses: string[] }[] }[] }>(
        'get',
        'endpointslices',
        '-l',
        'kubernetes.io/service-name=web',
      );
      const ips = items.flatMap((s) => s.endpoints ?? []).flatMap((e) => e.addresses);
      return new Set(ips).size === 3 ? true : undefined;
    });
    await eventually('endpoints', async () => {
      const { subsets } = await json<{ subsets?: { addresses?: unknown[] }[] }>('get', 'endpoints', 'web');
      return subsets?.[0]?.addresses?.length === 3 ? true : undefined;
    });
  });
  it('scales', async () => {
    expect(await cluster.kubectl(['scale', 'deployment/web', '--replicas=5'])).toBe('deployment.apps/web scaled\n');
    await cluster.kubectl(['wait', 'deployment/web', '--for=jsonpath={.status.readyReplicas}=5', '--timeout=60s']);
  });
  it('sets a new image and rolls back', async () => {
    await cluster.kubectl(['set', 'image', 'deployment/web', 'web=web:2']);
    expect(await cluster.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s'])).toContain(
      'successfully rolled out',
    );
    expect(
      await cluster.kubectl([
        'get',
        'pods',
        '-l',
        'app=web',
        '-o',
        'jsonpath={.items[*].spec.containers[0].image}',
        '--field-selector=status.phase=Running',
      ]),
    ).toContain('web:2');
    expect(await cluster.kubectl(['rollout', 'history', 'deployment/web'])).toMatch(/\n1\s.*\n2\s/);
    expect(await cluster.kubectl(['rollout', 'undo', 'deployment/web'])).toBe('deployment.apps/web rolled back\n');
    await cluster.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s']);
    const web = await json<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
      'get',
      'deployment',
      'web',
    );
    expect(web.spec.template.spec.containers[0]!.image).toBe('web:1');
  });
  it('shows everything', async () => {
    const all = await cluster.kubectl(['get', 'all', '-A', '-o', 'wide']);
    expect(all).toMatch(
      /NAMESPACE\s+NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\s+IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES/,
    );
    expect(all).toMatch(/default\s+deployment\.apps\/web\s+5\/5\s+5\s+5\s/);
    expect(all).toMatch(/default\s+service\/kubernetes\s+ClusterIP\s+10\.96\.0\.1\s/);
  });
  it('describes', async () => {
    expect(await cluster.kubectl(['describe', 'deployment', 'web'])).toMatch(
      /Replicas:\s+5 desired \| 5 updated \| 5 total \| 5 available \| 0 unavailable/,
    );
    // Events come when there is time for them, after what they tell of.
    await eventually('events of a pod', async () => {
      const [pod] = (await cluster.kubectl(['get', 'pods', '-l', 'app=web', '-o', 'name'])).split('\n');
      const text = await cluster.kubectl(['describe', pod!]);
      return /Successfully assigned default\/web-\S+ to test-node-\d/.test(text) && /Normal\s+Started\s/.test(text)
        ? true
        : undefined;
    });
    expect(await cluster.kubectl(['describe', 'node', 'test-node-1'])).toMatch(/Non-terminated Pods:/);
  });
  it('explains', async () => {
    expect(await cluster.kubectl(['explain', 'deployment.spec.strategy'])).toMatch(
      /FIELD: strategy <DeploymentStrategy>\s+DESCRIPTION:\s+DeploymentStrategy describes how/,
    );
  });
  it('watches', async () => {
    const watching = cluster
      .kubectl(['get', 'configmap', 'settings', '-w', '--request-timeout=5s', '-o', 'jsonpath={.data.colour}{"\\n"}'])
      .catch((e: Error) => e.message);
    let ended = false;
    void watching.finally(() => (ended = true));
    // Nothing says when the watch is open: change it until the watch has ended.
    for (let i = 0; !ended; i++)
      await cluster.kubectl(['patch', 'configmap', 'settings', '-p', `{"data":{"colour":"red${i}"}}`]);
    const seen = [...(await watching).matchAll(/red(\d+)/g)].map((m) => Number(m[1]));
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual(seen.map((_, i) => seen[0]! + i));
  });
  it('diffs and replaces on the server side', async () => {
    expect(
      await cluster.kubectl(['apply', '--server-side', '--field-manager=ci', '--force-conflicts', '-f', '-'], APP),
    ).toContain('deployment.apps/web serverside-applied');
  });
  it('survives a restart with everything in place', async () => {
    const before = await json<{ items: { metadata: { uid: string } }[] }>(
      'get',
      'pods,deployments,services,configmaps',
    );
    const port = new URL(cluster.server).port;
    await cluster.stop();
    cluster = await upForTest(['--port', port, '--wait'], { dir });
    const after = await json<{ items: { metadata: { uid: string } }[] }>('get', 'pods,deployments,services,configmaps');
    expect(after.items.map((i) => i.metadata.uid)).toEqual(before.items.map((i) => i.metadata.uid));
  });
  it('deletes in the foreground', async () => {
    expect(await cluster.kubectl(['delete', 'deployment', 'web', '--cascade=foreground', '--timeout=60s'])).toContain(
      'deployment.apps "web" deleted',
    );
    await eventually('no replica sets', async () =>
      (await json<{ items: unknown[] }>('get', 'replicasets')).items.length === 0 ? true : undefined,
    );
    await eventually('no pods', async () =>
      (await json<{ items: unknown[] }>('get', 'pods')).items.length === 0 ? true : undefined,
    );
  });
  it('says that it is already up, and harms nothing', async () => {
    const second = await cluster.kubus('up', '--name', cluster.name);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/^kubus: cluster "test" is already up \(process \d+\)/);
    expect(await cluster.kubectl(['get', '--raw', '/readyz'])).toBe('ok');
  });
  it('deletes a namespace with all that is in it', async () => {
    await cluster.kubectl(['create', 'namespace', 'gone']);
    await cluster.kubectl(['-n', 'gone', 'create', 'configmap', 'x', '--from-literal=a=b']);
    await cluster.kubectl(['-n', 'gone', 'create', 'deployment', 'd', '--image=x', '--replicas=2']);
    expect(await cluster.kubectl(['delete', 'namespace', 'gone', '--timeout=60s'])).toContain(
      'namespace "gone" deleted',
    );
  });
});
