import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Container, Event, Pod, PodSpec, SecurityContext, Service } from '../../../schemas/generated/core-v1.ts';
import { events, pods } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { containerdConfig } from '../../../ops/machine/containerd.ts';
import { PAUSE_IMAGE } from '../../../ops/images/oci.ts';
import { plainParts } from '../../runtime/cri/plain-parts.ts';
import { createCriRuntime, type CriRuntime } from '../../runtime/cri/runtime.ts';
import {
  noContainerd,
  privateContainerd,
  type PrivateContainerd,
} from '../../runtime/cri/testing/private-containerd.ts';
import { BUSYBOX_IMAGE as IMAGE, loadBusybox } from '../../../ops/testing/busybox-image.ts';
import { startKubelet, type Kubelet } from '../actor.ts';
import { createHandlers } from '../create-handlers.ts';
import { createPodEnvironment } from '../environment/environment.ts';

const why = noContainerd();
const APPLETS = ['sh', 'sleep', 'echo', 'cat', 'grep', 'id', 'env', 'touch', 'hostname'];
const api443: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default' }, spec: { clusterIP: '10.96.0.1', ports: [{ port: 443 }] } }; // prettier-ignore

describe.skipIf(why !== undefined)(`containers of a real containerd${why === undefined ? '' : ` (${why})`}`, { timeout: 90_000 }, () => {
  const world = realWorld({ level: 'silent' });
  let node: PrivateContainerd;
  let runtime: CriRuntime;
  let api: FakeApi;
  let kubelet: Kubelet;
  beforeAll(async () => {
    node = await privateContainerd({ world, config: (paths, cniPlugins) => containerdConfig({ paths, cniPlugins, pauseImage: PAUSE_IMAGE }) });
    api = fakeApi(world);
    const missing = async (kind: string, name: string): Promise<never> => {
      throw new ApiError('NotFound', `${kind} "${name}" not found`);
    };
    const plain = plainParts(node.paths);
    const environment = createPodEnvironment({
      world,
      paths: node.paths,
      services: { synced: Promise.resolve(), hasSynced: true, all: () => [api443] },
      configMap: (_pod, name) => missing('configmap', name),
      secret: (_pod, name) => missing('secret', name),
      dnsOf: (pod) => plain.environment.dnsOf(pod),
      runtimeClass: (name) => missing('runtimeclass', name),
      volumePath: () => undefined,
      clusterDomain: 'cluster.local',
      nodeIPs: ['172.30.0.2'],
      allocatable: () => ({ cpu: '2', memory: '1Gi' }),
    });
    const cgroups = { ...plain.cgroups, create: async (pod: Pod) => `${node.cgroup}/pod${pod.metadata.uid}` };
    runtime = await createCriRuntime({ world, commands: node.commands, socket: node.paths.containerd.socket, paths: node.paths, parts: { ...plain, environment, cgroups } });
    kubelet = startKubelet({
      world,
      id: 'k',
      client: api.client('node:n1'),
      runtime,
      handlers: createHandlers(world, runtime),
      kernel: { appArmor: false },
      node: { name: 'n1', ip: '172.30.0.2', podCIDR: '10.244.9.0/24' },
    });
    await kubelet.ready;
    await loadBusybox(runtime, APPLETS);
  }, 90_000);
  afterAll(async () => {
    await kubelet.stop();
    await node.stop();
  }, 60_000);

  async function until(is: () => unknown, what: string): Promise<void> {
    const deadline = world.clock.now() + 60_000;
    while (!is()) {
      if (world.clock.now() > deadline) throw new Error(`not in time: ${what}; ${JSON.stringify(api.objects<Pod>(pods).map(({ status }) => status))}`);
      await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 20));
    }
  }
  const sh = (script: string, extra: Partial<Container> = {}): Container => ({ name: 'm', image: IMAGE, command: ['sh', '-c', script], terminationMessagePath: '/dev/termination-log', ...extra });
  const run = (name: string, spec: Partial<PodSpec>): Promise<Pod> =>
    api.client().create<Pod>(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'n1', restartPolicy: 'Never', terminationGracePeriodSeconds: 1, enableServiceLinks: true, containers: [sh('sleep 1000')], ...spec },
    });
  const pod = (name: string): Pod | undefined => api.object<Pod>(pods, `default/${name}`);
  const status = (name: string) => pod(name)?.status?.containerStatuses?.[0];
  const told = (name: string): string[] => api.objects<Event>(events).filter((e) => e.involvedObject.name === name).map((e) => `${e.reason}: ${e.message}`);
  const gone = (name: string) => api.client().delete(pods, name, 'default', { gracePeriodSeconds: 0 });
  /** What a container says in the end. */
  async function said(name: string, script: string, extra: Partial<Container> = {}, spec: Partial<PodSpec> = {}): Promise<string> {
    await run(name, { ...spec, containers: [sh(`{ ${script}; } > /dev/termination-log 2>&1`, extra)] });
    await until(() => status(name)?.state?.terminated, `${name} ends`);
    const { message = '' } = status(name)!.state!.terminated!;
    await gone(name);
    return message;
  }

  it('are told who and where they are', async () => {
    const env = [
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'BOTH', value: '$(IP):$(KUBERNETES_SERVICE_PORT)' },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ];
    const spec = { subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['far'] }] };
    const words = await said('told', 'echo $BOTH $CPU $KUBERNETES_PORT_443_TCP_ADDR; hostname; cat /etc/hosts', { env }, spec);
    const [first = '', hostname, ...hosts] = words.split('\n');
    expect(first).toMatch(/^10\.244\.9\.\d+:443 2 10\.96\.0\.1$/);
    expect(hostname).toBe('told');
    expect(hosts).toContain(`${first.split(':')[0]}\ttold.sub.default.svc.cluster.local\ttold`);
    expect(hosts).toContain('1.2.3.4\tfar');
  });
  const FACTS = 'id -u; id -g; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status';
  const facts = (text: string): string[] => text.trim().split('\n').map((line) => line.replace(/^.*:\s*/, ''));
  it('are held to what their pod says, by the kernel', async () => {
    const limited: SecurityContext = { runAsUser: 1000, runAsGroup: 2000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };
    expect(facts(await said('limited', FACTS, { securityContext: limited }))).toEqual(['1000', '2000', '0000000000000000', '0000000000000000', '1', '2']);
    expect(facts(await said('usual', FACTS))).toEqual(['0', '0', '00000000a80425fb', '00000000a80425fb', '0', '0']);
    const [, , effective] = facts(await said('admin', FACTS, { securityContext: { capabilities: { add: ['NET_ADMIN'] } } }));
    expect(effective).toBe('00000000a80435fb');
    const groups = { securityContext: { runAsUser: 5, fsGroup: 70, supplementalGroups: [71] } };
    expect((await said('groups', 'id -G', {}, groups)).trim().split(' ').sort()).toEqual(['0', '70', '71']);
    expect(await said('readonly', 'touch /x', { securityContext: { readOnlyRootFilesystem: true } })).toContain('Read-only file system');
    expect(await said('masked', 'cat /proc/timer_list; echo $?; touch /proc/sys/x')).not.toContain('Tick Device');
    const sysctls = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }];
    expect(await said('sysctl', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', {}, { securityContext: { sysctls } })).toBe('80\n');
  });
  it('that may not be are not', async () => {
    await run('root', { securityContext: { runAsNonRoot: true } });
    await run('none', { containers: [sh('true', { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'a' } } }] })] });
    await run('users', { hostUsers: false });
    await run('sysctls', { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } });
    await run('armor', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } });
    await until(() => status('root')?.state?.waiting?.reason === 'CreateContainerConfigError' && status('none')?.state?.waiting?.reason === 'CreateContainerConfigError', 'they wait');
    expect(status('root')!.state!.waiting!.message).toContain('container has runAsNonRoot and image will run as root (pod: "root_default(');
    expect(status('none')!.state!.waiting!.message).toBe('secret "none" not found');
    await until(() => told('users').length > 0 && pod('sysctls')?.status?.phase === 'Failed' && pod('armor')?.status?.phase === 'Failed', 'the others are refused');
    expect(told('users')).toContain("FailedCreatePodSandBox: Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces");
    expect([pod('sysctls')!.status!.reason, pod('armor')!.status!.reason]).toEqual(['SysctlForbidden', 'AppArmor']);
    for (const name of ['root', 'none', 'users', 'sysctls', 'armor']) await gone(name);
  });
  it('are asked by commands how they are, and told that they begin and end', async () => {
    await run('asked', {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 5,
      containers: [
        sh('sleep 1000', {
          lifecycle: { postStart: { exec: { command: ['touch', '/begun'] } }, preStop: { exec: { command: ['sh', '-c', 'echo no >&2; false'] } } },
          readinessProbe: { exec: { command: ['sh', '-c', 'cat /begun && test -e /tmp && echo not yet && exit 3'] }, periodSeconds: 1, failureThreshold: 1 },
          livenessProbe: { exec: { command: ['sleep', '100'] }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 1 },
        }),
      ],
    });
    await until(() => (status('asked')?.restartCount ?? 0) > 0, 'it is begun again');
    expect(status('asked')!.ready).toBe(false);
    expect(told('asked')).toEqual(
      expect.arrayContaining(['Unhealthy: Liveness probe failed: command timed out: "sleep 100" timed out after 1s', 'Killing: Container m failed liveness probe, will be restarted', 'FailedPreStopHook: PreStopHook failed']),
    );
    await gone('asked');
    await run('unready', { containers: [sh('sleep 1000', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo out; echo err >&2; exit 4'] } } } })] });
    await until(() => told('unready').some((event) => event.startsWith('FailedPostStartHook')), 'its hook fails');
    await gone('unready');
  });
}); // prettier-ignore
