import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '../../schemas/generated/core-v1.ts';
import { events, nodes, pods } from '../../actors/runtime/resources.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const status = (name: string) => b.pod(name)?.status;
const container = (name: string, i = 0) => status(name)?.containerStatuses?.[i];
const init = (name: string, i = 0) => status(name)?.initContainerStatuses?.[i];
const condition = (name: string, type: string) => status(name)?.conditions?.find((c) => c.type === type);
const ready = (name: string) => () => condition(name, 'Ready')?.status === 'True';

describe('init containers', () => {
  it('run one after the other before the others', async () => {
    b = await bench();
    const script = { containers: { one: { exitAfterMs: 1_000 }, two: { exitAfterMs: 1_000 } } };
    await b.run(
      'p',
      {
        initContainers: [
          { name: 'one', image: 'i' },
          { name: 'two', image: 'i' },
        ],
      },
      script,
    );
    await b.world.advance(500);
    expect(status('p')?.phase).toBe('Pending');
    expect(init('p', 0)?.state?.running).toBeDefined();
    expect(init('p', 1)?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition('p', 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [one two]',
    });
    await b.world.advance(1_000);
    expect(condition('p', 'Initialized')?.message).toBe('containers with incomplete status: [two]');
    await b.world.until(ready('p'), 2_000);
    expect(init('p', 1)).toMatchObject({ ready: true, state: { terminated: { reason: 'Completed', exitCode: 0 } } });
  });
  it('that fail are tried again, or fail the pod if it is never restarted', async () => {
    b = await bench();
    const script = { containers: { one: { exitAfterMs: 10, exitCode: 7 } } };
    const spec = { initContainers: [{ name: 'one', image: 'i' }] };
    await b.run('again', spec, script);
    await b.run('never', { ...spec, restartPolicy: 'Never' }, script);
    await b.world.until(() => status('never')?.phase === 'Failed', 1_000);
    expect(container('never')?.state?.waiting?.reason).toBe('PodInitializing');
    await b.world.until(() => init('again')?.state?.waiting?.reason === 'CrashLoopBackOff', 1_000);
    expect(status('again')?.phase).toBe('Pending');
    expect(init('again')?.restartCount).toBe(1);
  });
  it('that stay (sidecars) start in turn, live beside the others and end after them', async () => {
    b = await bench();
    const script = { containers: { main: { exitAfterMs: 5_000 }, side: { stopAfterMs: 300, startup: [false, true] } } };
    const probe = { exec: { command: ['x'] }, periodSeconds: 1 };
    await b.run(
      'p',
      {
        restartPolicy: 'Never',
        initContainers: [{ name: 'side', image: 's', restartPolicy: 'Always', startupProbe: probe }],
      },
      script,
    );
    await b.world.advance(500);
    expect(container('p')?.state?.waiting).toBeDefined();
    await b.world.until(ready('p'), 2_000);
    expect(init('p')).toMatchObject({ ready: true, started: true, state: { running: {} } });
    await b.world.until(() => status('p')?.phase === 'Succeeded', 10_000);
    expect(b.told('p')).toContain('Killing: Stopping container side');
    expect(init('p')?.state?.terminated).toBeDefined();
  });
});
describe('restart policies', () => {
  it.each([
    ['Never', 0, 'Succeeded', 0],
    ['Never', 1, 'Failed', 0],
    ['OnFailure', 0, 'Succeeded', 0],
    ['OnFailure', 1, 'Running', 1],
    ['Always', 0, 'Running', 1],
  ] as const)('%s with exit code %d: %s', async (restartPolicy, exitCode, phase, restarts) => {
    b = await bench();
    await b.run('p', { restartPolicy }, { exitAfterMs: 50, exitCode });
    await b.world.advance(2_000);
    expect([status('p')?.phase, container('p')?.restartCount]).toEqual([phase, restarts]);
    if (phase === 'Succeeded' || phase === 'Failed')
      expect(condition('p', 'Ready')).toMatchObject({
        status: 'False',
        reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted',
      });
  });
  it('says OOMKilled', async () => {
    b = await bench();
    await b.run('p', { restartPolicy: 'Never' }, { exitAfterMs: 50, reason: 'OOMKilled', message: 'too much' });
    await b.world.until(() => status('p')?.phase === 'Failed', 1_000);
    expect(container('p')?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'OOMKilled',
      message: 'too much',
    });
  });
  it('gives a pod up that outlives its deadline', async () => {
    b = await bench();
    await b.run('p', { activeDeadlineSeconds: 5, terminationGracePeriodSeconds: 2 }, { ignoresTerm: true });
    await b.world.until(ready('p'));
    await b.world.advance(10_000);
    expect(status('p')).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(container('p')?.state?.terminated?.exitCode).toBe(137);
  });
});
describe('images', () => {
  it('that cannot be pulled are tried again, with ErrImagePull and ImagePullBackOff in turn', async () => {
    b = await bench();
    await b.run('p', {}, { pull: { error: 'manifest unknown', failures: 2 } });
    await b.world.until(() => container('p')?.state?.waiting?.reason === 'ErrImagePull', 200);
    expect(container('p')?.state?.waiting?.message).toBe('manifest unknown');
    await b.world.until(() => container('p')?.state?.waiting?.reason === 'ImagePullBackOff', 2_000);
    expect(container('p')?.state?.waiting?.message).toBe(
      'Back-off pulling image "app:1": ErrImagePull: manifest unknown',
    );
    expect(status('p')?.phase).toBe('Pending');
    await b.world.until(ready('p'), 60_000);
    expect(b.told('p')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Pulling: Pulling image "app:1"/),
        expect.stringMatching(/^Failed: Failed to pull image "app:1": manifest unknown/),
        expect.stringMatching(/^Failed: Error: ErrImagePull/),
        expect.stringMatching(/^BackOff: Back-off pulling image "app:1"/),
        expect.stringMatching(/^Pulled: Successfully pulled image "app:1" in 0s \(0s including waiting\)\. Image size: \d+ bytes\.$/), // prettier-ignore
      ]),
    );
  });
  it('of policy Never must be there', async () => {
    b = await bench();
    await b.run('p', { containers: [{ name: 'main', image: 'app:1', imagePullPolicy: 'Never' }] });
    await b.world.until(() => container('p')?.state?.waiting?.reason === 'ErrImageNeverPull', 200);
  });
  it('that are there are not pulled again', async () => {
    b = await bench();
    await b.run('one');
    await b.world.until(ready('one'));
    await b.run('two');
    await b.world.until(ready('two'));
    expect(b.told('two')[0]).toBe(
      'Pulled: Container image "app:1" already present on machine and can be accessed by the pod',
    );
  });
});
describe('probes', () => {
  const http = { httpGet: { port: 80, path: '/' }, periodSeconds: 1, failureThreshold: 2, successThreshold: 1 };
  it('make a pod ready, and unready again', async () => {
    b = await bench();
    const results = [false, true, true, false, false, true];
    await b.run('p', { containers: [{ name: 'main', image: 'a', readinessProbe: http }] }, { readiness: results });
    await b.world.advance(200);
    expect(status('p')?.phase).toBe('Running');
    expect(condition('p', 'ContainersReady')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
    await b.world.until(ready('p'), 1_200);
    await b.world.until(() => condition('p', 'Ready')?.status === 'False', 4_000);
    await b.world.until(ready('p'), 2_000);
    expect(b.told('p').some((t) => t.startsWith('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500'))).toBe(true); // prettier-ignore
  });
  it('have a sick container killed and run again', async () => {
    b = await bench();
    const main = { name: 'main', image: 'a', livenessProbe: http };
    await b.run('p', { containers: [main] }, { liveness: [true, false] });
    await b.world.until(() => container('p')?.restartCount === 1, 10_000);
    expect(b.told('p')).toContain('Killing: Container main failed liveness probe, will be restarted');
  });
  it('wait for the startup probe', async () => {
    b = await bench();
    const startupProbe = { ...http, failureThreshold: 5 };
    const main = { name: 'main', image: 'a', startupProbe, readinessProbe: http };
    await b.run('p', { containers: [main] }, { startup: [false, false, true] });
    await b.world.advance(1_500);
    expect(container('p')).toMatchObject({ started: false, ready: false });
    await b.world.until(ready('p'), 3_000);
    expect(container('p')).toMatchObject({ started: true, ready: true });
  });
});
describe('hooks', () => {
  const hook = { exec: { command: ['x'] } };
  it('before the end take from the grace, and at most all of it', async () => {
    b = await bench();
    const lifecycle = { preStop: hook };
    const containers = [{ name: 'main', image: 'a', lifecycle }];
    await b.run('quick', { containers }, { preStopMs: 1_500 });
    await b.run('slow', { containers, terminationGracePeriodSeconds: 3 }, { preStopMs: 60_000, ignoresTerm: true });
    await b.world.until(() => ready('quick')() && ready('slow')());
    for (const name of ['quick', 'slow']) await b.api.client().delete(pods, name, 'default');
    await b.world.advance(1_400);
    expect(b.pod('quick')).toBeDefined();
    await b.world.advance(200);
    expect(b.pod('quick')).toBeUndefined();
    await b.world.advance(3_000);
    expect(b.pod('slow')).toBeDefined();
    await b.world.advance(600);
    expect(b.pod('slow')).toBeUndefined();
    expect(b.told('slow')).toContain('FailedPreStopHook: PreStopHook failed');
  });
  it('after the start that fail have the container killed and run again', async () => {
    b = await bench();
    const containers = [{ name: 'main', image: 'a', lifecycle: { postStart: hook } }];
    await b.run('p', { containers }, { postStart: 'no such file' });
    await b.world.until(() => container('p')?.state?.waiting?.reason === 'PostStartHookError', 1_000);
    expect(b.told('p')).toContain('FailedPostStartHook: PostStartHook failed');
    await b.world.until(() => (container('p')?.restartCount ?? 0) > 0, 30_000);
  });
});
describe('admission', () => {
  const asks = (cpu: string) => [{ name: 'main', image: 'a', resources: { requests: { cpu } } }];
  it('refuses what the scheduler should not have sent', async () => {
    b = await bench({ capacity: { cpu: '2', pods: '3' } });
    await b.run('one', { containers: asks('1500m') });
    await b.world.until(ready('one'));
    await b.run('two', { containers: asks('1') });
    await b.run('three', { nodeSelector: { disk: 'ssd' } });
    await b.world.until(() => status('two')?.phase === 'Failed' && status('three')?.phase === 'Failed', 500);
    expect(status('two')).toMatchObject({
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
    });
    expect(status('three')?.reason).toBe('NodeAffinity');
    expect(b.told('two')[0]).toMatch(/^OutOfcpu: Node didn't have enough resource/);
    await b.api.client().delete(pods, 'one', 'default');
    await b.world.until(() => b.pod('one') === undefined);
    await b.run('four', { containers: asks('2') });
    await b.world.until(ready('four'), 500);
  });
  it('reads the node again before it says that labels do not match', async () => {
    b = await bench();
    await b.api.client().patch(nodes, 'n1', undefined, 'merge', { metadata: { labels: { disk: 'ssd' } } });
    await b.run('p', { nodeSelector: { disk: 'ssd' } });
    await b.world.until(ready('p'), 500);
  });
});
describe('failures', () => {
  it('of the sandbox are told and tried again', async () => {
    b = await bench();
    await b.run('p', {}, { sandbox: { error: 'no network' } });
    await b.world.advance(1_000);
    expect(b.state('p')).toBe('sandboxFailed');
    expect(b.told('p')[0]).toBe(
      'FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = no network',
    );
    expect(condition('p', 'PodReadyToStartContainers')?.status).toBe('False');
    await b.api.client().delete(pods, 'p', 'default');
    await b.world.until(() => b.pod('p') === undefined, 5_000);
  });
  it('of the API are outlived: conflicts, an API that is away', async () => {
    b = await bench();
    let away = 3;
    b.api.intercept = (call) => {
      if (call.resource === 'pods/status' && away-- > 0)
        throw new ApiError(away === 1 ? 'Conflict' : 'ServiceUnavailable', 'not now');
    };
    await b.run('p');
    await b.world.until(ready('p'), 10_000);
  });
  it('a pod goes from the API only when it says there that its containers have ended', async () => {
    b = await bench();
    await b.run('p');
    await b.world.until(ready('p'));
    let away = true;
    b.api.intercept = (call) => {
      if (call.resource === 'pods/status' && away) throw new ApiError('ServiceUnavailable', 'not now');
    };
    await b.api.client().delete(pods, 'p', 'default');
    await b.world.advance(20_000);
    expect(container('p')?.state?.running).toBeDefined();
    away = false;
    const ends: unknown[] = [];
    b.api.intercept = (call) => {
      if (call.verb === 'delete') ends.push(container('p')?.state?.terminated?.reason);
    };
    await b.world.until(() => b.pod('p') === undefined, 10_000);
    expect(ends).toEqual(['Completed']);
  });
  it('a pod that vanished from the API is killed without a word to the API', async () => {
    b = await bench();
    await b.run('p', {}, { stopAfterMs: 10_000 });
    await b.world.until(ready('p'));
    const before = b.writes();
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await b.world.until(() => b.kubelet.podStates().size === 0, 100);
    expect(b.writes()).toBe(before);
  });
  it('a second deletion can shorten the grace', async () => {
    b = await bench();
    await b.run('p', { terminationGracePeriodSeconds: 60 }, { ignoresTerm: true });
    await b.world.until(ready('p'));
    await b.api.client().delete(pods, 'p', 'default');
    await b.world.advance(5_000);
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 2 });
    await b.world.advance(1_500);
    expect(b.pod('p')).toBeDefined();
    await b.world.until(() => b.pod('p') === undefined, 1_000);
  });
});
describe('a kubelet that starts again', () => {
  it('takes up what runs, without restarting it, and what was being deleted', async () => {
    b = await bench();
    await b.run('p');
    await b.run('ending', { terminationGracePeriodSeconds: 20 }, { stopAfterMs: 15_000 });
    await b.world.until(() => ready('p')() && ready('ending')());
    const before = container('p');
    const writes = b.writes();
    await b.api.client().delete(pods, 'ending', 'default');
    await b.restart();
    await b.world.advance(1_000);
    expect(b.state('p')).toBe('tending.running');
    expect(container('p')).toEqual(before);
    expect(b.writes()).toBe(writes);
    await b.world.until(() => b.pod('ending') === undefined, 30_000);
    await b.run('q');
    await b.world.until(ready('q'));
    expect(status('q')?.podIP).not.toBe(status('p')?.podIP);
  });
  it('goes on with the count of a crash loop', async () => {
    b = await bench();
    await b.run('bad', {}, { exitAfterMs: 10, exitCode: 1 });
    await b.world.until(() => container('bad')?.restartCount === 2, 20_000);
    await b.restart();
    await b.world.until(() => container('bad')?.restartCount === 3, 60_000);
    expect(container('bad')?.lastState?.terminated?.exitCode).toBe(1);
  });
});
it('a node without a range of addresses waits for the cluster to give it one', async () => {
  b = await bench({ podCIDR: undefined });
  await b.world.advance(5_000);
  expect([b.kubelet.state(), b.node().spec?.podCIDR]).toEqual(['registering', undefined]);
  const spec = { podCIDR: '10.9.0.0/24', podCIDRs: ['10.9.0.0/24'] };
  await b.api.client().patch(nodes, 'n1', undefined, 'merge', { spec });
  await b.run('p');
  await b.world.until(ready('p'), 1_000);
  expect(status('p')?.podIP).toBe('10.9.0.2');
  expect(b.api.objects<Event>(events).filter((e) => e.reason === 'Starting')).toHaveLength(1);
});
