import type {
  Container,
  EphemeralContainer,
  LifecycleHandler,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
  Volume,
} from '../generated/core-v1.ts';
import type { Quantity } from '../generated/api-resource.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { quantityMilli, quantityOfMilli } from '../meta/quantity.ts';
import { defaultPullPolicy } from './image.ts';

/**
 * Defaults of a pod spec wherever it stands, in a Pod or in a template. Source: pkg/apis/core/v1/defaults.go
 * SetDefaults_PodSpec, SetDefaults_Container, SetDefaults_Volume, SetDefaults_Probe and the source defaults.
 */
export function defaultPodSpec(spec: PodSpec): PodSpec {
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.restartPolicy ??= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ??= 'default-scheduler';
  // The older name of the same field follows it. Source: pkg/apis/core/v1 Convert_core_PodSpec_To_v1_PodSpec.
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  // Null when the client gave none: validation says so.
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  roundUp(spec.resources);
  if (spec.overhead) roundUpList(spec.overhead);
  return spec;
}
const INIT_CONTAINERS = ['init-containers', 'init-container-statuses'].flatMap((n) => [
  `pod.beta.kubernetes.io/${n}`,
  `pod.alpha.kubernetes.io/${n}`,
]);
/** What init containers were before they had a field. Source: pkg/apis/core/v1 dropInitContainerAnnotations. */
export function dropInitContainerAnnotations(metadata: ObjectMeta | undefined): void {
  const annotations = metadata?.annotations;
  if (!annotations || !INIT_CONTAINERS.some((key) => key in annotations)) return;
  for (const key of INIT_CONTAINERS) delete annotations[key];
  if (Object.keys(annotations).length === 0) delete metadata.annotations;
}
export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  dropInitContainerAnnotations(template?.metadata);
  if (template?.spec) defaultPodSpec(template.spec);
}
export function defaultContainer(container: Container | EphemeralContainer): void {
  container.resources ??= {};
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.imagePullPolicy ??= defaultPullPolicy(container.image);
  for (const port of container.ports ?? []) port.protocol ??= 'TCP';
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ??= 'v1';
    if (variable.valueFrom?.fileKeyRef) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
  roundUp(container.resources);
}
function defaultProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHandler(probe);
  if (probe.grpc) probe.grpc.service ??= '';
}
function defaultHandler(handler: Pick<LifecycleHandler, 'httpGet'> | undefined): void {
  if (!handler?.httpGet) return;
  handler.httpGet.path ??= '/';
  handler.httpGet.scheme ??= 'HTTP';
}

/** Source: pkg/apis/core/v1 SecretVolumeSourceDefaultMode and its like: 0644. */
const DEFAULT_MODE = 0o644;
function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= DEFAULT_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= DEFAULT_MODE;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ??= defaultPullPolicy(volume.image.reference);
  if (volume.iscsi) volume.iscsi.iscsiInterface ??= 'default';
  if (volume.azureDisk) volume.azureDisk.readOnly ??= false;
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) {
    claim.volumeMode ??= 'Filesystem';
    roundUp(claim.resources);
  }
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= DEFAULT_MODE;
    for (const { fieldRef } of volume.downwardAPI.items ?? []) if (fieldRef) fieldRef.apiVersion ??= 'v1';
  }
  if (!volume.projected) return;
  volume.projected.defaultMode ??= DEFAULT_MODE;
  for (const { serviceAccountToken, downwardAPI } of volume.projected.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= 3600;
    for (const { fieldRef } of downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ??= 'v1';
  }
}

/** Resources are kept to a thousandth. Source: SetDefaults_ResourceList. */
export function roundUp(resources: ResourceRequirements | undefined): void {
  if (resources?.limits) roundUpList(resources.limits);
  if (resources?.requests) roundUpList(resources.requests);
}
export function roundUpList(list: Record<string, Quantity>): void {
  for (const [name, quantity] of Object.entries(list)) {
    if (/[nu.]|[eE]-/.test(String(quantity))) list[name] = quantityOfMilli(quantityMilli(quantity));
  }
}
