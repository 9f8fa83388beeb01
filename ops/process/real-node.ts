import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createInspection } from '../../actors/runtime/inspection.ts';
import { createRegistry } from '../../actors/runtime/metrics/registry.ts';
import { requestMetrics } from '../../actors/runtime/metrics/requests.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { NODE_PATHS as paths } from '../../node-agent/host/paths.ts';
import { startKubelet } from '../../node-agent/kubelet/actor.ts';
import { startCertificates } from '../../node-agent/kubelet/certificates/manager.ts';
import type { CredentialProviderFlags } from '../../node-agent/kubelet/credential-providers/providers.ts';
import { startKubeletDoor } from '../../node-agent/kubelet/door/index.ts';
import { createHandlers } from '../../node-agent/kubelet/create-handlers.ts';
import { openUserRanges } from '../../node-agent/kubelet/security/user-ranges.ts';
import { startStaticPods } from '../../node-agent/kubelet/static-pods/static-pods.ts';
import { createReferences } from '../../node-agent/kubelet/references.ts';
import { startKubeProxy } from '../../node-agent/kube-proxy/actor.ts';
import type { ProxyMode } from '../../node-agent/kube-proxy/backend.ts';
import { backendOf } from '../../node-agent/kube-proxy/backends.ts';
import { watchServices } from '../../node-agent/kube-proxy/watched-services.ts';
import { servedPods } from '../../node-agent/kube-proxy/served-pods.ts';
import { startPodNetwork } from '../../node-agent/network/actor.ts';
import { admitting } from '../../node-agent/network/admitting.ts';
import type { PodParts } from '../../node-agent/runtime/cri/parts.ts';
import { createCriRuntime, type CriRuntime } from '../../node-agent/runtime/cri/runtime.ts';
import { hasAppArmor } from '../../node-agent/runtime/cri/security-host.ts';
import { countStarts } from '../../node-agent/runtime/starts.ts';
import { rotateLogs } from '../../node-agent/streams/logs/rotation.ts';
import { createNodeVolumes } from '../../node-agent/volumes/index.ts';
import { DNS_DOMAIN } from '../cluster/dns.ts';
import { PAUSE_IMAGE, pauseArchive } from '../images/oci.ts';
import { CABLE } from '../machine/names.ts';
import type { NodeSpec } from './nodes.ts';
import { realNodeEnvironment } from './real-node-environment.ts';
import { realNodeResources } from './real-node-resources.ts';

export interface RealNodeOptions {
  readonly world: World;
  readonly bus: Bus;
  /** The node's name: presence and inspection of its parts go by it. */
  readonly id: string;
  readonly node: NodeSpec & { readonly ip: string };
  /** Of API servers that run beside the nodes, whom pods always hear. */
  readonly apiServers?: readonly string[] | undefined;
  /** What brings Services to it; default: the best that the machine can do. */
  readonly proxyMode?: ProxyMode | undefined;
  /** Programs that know credentials for images; default: none. */
  readonly credentialProviders?: CredentialProviderFlags | undefined;
  /** The network is no namespace of its own, and goes on without the node. */
  readonly isWholeMachine?: boolean | undefined;
  /** Path in the machine's cgroup hierarchies below which all of the node's is. */
  readonly cgroup: string;
  readonly cniPlugins: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string | undefined;
  /** Told the ranges of addresses of pods that the node has. */
  readonly onPodCIDRs?: ((podCIDRs: readonly string[]) => void) | undefined;
}
/**
 * Composition root of one real node, in whose namespaces (or container) this process runs beside the node's containerd:
 * kubelet, pod network, proxy of services. `ready`: it is registered and runs pods.
 */
