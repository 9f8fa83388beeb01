import { afterEach, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../schemas/generated/core-v1.ts';
import { pods } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const main = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'busybox:1.36',
  command: ['/bin/sh', '-c', script],
  ...more,
});
const status = (name = 'p') => b.pod(name)?.status;
const container = (name = 'p') => status(name)?.containerStatuses?.[0];

describe('commands of simulated containers', () => {
  it('end as they say, and leave their last words', async () => {
    b = await bench();
    await b.run('p', {
      restartPolicy: 'Never',
      containers: [main('echo "no database" > /dev/termination-log; sleep 2; exit 3')],
    });
    await b.world.until(() => status()?.phase === 'Running');
    await b.world.until(() => status()?.phase === 'Failed', 3_000);
    expect(container()?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'no database\n' });
  });
  it.each([
    ['echo -n OK > /dev/termination-log; echo log; false', {}, 'OK'],
    ['echo one; echo -n DONE; false', { terminationMessagePolicy: 'FallbackToLogsOnError' }, 'one\nDONE'],
    ['echo log; true', { terminationMessagePolicy: 'FallbackToLogsOnError' }, undefined],
    ['echo log; false', {}, undefined],
    ['echo -n there > /tmp/last; false', { terminationMessagePath: '/tmp/last' }, 'there'],
  ] as const)('leave a message where they are asked to: %s', async (script, more, message) => {
    b = await bench();
    await b.run('p', { restartPolicy: 'Never', containers: [main(script, more)] });
    await b.world.until(() => container()?.state?.terminated !== undefined, 3_000);
    expect(container()?.state?.terminated?.message).toBe(message);
  });
  it('know the variables and the files of the pod, and what a run before them left there', async () => {
    b = await bench();
    const data = { volumes: [{ name: 'data', emptyDir: {} }] };
    const env = [
      { name: 'WHERE', value: '/data' },
      { name: 'MARK', value: '$(WHERE)/mark-$(NOTHING)' },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ];
    const script = 'if [[ -r "$MARK" ]]; then exit 0; else echo $NODE > "$MARK"; exit 1; fi';
    const spec = { env, volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    await b.run('p', { ...data, restartPolicy: 'OnFailure', containers: [main(script, spec)] });
    await b.world.until(() => status()?.phase === 'Succeeded', 30_000);
    expect(container()).toMatchObject({ restartCount: 1 });
    // Another pod has other files.
    await b.run('q', { ...data, restartPolicy: 'Never', containers: [main(script, spec)] });
    await b.world.until(() => status('q')?.phase === 'Failed', 30_000);
  });
  it('share folders of the node', async () => {
    b = await bench();
    const volumes = [{ name: 'data', hostPath: { path: '/var/x' } }];
    const spec = { volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'sub' }] };
    const script = '[ -f /data/mark ] && exit 0; touch /data/mark; exit 1';
    for (const [name, phase] of [['p', 'Failed'], ['q', 'Succeeded']] as const) {
      await b.run(name, { volumes, restartPolicy: 'Never', containers: [main(script, spec)] });
      await b.world.until(() => status(name)?.phase === phase, 5_000);
    } // prettier-ignore
  });
  it('decide whether probes that look at their files go well', async () => {
    b = await bench();
    const livenessProbe = { exec: { command: ['cat', '/tmp/healthy'] }, periodSeconds: 5, failureThreshold: 1 };
    const script = 'touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600';
    const short = { terminationGracePeriodSeconds: 1 };
    await b.run('p', { ...short, containers: [main(script, { livenessProbe })] });
    await b.run('unknown', { ...short, containers: [{ name: 'main', image: 'app:1', livenessProbe }] });
    await b.world.until(() => status()?.phase === 'Running');
    await b.world.advance(28_000);
    expect(container()?.restartCount).toBe(0);
    await b.world.until(() => container()?.restartCount === 1, 20_000);
    expect(container('unknown')?.restartCount).toBe(0);
  });
  it.each([
    ['without a handler', 'sleep infinity', 143, 0],
    ['with one', "trap 'sleep 5; exit 7' TERM; while true; do sleep 1; done", 7, 5_000],
    ['with one that takes too long', "trap 'sleep 60' TERM; sleep infinity", 137, 30_000],
  ])('are told to end: %s', async (_, script, exitCode, afterMs) => {
    b = await bench();
    await b.run('p', { restartPolicy: 'Never', containers: [main(script)] });
    await b.world.until(() => status()?.phase === 'Running');
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 30 });
    await b.world.advance(Math.max(0, afterMs - 1_000));
    if (afterMs > 0) expect(container()?.state?.running).toBeDefined();
    await b.world.until(() => b.pod('p') === undefined, 2_000);
    const last = b.api.calls.findLast((call) => call.resource === 'pods/status')?.object as Pod;
    expect(last.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode, reason: 'Error' });
  });
  it('of hooks take their time, and a failed first one ends the container', async () => {
    b = await bench();
    const hook = (script: string) => ({ exec: { command: ['/bin/sh', '-c', script] } });
    const lifecycle = { preStop: hook('sleep 15') };
    await b.run('p', { containers: [{ name: 'main', image: 'app:1', lifecycle }] });
    await b.run('q', { containers: [main('sleep infinity', { lifecycle: { postStart: hook('exit 2') } })] });
    await b.world.until(() => status()?.phase === 'Running');
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 30 });
    await b.world.advance(14_000);
    expect(b.pod('p')).toBeDefined();
    await b.world.until(() => b.pod('p') === undefined, 5_000);
    expect(b.told('q').join('\n')).toContain('FailedPostStartHook');
  });
});

it('an image that says that it is not there is not there', async () => {
  b = await bench();
  await b.run('p', { containers: [{ name: 'main', image: 'web:404' }] });
  await b.world.until(() => container()?.state?.waiting?.reason === 'ErrImagePull', 5_000);
  expect(container()?.state?.waiting?.message).toContain('docker.io/library/web:404: not found');
});
