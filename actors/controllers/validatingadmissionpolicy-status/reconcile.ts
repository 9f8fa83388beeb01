import type {
  ExpressionWarning,
  ValidatingAdmissionPolicy,
} from '../../../schemas/generated/admissionregistration-v1.ts';
import { apiVersionOf, type GroupVersionResource } from '../../../schemas/meta/object.ts';
import type { Decision } from '../../runtime/intent.ts';

const MANAGER = 'validatingadmissionpolicy-status';
export const policies: GroupVersionResource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingadmissionpolicies',
};
/** Whether nobody has looked at what the policy says now. */
export const awaitsCheck = ({ metadata, status }: ValidatingAdmissionPolicy): boolean =>
  (metadata.generation ?? 0) > (status?.observedGeneration ?? 0);

export interface Observed {
  readonly policy: ValidatingAdmissionPolicy;
  /** What is to be said of the policy's expressions. */
  readonly warningsOf: (policy: ValidatingAdmissionPolicy) => readonly ExpressionWarning[];
}
/**
 * Each generation of a policy is looked at once: its status says so, and what is wrong with its expressions.
 * Source: kubernetes pkg/controller/validatingadmissionpolicystatus.
 */
export function reconcile({ policy, warningsOf }: Observed): Decision {
  if (!awaitsCheck(policy)) return { intents: [] };
  const { generation, name } = policy.metadata;
  const expressionWarnings = warningsOf(policy);
  const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
  const patch = {
    apiVersion: apiVersionOf(policies),
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    status: { observedGeneration: generation, typeChecking },
  };
  return {
    intents: [
      {
        op: 'patch', gvr: policies, namespace: undefined, name: name!, type: 'apply', patch, subresource: 'status',
        fieldManager: MANAGER, force: true, tolerate: ['NotFound'],
      },
    ],
  }; // prettier-ignore
}