export async function startRealNode(o: RealNodeOptions): Promise<Component> {
  const { world, bus, node } = o;
  const commands = machineCommands(world);
  const inspection = createInspection({ world, bus, component: 'kubelet', id: o.id });
  const metrics = createRegistry();
  const clientOf = (caller: string) => createApiClient(bus, world, caller, requestMetrics(metrics, world.clock));
  const client = clientOf(`node:${node.name}`);
  const references = createReferences({ world, client });
  const allocatable = () => kubelet.node()?.status?.allocatable ?? {};
  const { configuration, machine, cgroups, housekeeping } = await realNodeResources({
    world,
    node,
    paths,
    cgroup: o.cgroup,
  });
  const volumes = createNodeVolumes({
    world, bus, client, nodeName: node.name, commands, paths, references, allocatable, inspection, runtime: () => runtime,
    variablesOf: (pod, container, signal) => parts.environment.variablesOf(pod, container, pod.status?.podIPs?.map(({ ip }) => ip ?? '') ?? [], signal),
  }); // prettier-ignore
  const services = watchServices({ world, client: clientOf('kube-proxy'), inspection });
  const told = await realNodeEnvironment({
    world,
    client,
    services,
    commands,
    metrics,
    configuration,
    tokens: volumes.tokens,
    credentialProviders: o.credentialProviders,
    paths,
    references,
    allocatable: () => kubelet.node()?.status?.allocatable,
    nodeIPs: node.secondIP === undefined ? [node.ip] : [node.ip, node.secondIP],
    node: node.name,
    clusterDomain: o.clusterDomain ?? DNS_DOMAIN,
  });
  // Nodes of one machine stand in one range of addresses, and none has the last part of another's.
  const part = o.isWholeMachine ? undefined : { index: Number(node.ip.split('.').at(-1)), of: 256 };
  const users = await openUserRanges({ world, pods: paths.pods, part });
  const parts: PodParts = { environment: told.environment, volumes: volumes.parts, cgroups, users };
  const runtime = await createCriRuntime({
    world,
    commands,
    socket: paths.containerd.socket,
    paths,
    parts,
    pulls: told.pulls,
  });
  await told.settle(await runtime.cri.images());
  await havePause(runtime);
  const network = startPodNetwork({
    world,
    id: o.id,
    client: clientOf('pod-network'),
    commands,
    node: node.name,
    ip: node.ip,
    apiServers: o.apiServers && { link: CABLE, addresses: o.apiServers },
    paths,
    plugins: o.cniPlugins,
    sandboxes: async () => new Set((await runtime.cri.sandboxes()).map(({ id }) => id)),
    inspection,
  });
  const backend = backendOf(o.proxyMode, { world, commands });
  const proxy = startKubeProxy({
    world,
    client: clientOf('kube-proxy'),
    nodeName: node.name,
    backend,
    services,
    commands,
    // Source: KubeProxyConfiguration healthzBindAddress, metricsBindAddress.
    doors: { healthz: { host: '0.0.0.0', port: 10_256 }, metrics: { host: '127.0.0.1', port: 10_249 } },
    inspection,
  });
  const kubelet = startKubelet({
    world,
    id: o.id,
    client,
    disk: volumes.disk,
    door: (of) =>
      startKubeletDoor({
        world,
        client,
        node: of,
        configuration,
        root: paths.kubelet,
        addresses: () => kubelet.node()?.status?.addresses ?? [],
        inspection,
      }),
    handlers: createHandlers(world, runtime),
    staticPods: (host) => startStaticPods(paths.manifests, host),
    kernel: { appArmor: await hasAppArmor() },
    runtime: {
      ...runtime,
      ...countStarts({
        ...runtime,
        ...servedPods(
          world,
          admitting(runtime, () => network),
          proxy.ready,
        ),
      }),
      setPodCIDR: (cidr) => {
        const all = kubelet.node()?.spec?.podCIDRs ?? [cidr];
        runtime.setPodCIDR(all.join(','));
        o.onPodCIDRs?.(all);
      },
    },
    bus,
    node,
    machine,
    housekeeping: housekeeping({
      runtime,
      mounted: volumes.disk.mountedOf,
      volumeImages: volumes.images,
      pruneImages: told.prune,
    }),
    inspection,
    metrics,
  });
  const certificates = startCertificates({ world, client, nodeName: node.name, root: paths.kubelet, metrics, inspection }); // prettier-ignore
  const endRotation = rotateLogs({ world, logs: () => runtime.runs.logs(), reopen: (id) => runtime.cri.reopenLog(id) });
  return {
    name: 'kubelet',
    id: o.id,
    ready: Promise.all([kubelet.ready, network.ready]).then(() => undefined),
    state: () => kubelet.state(),
    async stop() {
      endRotation();
      await certificates.stop();
      await kubelet.stop();
      await network.stop();
      await proxy.stop();
      if (o.isWholeMachine) await backend.remove(AbortSignal.timeout(REMOVAL_MS)).catch(() => undefined);
      services.stop();
      told.stop();
      inspection.close();
    },
  };
}
/** ms */
const REMOVAL_MS = 5_000;
const architecture = (): 'amd64' | 'arm64' => (process.arch === 'arm64' ? 'arm64' : 'amd64');

/** No pod begins without it, and no registry has it. */
async function havePause(runtime: CriRuntime): Promise<void> {
  if ((await runtime.findImage?.(PAUSE_IMAGE)) !== undefined) return;
  const archive = pauseArchive(architecture());
  const pieces = (async function* () {
    yield archive;
  })();
  await runtime.loadImages?.(pieces, { names: [PAUSE_IMAGE] }, AbortSignal.timeout(60_000));
}
