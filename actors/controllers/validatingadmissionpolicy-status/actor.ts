import type { ValidatingAdmissionPolicy } from '../../../schemas/generated/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { customResourceDefinitions } from '../../runtime/kinds.ts';
import { awaitsCheck, policies as policiesResource, reconcile } from './reconcile.ts';

/** Says in the status of each policy which of its expressions do not fit the kinds that it is for. */
export function startValidatingAdmissionPolicyStatus(deps: ControllerDeps): Controller {
  const client = deps.client('controller:validatingadmissionpolicy-status');
  const policies = deps.informers.for<ValidatingAdmissionPolicy>(policiesResource);
  return startController({
    name: 'validatingadmissionpolicy-status',
    ...deps,
    client,
    sources: [source(policies, (policy) => (awaitsCheck(policy) ? [policy.metadata.name!] : []))],
    async sync({ key, now, signal, execute }) {
      const policy = policies.get(key);
      if (!policy || !awaitsCheck(policy)) return;
      // The compiler and the schemas of all kinds are no load for clusters without policies.
      const { expressionWarnings } = await import('../../../schemas/admissionregistration/type-checking.ts');
      // Large, and needed once for each policy: not kept.
      const { items: known } = await deps.informers.client.list<CustomResourceDefinition>(customResourceDefinitions, {
        signal,
      });
      const { intents } = reconcile({ policy, warningsOf: ({ spec }) => expressionWarnings(spec ?? {}, known, now) });
      await execute(intents);
    },
  });
}
