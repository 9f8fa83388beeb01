import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const lacking = missing('jobset');
const SYSTEM = 'jobset-system';
interface Job { readonly metadata: { name: string; uid: string; labels: Record<string, string> } } // prettier-ignore
interface JobSet {
  readonly spec: { network: object; replicatedJobs: { groupName: string; template: { spec: { completionMode: string } } }[] };
  readonly status?: { terminalState?: string; restarts?: number; replicatedJobsStatus?: object[]; conditions?: { type: string; status: string; reason: string }[] };
} // prettier-ignore

describe.skipIf(lacking !== '')(`JobSet${lacking && ` (skipped: ${lacking})`}`, { timeout: 300_000 }, () => {
  let dir: string;
  let cluster: TestCluster;
  let port: number;
  const hooks: number[] = [];
  const running: Running[] = [];
  let kubeconfig: string;
  /** One more replica, once it is ready. */
  async function start(): Promise<Running> {
    const [webhook, health] = [hooks[running.length]!, await freePort()];
    const config = join(dir, `config-${running.length}.yaml`);
    writeFileSync(config, JSON.stringify({
      apiVersion: 'config.jobset.x-k8s.io/v1alpha1', kind: 'Configuration',
      webhook: { port: webhook, certDir: join(dir, 'certs') }, health: { healthProbeBindAddress: `127.0.0.1:${health}` },
      metrics: { bindAddress: '0' }, internalCertManagement: { enable: false },
      leaderElection: { leaderElect: true, resourceNamespace: SYSTEM, leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '500ms' },
    })); // prettier-ignore
    const one = run('jobset', [`--config=${config}`, '--zap-log-level=2'], { KUBECONFIG: kubeconfig });
    running.push(one);
    await untilReady(one, `http://127.0.0.1:${health}/readyz`);
    return one;
  }
  const up = (): Promise<TestCluster> => upForTest(['--nodes', '1', '--port', String(port)], { dir });
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-jobset-'));
    port = await freePort();
    cluster = await up();
    hooks.push(await freePort(), await freePort(), await freePort());
    const ca = await servingCertificate(join(dir, 'certs'), 'jobset-webhook-service', SYSTEM);
    const manifests = await kustomize(cluster, source('jobset', 'config/default'));
    for (const { kind, metadata } of manifests)
      if (kind.endsWith('WebhookConfiguration')) metadata.annotations = { 'cert-manager.io/inject-ca-from': 'test' };
    await install(cluster, manifests, { port: hooks[0]!, ca });
    kubeconfig = await accountKubeconfig(cluster, join(dir, 'jobset.kubeconfig'), SYSTEM, 'jobset-controller-manager');
    await start();
  }, 240_000);
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await cluster?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
  const apply = (manifest: object): Promise<string> =>
    cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(manifest));
  /** Its jobs are another controller's than the cluster's: the test's. */
  const jobSet = (name: string, spec: object = {}, replicas = 2): object => ({
    apiVersion: 'jobset.x-k8s.io/v1alpha2', kind: 'JobSet', metadata: { name },
    spec: {
      ...spec,
      replicatedJobs: [{
        name: 'w', replicas,
        template: { spec: { managedBy: 'example.com/by-hand', parallelism: 1, completions: 1, template: { spec: { containers: [{ name: 'c', image: 'busybox' }] } } } },
      }],
    },
  }); // prettier-ignore
  const get = async <T>(...args: string[]): Promise<T> =>
    JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json'])) as T;
  const jobsOf = async (name: string): Promise<Job[]> =>
    (await get<{ items: Job[] }>('jobs', '-l', `jobset.sigs.k8s.io/jobset-name=${name}`)).items;
  const untilJobs = (name: string, n: number, attempt = '0'): Promise<Job[]> =>
    eventually(`${n} jobs of ${name}`, async () => {
      const jobs = (await jobsOf(name)).filter(
        (j) => j.metadata.labels['jobset.sigs.k8s.io/restart-attempt'] === attempt,
      );
      return jobs.length === n ? jobs : undefined;
    });
  const untilStatus = (
    name: string,
    is: (status: NonNullable<JobSet['status']>) => boolean,
  ): Promise<NonNullable<JobSet['status']>> =>
    eventually(`the status of ${name}`, async () => {
      const { status } = await get<JobSet>('jobset', name);
      return status !== undefined && is(status) ? status : undefined;
    });
  const end = (job: Job, type: 'Complete' | 'Failed'): Promise<string> => {
    const at = new Date().toISOString().replace(/\.\d+/, '');
    const condition = (t: string): object => ({ type: t, status: 'True', reason: 'ByHand', message: '', lastProbeTime: at, lastTransitionTime: at });
    const patch = {
      status: {
        startTime: at, conditions: [condition(type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'), condition(type)],
        ...(type === 'Complete' ? { succeeded: 1, completionTime: at } : { failed: 1 }), ready: 0, terminating: 0, uncountedTerminatedPods: {},
      },
    }; // prettier-ignore
    return cluster.kubectl(['patch', 'job', job.metadata.name, '--subresource=status', '--type=merge', '-p', JSON.stringify(patch)]);
  }; // prettier-ignore

  const serveBy = (replica: number): Promise<string> =>
    cluster.kubectl(['patch', 'endpointslice', 'jobset-webhook-service-here', '-n', SYSTEM, '--type=merge', '-p', `{"ports":[{"port":${hooks[replica]},"protocol":"TCP"}]}`]); // prettier-ignore

  it('fills in and refuses by its webhooks', async () => {
    await apply(jobSet('defaults', { suspend: true }));
    const { spec } = await get<JobSet>('jobset', 'defaults');
    expect(spec).toMatchObject({
      network: { enableDNSHostnames: true, publishNotReadyAddresses: true }, startupPolicy: { startupPolicyOrder: 'AnyOrder' },
      replicatedJobs: [{ groupName: 'default', template: { spec: { completionMode: 'Indexed' } } }],
    }); // prettier-ignore
    await expect(
      apply(jobSet('refused', { successPolicy: { operator: 'All', targetReplicatedJobs: ['unknown'] } })),
    ).rejects.toThrow(
      'The JobSet "refused" is invalid: <nil>: Internal error: invalid replicatedJob name \'unknown\' does not appear in .spec.ReplicatedJobs',
    );
    // Rules of its schema are asked first.
    await expect(cluster.kubectl(['patch', 'jobset', 'defaults', '--type=merge', '-p', '{"spec":{"network":{"subdomain":"other"}}}'])).rejects.toThrow(
      'The JobSet "defaults" is invalid: spec.network: Invalid value: Value is immutable',
    ); // prettier-ignore
  });
  it('makes jobs and a service, and completes with them', async () => {
    await apply(jobSet('done'));
    const jobs = await untilJobs('done', 2);
    expect(jobs.map((j) => j.metadata.name)).toEqual(['done-w-0', 'done-w-1']);
    expect(await get('service', 'done')).toMatchObject({ spec: { clusterIP: 'None', publishNotReadyAddresses: true } });
    await Promise.all(jobs.map((job) => end(job, 'Complete')));
    expect(await untilStatus('done', (s) => s.terminalState !== undefined)).toMatchObject({
      terminalState: 'Completed', conditions: [{ type: 'Completed', status: 'True', reason: 'AllJobsCompleted' }],
    }); // prettier-ignore
    await eventually(
      'its event',
      async () => (await cluster.kubectl(['get', 'events'])).includes('AllJobsCompleted') || undefined,
    );
    expect(await cluster.kubectl(['get', 'jobset', 'done'])).toMatch(
      /^NAME +TERMINALSTATE +RESTARTS +COMPLETED +SUSPENDED +AGE\ndone +Completed +0 +True/,
    );
  });
  it('starts all jobs again when one fails', async () => {
    await apply(jobSet('again', { failurePolicy: { maxRestarts: 1 } }));
    const before = await untilJobs('again', 2);
    await end(before[0]!, 'Failed');
    const after = await untilJobs('again', 2, '1');
    const uids = new Set(before.map((j) => j.metadata.uid));
    expect(after.filter((j) => uids.has(j.metadata.uid))).toEqual([]);
    expect(await untilStatus('again', (s) => s.restarts === 1)).not.toHaveProperty('terminalState');
    await end(after[1]!, 'Failed');
    expect(await untilStatus('again', (s) => s.terminalState !== undefined)).toMatchObject({ terminalState: 'Failed' });
  });
  it('runs to its end with the jobs and pods of the cluster', async () => {
    await apply({
      apiVersion: 'jobset.x-k8s.io/v1alpha2',
      kind: 'JobSet',
      metadata: { name: 'real' },
      spec: {
        replicatedJobs: ['first', 'second'].map((name, i) => ({
          name,
          ...(i > 0 && { dependsOn: [{ name: 'first', status: 'Complete' }] }),
          template: {
            spec: {
              parallelism: 2,
              completions: 2,
              template: { spec: { containers: [{ name: 'c', image: 'busybox' }] } },
            },
          },
        })),
      },
    });
    expect(await untilStatus('real', (s) => s.terminalState !== undefined)).toMatchObject({
      terminalState: 'Completed',
    });
    const pods = await cluster.kubectl([
      'get',
      'pods',
      '-l',
      'jobset.sigs.k8s.io/jobset-name=real',
      '-o',
      'jsonpath={range .items[*]}{.spec.hostname}.{.spec.subdomain} {.status.phase}{"\\n"}{end}',
    ]);
    expect(pods.split('\n').sort()).toEqual([
      '',
      'real-first-0-0.real Succeeded',
      'real-first-0-1.real Succeeded',
      'real-second-0-0.real Succeeded',
      'real-second-0-1.real Succeeded',
    ]);
  });
  it('goes with all that it owns', async () => {
    await apply(jobSet('gone', {}, 3));
    await untilJobs('gone', 3);
    await cluster.kubectl(['delete', 'jobset', 'gone', '--cascade=foreground', '--timeout=30s']);
    expect(await jobsOf('gone')).toEqual([]);
    await eventually(
      'the end of its service',
      async () => (await cluster.kubectl(['get', 'service', 'gone', '--ignore-not-found'])) === '' || undefined,
    );
  });
  it('is led by another replica when the leader is killed, and goes on when the cluster starts again', async () => {
    const leader = running[0]!;
    await start();
    expect(running[1]!.said()).not.toContain('Successfully acquired lease');
    await leader.stop('SIGKILL');
    await serveBy(1);
    await eventually(
      'the other to lead',
      () => running[1]!.said().includes('Successfully acquired lease') || undefined,
    );
    await eventually('the webhook', () => apply(jobSet('second')));
    await untilJobs('second', 2);

    await cluster.stop();
    cluster = await up();
    // Who cannot renew in time ends, as a kubelet would see, and is started again.
    await eventually('jobs', async () => {
      if (running.at(-1)!.process.exitCode !== null && running.length < 3) {
        await serveBy(2);
        await start();
      }
      await apply(jobSet('third'));
      return (await jobsOf('third')).length === 2 || undefined;
    });
    for (const job of await jobsOf('third')) await end(job, 'Complete');
    await untilStatus('third', (s) => s.terminalState === 'Completed');
  });
});
