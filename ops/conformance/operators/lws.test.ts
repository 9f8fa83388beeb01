import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  source,
  untilReady,
  type Running,
} from './operator.ts';

const lacking = missing('lws');
const SYSTEM = 'lws-system';
const set = (name: string, spec: object = {}): object => ({
  apiVersion: 'leaderworkerset.x-k8s.io/v1', kind: 'LeaderWorkerSet', metadata: { name },
  spec: { replicas: 2, leaderWorkerTemplate: { size: 3, workerTemplate: { spec: { containers: [{ name: 'c', image: 'nginx' }] } } }, ...spec },
}); // prettier-ignore

describe.skipIf(lacking !== '')(`LeaderWorkerSet${lacking && ` (skipped: ${lacking})`}`, { timeout: 300_000 }, () => {
  let dir: string;
  let cluster: TestCluster;
  let manager: Running;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-lws-'));
    cluster = await upForTest(['--nodes', '1'], { dir });
    const [port, health] = [await freePort(), await freePort()];
    await install(cluster, await kustomize(cluster, source('lws', 'config/default')), { port });
    const certDir = join(dir, 'certs');
    mkdirSync(certDir);
    const config = join(dir, 'config.yaml');
    writeFileSync(config, JSON.stringify({
      apiVersion: 'config.lws.x-k8s.io/v1alpha1', kind: 'Configuration', webhook: { port, certDir },
      health: { healthProbeBindAddress: `127.0.0.1:${health}` }, metrics: { bindAddress: '0' },
      leaderElection: { leaderElect: true, resourceNamespace: SYSTEM }, internalCertManagement: { enable: true },
    })); // prettier-ignore
    const kubeconfig = await accountKubeconfig(cluster, join(dir, 'lws.kubeconfig'), SYSTEM, 'lws-controller-manager');
    manager = run('lws', [`--config=${config}`, '--zap-log-level=2'], { KUBECONFIG: kubeconfig });
    // It makes its own certificate, in a secret that a kubelet would mount.
    const data = await eventually('its certificate', async () => {
      const secret = JSON.parse(await cluster.kubectl(['get', 'secret', 'lws-webhook-server-cert', '-n', SYSTEM, '-o', 'json'])) as { data?: Record<string, string> };
      return secret.data?.['tls.key'] === undefined ? undefined : secret.data;
    }); // prettier-ignore
    for (const [name, value] of Object.entries(data))
      writeFileSync(join(certDir, name), Buffer.from(value, 'base64'), { mode: 0o600 });
    await untilReady(manager, `http://127.0.0.1:${health}/readyz`);
  }, 240_000);
  afterAll(async () => {
    if (process.env['DEBUG']) console.log(manager?.said());
    await manager?.stop();
    await cluster?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
  const apply = (manifest: object): Promise<string> =>
    cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(manifest));

  it('puts its own authority into its webhooks, which fill in and refuse', async () => {
    await eventually('its webhooks', () => apply(set('a')));
    const made = JSON.parse(await cluster.kubectl(['get', 'lws', 'a', '-o', 'json'])) as object;
    expect(made).toMatchObject({
      spec: {
        startupPolicy: 'LeaderCreated',
        rolloutStrategy: { type: 'RollingUpdate' },
        leaderWorkerTemplate: { restartPolicy: 'RecreateGroupOnPodRestart' },
      },
    });
    await expect(
      apply(
        set('bad', {
          rolloutStrategy: {
            type: 'RollingUpdate',
            rollingUpdateConfiguration: { maxUnavailable: 0, maxSurge: 0, partition: 0 },
          },
        }),
      ),
    ).rejects.toThrow(
      'admission webhook "vleaderworkerset.kb.io" denied the request: spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable: Invalid value: 0: must not be 0',
    );
  });
  it('applies StatefulSets that are its own, is available with their pods, and follows its scale', async () => {
    const leaders = await eventually(
      'the leaders',
      async () =>
        JSON.parse(await cluster.kubectl(['get', 'statefulset', 'a', '-o', 'json', '--show-managed-fields'])) as object,
    );
    expect(leaders).toMatchObject({
      metadata: {
        ownerReferences: [{ kind: 'LeaderWorkerSet', name: 'a', controller: true }],
        managedFields: expect.arrayContaining([expect.objectContaining({ manager: 'lws', operation: 'Apply' })]),
      },
      spec: { replicas: 2, serviceName: 'a' },
    });
    await cluster.kubectl(['wait', '--for=condition=Available', 'lws/a', '--timeout=60s']);
    const pods = await cluster.kubectl([
      'get',
      'pods',
      '-l',
      'leaderworkerset.sigs.k8s.io/name=a',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.leaderworkerset\\.sigs\\.k8s\\.io/worker-index} {.spec.containers[0].env[?(@.name=="LWS_LEADER_ADDRESS")].value}{"\\n"}{end}',
    ]);
    expect(pods).toBe(
      'a-0 0 a-0.a.default\na-0-1 1 a-0.a.default\na-0-2 2 a-0.a.default\na-1 0 a-1.a.default\na-1-1 1 a-1.a.default\na-1-2 2 a-1.a.default\n',
    );
    await cluster.kubectl(['scale', 'lws', 'a', '--replicas=4']);
    await cluster.kubectl(['wait', '--for=jsonpath={.status.readyReplicas}=4', 'lws/a', '--timeout=60s']);
    await cluster.kubectl(['delete', 'lws', 'a', '--cascade=foreground', '--timeout=40s']);
    expect(
      await cluster.kubectl(['get', 'statefulsets,services', '-l', 'leaderworkerset.sigs.k8s.io/name=a', '-o', 'name']),
    ).toBe('');
  });
});
