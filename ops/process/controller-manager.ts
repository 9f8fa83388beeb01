import { startBootstrapSigner } from '../../actors/controllers/bootstrap-signer/actor.ts';
import { startClusterRoleAggregation } from '../../actors/controllers/clusterrole-aggregation/actor.ts';
import { startCronJobController } from '../../actors/controllers/cronjob/actor.ts';
import { startDaemonSetController } from '../../actors/controllers/daemonset/actor.ts';
import { startDeploymentController } from '../../actors/controllers/deployment/actor.ts';
import { startDeviceTaintEviction } from '../../actors/controllers/device-taint-eviction/actor.ts';
import { startDisruptionController } from '../../actors/controllers/disruption/actor.ts';
import { startEndpointController } from '../../actors/controllers/endpoint/actor.ts';
import { startEndpointSliceController } from '../../actors/controllers/endpointslice/actor.ts';
import { startEndpointSliceMirroring } from '../../actors/controllers/endpointslicemirroring/actor.ts';
import { startGarbageCollector } from '../../actors/controllers/garbage-collector/actor.ts';
import { startHorizontalPodAutoscaler } from '../../actors/controllers/horizontal-pod-autoscaler/actor.ts';
import { startJobController } from '../../actors/controllers/job/actor.ts';
import { startLegacyTokenCleaner } from '../../actors/controllers/legacy-serviceaccount-token-cleaner/actor.ts';
import { startNamespaceController } from '../../actors/controllers/namespace/actor.ts';
import { startNodeIpam } from '../../actors/controllers/node-ipam/actor.ts';
import { planOf, type NodeMasks } from '../../actors/controllers/node-ipam/allocator.ts';
import { startNodeLifecycleController } from '../../actors/controllers/node-lifecycle/actor.ts';
import { startNodeTtl } from '../../actors/controllers/node-ttl/actor.ts';
import { startPodGc } from '../../actors/controllers/pod-gc/actor.ts';
import { startCsrApproving } from '../../actors/controllers/csr-approving/actor.ts';
import { startCsrCleaner } from '../../actors/controllers/csr-cleaner/actor.ts';
import { startCsrSigning, type Signer } from '../../actors/controllers/csr-signing/actor.ts';
import { startEphemeralVolumeController } from '../../actors/controllers/ephemeral-volume/actor.ts';
import { startAttachDetachController } from '../../actors/controllers/persistentvolume-attach-detach/actor.ts';
import { startPersistentVolumeExpander } from '../../actors/controllers/persistentvolume-expander/actor.ts';
import { startVolumeAttributesClassProtection } from '../../actors/controllers/volumeattributesclass-protection/actor.ts';
import { startPersistentVolumeBinder } from '../../actors/controllers/persistentvolume-binder/actor.ts';
import { startPvProtection } from '../../actors/controllers/pv-protection/actor.ts';
import { startPvcProtection } from '../../actors/controllers/pvc-protection/actor.ts';
import { startReplicaSetController } from '../../actors/controllers/replicaset/actor.ts';
import { startReplicationController } from '../../actors/controllers/replicationcontroller/actor.ts';
import { startResourceClaimController } from '../../actors/controllers/resourceclaim/actor.ts';
import { startResourceQuotaController } from '../../actors/controllers/resourcequota/actor.ts';
import { startRootCaCertPublisher } from '../../actors/controllers/root-ca-cert-publisher/actor.ts';
import { startServiceCidrs } from '../../actors/controllers/service-cidrs/actor.ts';
import { startServiceAccountController } from '../../actors/controllers/serviceaccount/actor.ts';
import { startServiceAccountTokens, type IssueToken } from '../../actors/controllers/serviceaccount-token/actor.ts';
import { startStatefulSetController } from '../../actors/controllers/statefulset/actor.ts';
import { startTokenCleaner } from '../../actors/controllers/token-cleaner/actor.ts';
import { startTaintEviction } from '../../actors/controllers/taint-eviction/actor.ts';
import { startTtlAfterFinishedController } from '../../actors/controllers/ttl-after-finished/actor.ts';
import { startValidatingAdmissionPolicyStatus } from '../../actors/controllers/validatingadmissionpolicy-status/actor.ts';
import type { ReadRequest } from '../../actors/runtime/certificate-requests.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import type { ControllerDeps } from '../../actors/runtime/controller-deps.ts';
import type { Controller } from '../../actors/runtime/controller.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import { createInformers } from '../../actors/runtime/informer.ts';
import { createInspection } from '../../actors/runtime/inspection.ts';
import { startLeaderGroups } from '../../actors/runtime/leader-groups.ts';
import { presenceLiveness } from '../../actors/runtime/leader-liveness.ts';
import { leaderMetrics } from '../../actors/runtime/metrics/leaders.ts';
import { createRegistry } from '../../actors/runtime/metrics/registry.ts';
import { requestMetrics } from '../../actors/runtime/metrics/requests.ts';
import { serveMetrics } from '../../actors/runtime/metrics/serve.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { CONTROLLER_GROUPS, leaseOf } from './controller-names.ts';

