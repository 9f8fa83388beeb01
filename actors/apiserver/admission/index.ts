/**
 * The admission chain: `createAdmission(options)` returns the plugins in kube-apiserver's order (plugins.go,
 * AllOrderedPlugins); the pipeline calls `mutate` of each and later `validate` of each. Those marked `off` run only when
 * enabled by name.
 */
import { aggregate } from '../../../schemas/meta/aggregate.ts';
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
import { type AdmissionContext } from './common.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { deviceAccess } from './device-access.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-anti-affinity.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceAutoProvision } from './namespace-autoprovision.ts';
import { namespaceExists } from './namespace-exists.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermission } from './owner-references.ts';
import { createPolicies } from './policies/index.ts';
import { podNodeSelector } from './pod-node-selector.ts';
import { nodeDeclaredFeatureValidator, podResizeValidator } from './pod-resize.ts';
import { podTolerationRestriction } from './pod-toleration-restriction.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { createWebhooks } from './webhooks/index.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export type { AdmissionContext } from './common.ts';

/** Two plugins have their ground in common. */
function once<T>(make: (context: AdmissionContext) => T): (context: AdmissionContext) => T {
  const known = new WeakMap<AdmissionContext, { readonly made: T }>();
  return (context) => {
    let found = known.get(context);
    if (found === undefined) known.set(context, (found = { made: make(context) }));
    return found.made;
  };
}
const webhooksOf = once(createWebhooks);
const policiesOf = once(createPolicies);
interface Slot {
  readonly name: string;
  readonly make: (context: AdmissionContext) => AdmissionPlugin;
  readonly off?: true;
}
const ORDER: readonly Slot[] = [
  { name: 'NamespaceAutoProvision', make: namespaceAutoProvision, off: true },
  { name: 'NamespaceLifecycle', make: namespaceLifecycle },
  { name: 'NamespaceExists', make: namespaceExists, off: true },
  { name: 'LimitPodHardAntiAffinityTopology', make: limitPodHardAntiAffinityTopology, off: true },
  { name: 'LimitRanger', make: limitRanger },
  { name: 'ServiceAccount', make: serviceAccount },
  { name: 'NodeRestriction', make: nodeRestriction },
  { name: 'TaintNodesByCondition', make: taintNodesByCondition },
  { name: 'AlwaysPullImages', make: alwaysPullImages, off: true },
  { name: 'PodSecurity', make: podSecurity },
  { name: 'PodNodeSelector', make: podNodeSelector, off: true },
  { name: 'Priority', make: priority },
  { name: 'DefaultTolerationSeconds', make: defaultTolerationSeconds },
  { name: 'PodTolerationRestriction', make: podTolerationRestriction, off: true },
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
  { name: 'NodeDeclaredFeatureValidator', make: nodeDeclaredFeatureValidator },
  { name: 'PodResizeValidator', make: podResizeValidator },
  { name: 'MutatingAdmissionPolicy', make: (context) => policiesOf(context).mutating },
  { name: 'MutatingAdmissionWebhook', make: (context) => webhooksOf(context).mutating },
  { name: 'ValidatingAdmissionPolicy', make: (context) => policiesOf(context).validating },
  { name: 'ValidatingAdmissionWebhook', make: (context) => webhooksOf(context).validating },
  { name: 'ResourceQuota', make: resourceQuota },
  { name: 'AlwaysDeny', make: alwaysDeny, off: true },
];
/**
 * Known to kube-apiserver and without effect: AlwaysAdmit by its nature, the others because the features that they
 * guard (ClusterTrustBundle, GenericWorkload, WorkloadWithJob) are off by default there and not built here. Naming them is no error.
 */
const KNOWN = [
  'AlwaysAdmit', 'ClusterTrustBundleAttest', 'PodGroupProtection', 'PodGroupWorkloadExists', 'JobValidation',
]; // prettier-ignore
/** Of no use without a configuration file of their own, which nothing reads here: off by default, enabling them is refused. */
const UNCONFIGURED = ['EventRateLimit', 'ImagePolicyWebhook'];

export interface AdmissionOptions extends AdmissionContext {
  readonly authorizer: ClusterAuthorizer;
  readonly enabled?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
}
/** Thrown: Error naming a plugin that does not exist or cannot be enabled. */
export function createAdmission(options: AdmissionOptions): readonly AdmissionPlugin[] {
  const { enabled = [], disabled = [] } = options;
  checkPlugins(enabled, disabled);
  const chosen = ORDER.filter(
    (slot) => !disabled.includes(slot.name) && (slot.off === undefined || enabled.includes(slot.name)),
  );
  return [
    createEscalationCheck(options.authorizer),
    certificateRequester(),
    deviceAccess(options, options.authorizer),
    ...chosen.map((slot) => slot.make(options)),
  ];
}
/**
 * Thrown: Error, in the real server's words. A plugin may be named by either list, not by both.
 * Source: kubernetes pkg/kubeapiserver/options/admission.go, apiserver pkg/server/options/admission.go Validate.
 */
export function checkPlugins(enabled: readonly string[], disabled: readonly string[]): void {
  const names = new Set([...ORDER.map((slot) => slot.name), ...KNOWN, ...UNCONFIGURED]);
  const strange = (flag: string, given: readonly string[]): string[] =>
    given.filter((name) => !names.has(name)).map((name) => `${flag} plugin ${JSON.stringify(name)} is unknown`);
  const errors = [...strange('enable-admission-plugins', enabled), ...strange('disable-admission-plugins', disabled)];
  const both = [...new Set(enabled.filter((name) => disabled.includes(name)))].sort();
  if (both.length > 0)
    errors.push(`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  for (const name of enabled.filter((plugin) => UNCONFIGURED.includes(plugin)))
    errors.push(`enable-admission-plugins plugin ${JSON.stringify(name)} needs a configuration file, and none is read`);
  if (errors.length > 0) throw new Error(aggregate(errors));
}
