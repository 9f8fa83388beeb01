import { mutatingAdmissionPolicy, validatingAdmissionPolicy } from './admissionregistration/policies.ts';
import {
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicyBinding,
} from './admissionregistration/policy-bindings.ts';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
} from './admissionregistration/webhook-configurations.ts';
import { customResourceDefinition } from './apiextensions/custom-resource-definition.ts';
import { apiService } from './apiregistration/api-service.ts';
import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { lease } from './coordination/lease.ts';
import { endpointSlice } from './discovery/endpoint-slice.ts';
import { flowSchema } from './flowcontrol/flow-schema.ts';
import { priorityLevelConfiguration } from './flowcontrol/priority-level-configuration.ts';
import { ingressClass } from './networking/ingress-class.ts';
import { ingress } from './networking/ingress.ts';
import { ipAddress } from './networking/ip-address.ts';
import { networkPolicy } from './networking/network-policy.ts';
import { serviceCidr } from './networking/service-cidr.ts';
import { runtimeClass } from './node/runtime-class.ts';
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { clusterRoleBinding, roleBinding } from './rbac/role-binding.ts';
import { clusterRole, role } from './rbac/role.ts';
import { deviceClass } from './resource/device-class.ts';
import { resourceClaimTemplate } from './resource/resource-claim-template.ts';
import { resourceClaim } from './resource/resource-claim.ts';
import { resourceSlice } from './resource/resource-slice.ts';
import { priorityClass } from './scheduling/priority-class.ts';
import { csiDriver } from './storage/csi-driver.ts';
import { csiNode } from './storage/csi-node.ts';
import { csiStorageCapacity } from './storage/csi-storage-capacity.ts';
import { storageClass } from './storage/storage-class.ts';
import { volumeAttachment } from './storage/volume-attachment.ts';
import { volumeAttributesClass } from './storage/volume-attributes-class.ts';

/** Kinds of the groups beside core, apps and batch. */
export const platformDefinitions = [
  clusterRole, clusterRoleBinding, endpointSlice, ingress, ingressClass, ipAddress, lease, networkPolicy, podDisruptionBudget,
  priorityClass, role, roleBinding, runtimeClass, serviceCidr,
  csiDriver, csiNode, csiStorageCapacity, storageClass, volumeAttachment, volumeAttributesClass,
  horizontalPodAutoscaler,
  certificateSigningRequest,
  flowSchema, priorityLevelConfiguration,
  apiService, customResourceDefinition,
  mutatingAdmissionPolicy, mutatingAdmissionPolicyBinding, mutatingWebhookConfiguration, validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding, validatingWebhookConfiguration,
  deviceClass, resourceClaim, resourceClaimTemplate, resourceSlice,
]; // prettier-ignore