export interface ControllerManagerOptions {
  readonly world: World;
  readonly bus: Bus;
  /** The id under which presence is announced: also the identity in the Lease. */
  readonly id: string;
  /** Where addresses of pods come from, and those of services, which are none for pods; undefined: as is usual. */
  readonly clusterCidrs?: readonly string[] | undefined;
  readonly nodeMasks?: NodeMasks | undefined;
  readonly serviceCidrs?: readonly string[] | undefined;
  /** PEM of the cluster's CA: the content of each namespace's kube-root-ca.crt. */
  readonly clusterCa: string;
  /** Signs approved certificate requests; undefined: nobody does. */
  readonly signer?: Signer | undefined;
  /** Signs service accounts' tokens that are kept in Secrets; undefined: there are none. */
  readonly issueToken?: IssueToken | undefined;
  /** Reads certificate requests; undefined: nobody approves any. */
  readonly readRequest?: ReadRequest | undefined;
}
type Starter = (deps: ControllerDeps, options: ControllerManagerOptions) => Controller;

/** Every controller by the name it has in callers and credentials. */
export const CONTROLLERS: Readonly<Record<string, Starter>> = {
  replicaset: startReplicaSetController,
  replicationcontroller: startReplicationController,
  daemonset: startDaemonSetController,
  statefulset: startStatefulSetController,
  job: startJobController,
  cronjob: startCronJobController,
  disruption: startDisruptionController,
  'ttl-after-finished': startTtlAfterFinishedController,
  deployment: startDeploymentController,
  'horizontal-pod-autoscaler': startHorizontalPodAutoscaler,
  namespace: startNamespaceController,
  serviceaccount: startServiceAccountController,
  endpointslice: startEndpointSliceController,
  endpoint: startEndpointController,
  endpointslicemirroring: startEndpointSliceMirroring,
  'service-cidrs': startServiceCidrs,
  'clusterrole-aggregation': startClusterRoleAggregation,
  resourcequota: startResourceQuotaController,
  'pod-gc': startPodGc,
  'node-lifecycle': startNodeLifecycleController,
  'node-ttl': startNodeTtl,
  'taint-eviction': startTaintEviction,
  'device-taint-eviction': startDeviceTaintEviction,
  resourceclaim: startResourceClaimController,
  'node-ipam': (deps, o) => startNodeIpam(deps, planOf(o.clusterCidrs, o.serviceCidrs, o.nodeMasks)),
  'csr-signing': (deps, o) => startCsrSigning(deps, o.signer),
  'csr-approving': (deps, o) => startCsrApproving(deps, o.readRequest),
  'csr-cleaner': startCsrCleaner,
  'token-cleaner': startTokenCleaner,
  'bootstrap-signer': startBootstrapSigner,
  'legacy-serviceaccount-token-cleaner': startLegacyTokenCleaner,
  'serviceaccount-token': (deps, o) => startServiceAccountTokens(deps, o.clusterCa, o.issueToken),
  'persistentvolume-binder': startPersistentVolumeBinder,
  'persistentvolume-expander': startPersistentVolumeExpander,
  'persistentvolume-attach-detach': startAttachDetachController,
  'ephemeral-volume': startEphemeralVolumeController,
  'volumeattributesclass-protection': startVolumeAttributesClassProtection,
  'pvc-protection': startPvcProtection,
  'pv-protection': startPvProtection,
  'root-ca-cert-publisher': (deps, o) => startRootCaCertPublisher(deps, o.clusterCa),
  'validatingadmissionpolicy-status': startValidatingAdmissionPolicyStatus,
  // Last: it shares the caches that the others have asked for.
  'garbage-collector': startGarbageCollector,
};

