import { join } from 'node:path';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import type { Informer } from '../../actors/runtime/informer.ts';
import type { Registry } from '../../actors/runtime/metrics/registry.ts';
import { runtimeClasses, serviceAccounts } from '../../actors/runtime/resources.ts';
import type { World } from '../../bus/world.ts';
import type { Commands } from '../../node-agent/host/commands.ts';
import type { NodePaths } from '../../node-agent/host/paths.ts';
import { createPodEnvironment, type PodEnvironmentOptions } from '../../node-agent/kubelet/environment/environment.ts';
import type { AccountTokens } from '../../node-agent/kubelet/account-tokens.ts';
import { credentialProviders, type CredentialProviderFlags } from '../../node-agent/kubelet/credential-providers/providers.ts'; // prettier-ignore
import type { KubeletConfiguration } from '../../node-agent/kubelet/node/configuration.ts';
import { createPulls, type Pulls } from '../../node-agent/kubelet/pull-secrets/pulls.ts';
import { PullRecords } from '../../node-agent/kubelet/pull-secrets/records.ts';
import { createTurns } from '../../node-agent/kubelet/pull-secrets/turns.ts';
import { verification } from '../../node-agent/kubelet/pull-secrets/verification.ts';
import type { References } from '../../node-agent/kubelet/references.ts';
import { nodeDns } from '../../node-agent/network/dns-of-node.ts';
import type { ClusterDns } from '../../node-agent/network/pod-dns.ts';
import type { CriImage } from '../../node-agent/runtime/cri/messages.ts';
import type { PodEnvironment } from '../../node-agent/runtime/cri/parts.ts';
import { volumeFolder } from '../../node-agent/volumes/layout.ts';
import type { Service, ServiceAccount } from '../../schemas/generated/core-v1.ts';
import type { RuntimeClass } from '../../schemas/generated/node-v1.ts';

/** What the containers of a real node are told, and with whose credentials their images are pulled. */
export async function realNodeEnvironment(
  o: Pick<PodEnvironmentOptions, 'nodeIPs' | 'allocatable' | 'clusterDomain'> & {
    readonly world: World;
    readonly client: ApiClient;
    readonly node: string;
    readonly commands: Commands;
    readonly metrics: Registry;
    readonly configuration: KubeletConfiguration;
    readonly tokens: AccountTokens;
    readonly credentialProviders: CredentialProviderFlags | undefined;
    readonly paths: NodePaths;
    readonly references: References;
    readonly services: Pick<Informer<Service>, 'get' | 'all' | 'synced' | 'hasSynced'>;
  },
): Promise<{
  readonly environment: PodEnvironment;
  readonly pulls: Pulls;
  /** What the runtime has now. */
  settle(images: readonly CriImage[]): Promise<void>;
  /** What is kept of images other than these, and is older, goes. */
  prune(ids: readonly string[], before: number): Promise<void>;
  stop(): void;
}> {
  const { world, client, paths, references, services } = o;
  const recorder = createEventRecorder({ client, world, component: 'kubelet', host: o.node });
  const clusterDns = (): ClusterDns => {
    const address = services.get(DNS_SERVICE)?.spec?.clusterIP;
    return { servers: address && address !== 'None' ? [address] : [], domain: o.clusterDomain };
  };
  const environment = createPodEnvironment({
    ...o,
    dnsOf: nodeDns({ recorder, node: o.node, cluster: clusterDns }).dnsOf,
    runtimeClass: (name, signal) => client.get<RuntimeClass>(runtimeClasses, name, undefined, { signal }),
    configMap: (pod, name, signal) => references.get('configmap', pod, name, signal),
    secret: (pod, name, signal) => references.get('secret', pod, name, signal),
    // Files of variables are in no other sort of volume.
    volumePath: ({ metadata, spec }, name) =>
      spec?.volumes?.find((volume) => volume.name === name)?.emptyDir === undefined
        ? undefined
        : volumeFolder(paths.pods, metadata.uid!, 'kubernetes.io/empty-dir', name),
  });
  const { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: allowed } =
    o.configuration;
  const records = await PullRecords.open(world, join(paths.state, 'image_manager'), verification(policy, allowed));
  const pulls = createPulls({
    world,
    records,
    secret: (pod, name, signal) => references.get('secret', pod, name, signal),
    configs: [paths.kubelet, paths.root].map((folder) => join(folder, 'config.json')),
    provided: await credentialProviders({
      ...o.credentialProviders,
      ...o,
      accounts: {
        get: (namespace, name) => client.get<ServiceAccount>(serviceAccounts, name, namespace),
        token: async (pod, _account, audience) => (await o.tokens.get(pod, audience, TOKEN_SECONDS)).token,
      },
    }),
    turns: createTurns(world, o.configuration),
    tell: (pod, reason, message) => recorder.event(pod, 'Warning', reason, message),
  });
  return {
    environment,
    pulls,
    settle: (images) =>
      records.settle(images.map(({ id, repoTags, repoDigests }) => ({ id, names: [...repoTags, ...repoDigests] }))),
    prune: (ids, before) => records.prune(ids, before),
    stop: () => recorder.stop(),
  };
}
/** Of what is not said how long it should be good. Source: TokenRequestSpec expirationSeconds. */
const TOKEN_SECONDS = 3_600;
/** By which name servers of clusters are found. */
const DNS_SERVICE = 'kube-system/kube-dns';
