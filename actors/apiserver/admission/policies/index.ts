/**
 * Admission by policies: `createPolicies(context)` gives the two plugins. Without a binding they cost a look at an empty
 * list; CEL is loaded when the first policy is asked.
 */
import type {
  MutatingAdmissionPolicy,
  ValidatingAdmissionPolicy,
} from '../../../../schemas/generated/admissionregistration-v1.ts';
import { inSteps } from '../../../../schemas/helpers/steps.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { givesWay } from '../../stages/gives-way.ts';
import type { AdmissionContext } from '../common.ts';
import type { Bindings } from '../dynamic/expressions.ts';
import { createEquivalents, type Equivalents } from '../dynamic/rules.ts';
import { mutatingPolicies } from './mutating.ts';
import type { Mutator } from './mutator.ts';
import { policyNotes, type PolicyNotes } from './notes.ts';
import { validatingPolicies } from './validating.ts';
import type { Validator } from './validator.ts';

type Authorizer = Bindings['authorizer'];
export interface PolicyGround extends AdmissionContext {
  readonly equivalents: Equivalents;
  readonly notes: PolicyNotes;
  /** Compiled once for each state of a policy. */
  readonly validatorOf: (policy: ValidatingAdmissionPolicy, a: AdmissionAttributes) => Promise<{ validator: Validator; authorizer: Authorizer }>;
  readonly mutatorOf: (policy: MutatingAdmissionPolicy, a: AdmissionAttributes) => Promise<{ mutator: Mutator; authorizer: Authorizer }>;
} // prettier-ignore

/** In kube-apiserver's order; webhooks stand behind each. */
export function createPolicies(context: AdmissionContext): {
  readonly mutating: AdmissionPlugin;
  readonly validating: AdmissionPlugin;
} {
  const validators = new WeakMap<object, Validator | Promise<Validator>>();
  const mutators = new WeakMap<object, Mutator | Promise<Mutator>>();
  /** One for one request and phase: it remembers what it was answered. */
  const authorizers = new WeakMap<AdmissionAttributes, Authorizer>();
  const authorizerOf = async (a: AdmissionAttributes): Promise<Authorizer> => {
    let known = authorizers.get(a);
    if (known === undefined) {
      const expressions = await import('../dynamic/expressions.ts');
      authorizers.set(a, (known = expressions.authorizerOf(a, context.authorizer)));
    }
    return known;
  };
  const ground: Omit<PolicyGround, 'notes'> = {
    ...context,
    equivalents: createEquivalents(context.registry),
    async validatorOf(policy, a) {
      const { Validator: Made } = await import('./validator.ts');
      let validator = validators.get(policy);
      if (validator === undefined)
        validators.set(policy, (validator = inSteps(Made.of(policy), givesWay(context.world.clock))));
      return { validator: await validator, authorizer: await authorizerOf(a) };
    },
    async mutatorOf(policy, a) {
      const { Mutator: Made } = await import('./mutator.ts');
      let mutator = mutators.get(policy);
      if (mutator === undefined)
        mutators.set(policy, (mutator = inSteps(Made.of(policy), givesWay(context.world.clock))));
      return { mutator: await mutator, authorizer: await authorizerOf(a) };
    },
  };
  const { metrics } = context;
  return {
    mutating: mutatingPolicies({ ...ground, notes: policyNotes(metrics, 'mutating') }),
    validating: validatingPolicies({ ...ground, notes: policyNotes(metrics, 'validating') }),
  };
}
