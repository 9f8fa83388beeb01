/**
 * The admission chain: `createAdmission(options)` returns the plugins in kube-apiserver's order (plugins.go,
 * AllOrderedPlugins); the pipeline calls `mutate` of each and later `validate` of each. Those marked `off` run only when
 * enabled by name.
 */
import { createEscalationCheck } from '../authorization/escalation.ts';
import type { ClusterAuthorizer } from '../authorization/authorizer.ts';
import type { AdmissionPlugin } from '../request.ts';
import { alwaysDeny } from './always-deny.ts';
import { alwaysPullImages } from './always-pull-images.ts';
import {
  certificateApproval,
  certificateRequester,
  certificateSigning,
  certificateSubjectRestriction,
} from './certificates.ts';
import type { AdmissionContext } from './common.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-anti-affinity.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceAutoProvision } from './namespace-autoprovision.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermission } from './owner-references.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export type { AdmissionContext } from './common.ts';

interface Slot {
  readonly name: string;
  readonly make: (context: AdmissionContext) => AdmissionPlugin;
  readonly off?: true;
}
const ORDER: readonly Slot[] = [
  { name: 'NamespaceAutoProvision', make: namespaceAutoProvision, off: true },
  { name: 'NamespaceLifecycle', make: namespaceLifecycle },
  { name: 'LimitPodHardAntiAffinityTopology', make: limitPodHardAntiAffinityTopology, off: true },
  { name: 'LimitRanger', make: limitRanger },
  { name: 'ServiceAccount', make: serviceAccount },
  { name: 'NodeRestriction', make: nodeRestriction },
  { name: 'TaintNodesByCondition', make: taintNodesByCondition },
  { name: 'AlwaysPullImages', make: alwaysPullImages, off: true },
  { name: 'PodSecurity', make: podSecurity },
  { name: 'Priority', make: priority },
  { name: 'DefaultTolerationSeconds', make: defaultTolerationSeconds },
  { name: 'ExtendedResourceToleration', make: extendedResourceToleration, off: true },
  { name: 'DefaultStorageClass', make: defaultStorageClass },
  { name: 'StorageObjectInUseProtection', make: storageObjectInUseProtection },
  { name: 'OwnerReferencesPermissionEnforcement', make: ownerReferencesPermission, off: true },
  { name: 'PersistentVolumeClaimResize', make: persistentVolumeClaimResize },
  { name: 'RuntimeClass', make: runtimeClass },
  { name: 'CertificateApproval', make: certificateApproval },
  { name: 'CertificateSigning', make: certificateSigning },
  { name: 'CertificateSubjectRestriction', make: certificateSubjectRestriction },
  { name: 'DefaultIngressClass', make: defaultIngressClass },
  { name: 'DenyServiceExternalIPs', make: denyServiceExternalIps, off: true },
  { name: 'PodTopologyLabels', make: podTopologyLabels },
  { name: 'ResourceQuota', make: resourceQuota },
  { name: 'AlwaysDeny', make: alwaysDeny, off: true },
];
/** Known to kube-apiserver, without effect here yet or only with features that are off: naming them is no error. */
const KNOWN = [
  'AlwaysAdmit', 'NamespaceExists', 'ImagePolicyWebhook', 'PodNodeSelector', 'PodTolerationRestriction', 'EventRateLimit',
  'PodGroupProtection', 'ClusterTrustBundleAttest', 'PodGroupWorkloadExists', 'NodeDeclaredFeatureValidator',
  'JobValidation', 'PodResizeValidator', 'MutatingAdmissionPolicy', 'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook',
]; // prettier-ignore

export interface AdmissionOptions extends AdmissionContext {
  readonly authorizer: ClusterAuthorizer;
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}
/** Thrown: Error naming a plugin that does not exist. */
export function createAdmission(options: AdmissionOptions): readonly AdmissionPlugin[] {
  const { enabled = [], disabled = [] } = options;
  const names = new Set([...ORDER.map((slot) => slot.name), ...KNOWN]);
  for (const name of [...enabled, ...disabled])
    if (!names.has(name)) throw new Error(`admission plugin ${JSON.stringify(name)} is unknown`);
  const chosen = ORDER.filter(
    (slot) => !disabled.includes(slot.name) && (slot.off === undefined || enabled.includes(slot.name)),
  );
  return [
    createEscalationCheck(options.authorizer),
    certificateRequester(),
    ...chosen.map((slot) => slot.make(options)),
  ];
}
