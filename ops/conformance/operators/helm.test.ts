import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, upForTest, type TestCluster } from '../../testing/cluster.ts';
import { missing, program } from './operator.ts';

const lacking = missing('helm');
describe.skipIf(lacking !== '')(`Helm${lacking && ` (skipped: ${lacking})`}`, { timeout: 90_000 }, () => {
  let dir: string;
  let cluster: TestCluster;
  let chart: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-helm-'));
    cluster = await upForTest(['--nodes', '2'], { dir });
    chart = join(dir, 'web');
    await helm('create', chart);
    // The chart's test is a pod that ends, which simulated ones do when they are told so.
    const test = join(chart, 'templates/tests/test-connection.yaml');
    writeFileSync(
      test,
      readFileSync(test, 'utf8').replace(
        'annotations:',
        "annotations:\n    kubus.dev/simulate: '{exitCode: 0, exitAfterMs: 100}'",
      ),
    );
  }, 240_000);
  afterAll(async () => {
    await cluster?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
  async function helm(...args: string[]): Promise<string> {
    const homes = Object.fromEntries(
      ['CACHE', 'CONFIG', 'DATA'].map((of) => [`HELM_${of}_HOME`, join(dir, `helm-${of}`)]),
    );
    const { status, stdout, stderr } = await finish(program('helm'), args, {
      ...process.env,
      ...homes,
      KUBECONFIG: cluster.kubeconfig,
    });
    if (status !== 0) throw new Error(`helm ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }
  const releases = async (): Promise<object[]> => JSON.parse(await helm('history', 'web', '-o', 'json')) as object[];
  const replicas = (): Promise<string> =>
    cluster.kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}/{.status.readyReplicas}']);

  it('installs a chart and waits for its pods', async () => {
    expect(await helm('install', 'web', chart, '--wait', '--timeout', '60s', '--set', 'replicaCount=2')).toContain(
      'STATUS: deployed',
    );
    expect(await replicas()).toBe('2/2');
    expect(JSON.parse(await helm('list', '-o', 'json'))).toMatchObject([
      { name: 'web', revision: '1', status: 'deployed', chart: 'web-0.1.0' },
    ]);
    expect(await helm('status', 'web')).toContain('==> v1/Deployment');
  });
  it('upgrades it, rolls it back, and remembers', async () => {
    await helm(
      'upgrade',
      'web',
      chart,
      '--wait',
      '--timeout',
      '60s',
      '--set',
      'replicaCount=3,autoscaling.enabled=false',
      '--set-string',
      'podLabels.new=yes',
    );
    expect(await replicas()).toBe('3/3');
    await helm('rollback', 'web', '1', '--wait', '--timeout', '60s');
    expect(await replicas()).toBe('2/2');
    expect(await releases()).toMatchObject([
      { revision: 1, status: 'superseded' }, { revision: 2, status: 'superseded', description: 'Upgrade complete' }, { revision: 3, status: 'deployed', description: 'Rollback to 1' },
    ]); // prettier-ignore
    expect(
      await cluster.kubectl([
        'get',
        'secrets',
        '-l',
        'owner=helm',
        '--field-selector=type=helm.sh/release.v1',
        '-o',
        'name',
      ]),
    ).toBe('secret/sh.helm.release.v1.web.v1\nsecret/sh.helm.release.v1.web.v2\nsecret/sh.helm.release.v1.web.v3\n');
  });
  it('leaves a failed upgrade behind, and goes back by itself if it shall', async () => {
    await expect(helm('upgrade', 'web', chart, '--set', 'service.port=0')).rejects.toThrow(
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    );
    expect((await releases()).at(-1)).toMatchObject({ status: 'failed' });
    await expect(
      helm('upgrade', 'web', chart, '--rollback-on-failure', '--timeout', '60s', '--set', 'service.port=0'),
    ).rejects.toThrow('rolled back');
    expect((await releases()).at(-1)).toMatchObject({
      status: 'deployed',
      description: expect.stringMatching(/^Rollback to/) as string,
    });
  });
  it('runs its tests, and takes it away', async () => {
    expect(await helm('test', 'web', '--timeout', '60s')).toMatch(
      /TEST SUITE: +web-test-connection\n(.*\n)*Phase: +Succeeded/,
    );
    await helm('uninstall', 'web', '--wait', '--timeout', '60s');
    expect(
      await cluster.kubectl([
        'get',
        'deployments,services,secrets',
        '-l',
        'app.kubernetes.io/instance=web',
        '-o',
        'name',
      ]),
    ).toBe('');
    expect(await helm('list', '-q')).toBe('');
  });
  it('renders what kubectl applies', async () => {
    const rendered = await helm('template', 'two', chart, '--skip-tests');
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], rendered);
    await cluster.kubectl(['rollout', 'status', 'deployment/two-web', '--timeout=60s']);
    expect(await cluster.kubectl(['diff', '--server-side', '-f', '-'], rendered)).toBe('');
    await cluster.kubectl(['delete', '-f', '-', '--timeout=60s'], rendered);
  });
});
