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

/** What evaluations of one request share. */
type Shared = Pick<Bindings, 'authorizer' | 'giveWay'>;
export interface PolicyGround extends AdmissionContext {
  readonly equivalents: Equivalents;
  readonly notes: PolicyNotes;
  /** Compiled once for each state of a policy. */
  readonly validatorOf: (policy: ValidatingAdmissionPolicy, a: AdmissionAttributes) => Promise<{ validator: Validator; shared: Shared }>;
  readonly mutatorOf: (policy: MutatingAdmissionPolicy, a: AdmissionAttributes) => Promise<{ mutator: Mutator; shared: Shared }>;
} // prettier-ignore

/** In kube-apiserver's order; webhooks stand behind each. */
export function createPolicies(context: AdmissionContext): {
  readonly mutating: AdmissionPlugin;
  readonly validating: AdmissionPlugin;
} {
  const validators = new WeakMap<object, Validator | Promise<Validator>>();
  const mutators = new WeakMap<object, Mutator | Promise<Mutator>>();
  /** One for one request and phase: it remembers what it was answered. */
  const phases = new WeakMap<AdmissionAttributes, Shared>();
  const sharedOf = async (a: AdmissionAttributes): Promise<Shared> => {
    let known = phases.get(a);
    if (known === undefined) {
      const { authorizerOf } = await import('../dynamic/expressions.ts');
      known = { authorizer: authorizerOf(a, context.authorizer), giveWay: givesWay(context.world.clock) };
      phases.set(a, known);
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
      return { validator: await validator, shared: await sharedOf(a) };
    },
    async mutatorOf(policy, a) {
      const { Mutator: Made } = await import('./mutator.ts');
      let mutator = mutators.get(policy);
      if (mutator === undefined)
        mutators.set(policy, (mutator = inSteps(Made.of(policy), givesWay(context.world.clock))));
      return { mutator: await mutator, shared: await sharedOf(a) };
    },
  };
  const { metrics } = context;
  return {
    mutating: mutatingPolicies({ ...ground, notes: policyNotes(metrics, 'mutating') }),
    validating: validatingPolicies({ ...ground, notes: policyNotes(metrics, 'validating') }),
  };
}
