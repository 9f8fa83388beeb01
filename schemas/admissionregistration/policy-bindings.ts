import { defineResource, type Errors } from '../define.ts';
import type {
  MutatingAdmissionPolicyBinding,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from '../generated/admissionregistration-v1.ts';
import { problems } from '../helpers/checks.ts';
import { duplicate, invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain } from '../meta/names.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import {
  defaultMatchResources,
  oneOf,
  validateMatchResources,
  validateMutatingOperations,
  validateParamRef,
} from './rules.ts';

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const validatingAdmissionPolicyBinding = defineResource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingadmissionpolicybindings',
  metadataChecks: ['whole'],
  anyFinalizers: true,
  requiresResourceVersionOnUpdate: true,
  tracksGeneration: true,

  defaults(draft) {
    defaultMatchResources(draft.spec?.matchResources);
    return draft;
  },
  *validate({ spec = {} }, path) {
    const at = path('spec');
    yield* validateBinding(spec, at);
    const actions = (spec.validationActions ?? []) as readonly string[];
    const here = at('validationActions');
    for (const [i, action] of actions.entries()) {
      yield* oneOf(action, ACTIONS, here(i));
      if (actions.indexOf(action) < i) yield duplicate(here(i), action);
    }
    if (actions.includes('Deny') && actions.includes('Warn'))
      yield invalid(here, actions, 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)');
    if (actions.length === 0) yield required(here, 'at least one validation action is required');
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.policyName ?? '', shownParam(spec?.paramRef), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

export const mutatingAdmissionPolicyBinding = defineResource<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io', version: 'v1', resource: 'mutatingadmissionpolicybindings',
  metadataChecks: ['whole'],
  anyFinalizers: true,
  requiresResourceVersionOnUpdate: true,
  tracksGeneration: true,

  defaults(draft) {
    defaultMatchResources(draft.spec?.matchResources);
    return draft;
  },
  *validate({ spec = {} }, path) {
    const at = path('spec');
    yield* validateBinding(spec, at);
    yield* validateMutatingOperations(spec.matchResources, at('matchResources'));
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.policyName ?? '', shownParam(spec?.paramRef), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

type Spec = NonNullable<MutatingAdmissionPolicyBinding['spec']>;
function* validateBinding({ policyName, paramRef, matchResources }: Spec, at: FieldPath): Errors {
  if (!policyName) yield required(at('policyName'));
  else yield* problems(dnsSubdomain(policyName), policyName, at('policyName'));
  yield* validateParamRef(paramRef, at('paramRef'));
  yield* validateMatchResources(matchResources, at('matchResources'));
}
/** A parameter without a namespace may be of any: that is not known here. */
function shownParam(ref: ParamRef | undefined): string {
  if (ref?.name) return `${ref.namespace || '*'}/${ref.name}`;
  return ref?.selector ? formatSelector(ref.selector) : '<unset>';
}