/**
 * Composition root of the controllers: one set of caches, a client and a name of its own for each controller, and a
 * leadership for each group of them; replicas share the groups among them, and all keep all caches warm.
 */
export function startControllerManager(o: ControllerManagerOptions): Component {
  const { world, bus, id } = o;
  const component = 'controller-manager';
  const inspection = createInspection({ world, bus, component, id });
  const metrics = createRegistry();
  const requests = requestMetrics(metrics, world.clock);
  const client = createApiClient(bus, world, 'controller-manager', requests);
  const informers = createInformers(client, world, inspection);
  const liveness = presenceLiveness(bus, world, component, id);
  const controllers = new Map<string, Controller>();

  const recorder = createEventRecorder({ client, world, component: 'kube-controller-manager' });
  const groups = Object.entries(CONTROLLER_GROUPS);
  const leadership = startLeaderGroups({
    world,
    client,
    identity: id,
    liveness,
    inspection,
    recorder,
    isWarm: once(() => controllers.size > 0 && [...informers.all()].every((informer) => informer.hasSynced)),
    groups: groups.map(([group, members]) => {
      const each = (): Controller[] => members.flatMap((name) => controllers.get(name) ?? []);
      return {
        name: group,
        lease: leaseOf(group),
        onStarted: () => each().forEach((controller) => controller.activate()),
        onStopped: () => each().forEach((controller) => controller.deactivate()),
        onFinish: async () => void (await Promise.all(each().map((controller) => controller.finish()))),
      };
    }),
  });
  // In the order of the table: who shares the caches that others ask for comes after them.
  for (const [name, start] of Object.entries(CONTROLLERS)) {
    const [group = ''] = groups.find(([, members]) => (members as readonly string[]).includes(name)) ?? [];
    const deps: ControllerDeps = {
      world,
      id,
      informers,
      client: (caller) => createApiClient(bus, world, caller, requests),
      recorderFor: (own, source) => createEventRecorder({ client: own, world, component: source }),
      inspection,
      metrics,
      fence: () => leadership.fence(group),
      active: false,
    };
    controllers.set(name, start(deps, o));
  }

  leaderMetrics(metrics, () => groups.map(([group]) => [leaseOf(group), leadership.leads().includes(group)]));
  const others = (): string[] => liveness.alive().map((other) => other.id);
  const metricsDoor = serveMetrics({ bus, component, id, registry: metrics, others });

  let stopping: Promise<void> | undefined;
  return {
    name: component,
    id,
    ready: leadership.ready,
    state: () => leadership.state(),
    stop: () =>
      (stopping ??= (async () => {
        await Promise.all([...controllers.values()].map((controller) => controller.stop()));
        await leadership.stop();
        liveness.stop();
        recorder.stop();
        metricsDoor.unsubscribe();
        informers.stop();
        inspection.close();
      })()),
  };
}
/** Once true, always true. */
function once(condition: () => boolean): () => boolean {
  let met = false;
  return () => (met ||= condition());
}
