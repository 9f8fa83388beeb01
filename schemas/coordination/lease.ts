import { defineResource } from '../define.ts';
import type { Lease } from '../generated/coordination-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { forbidden, invalid } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';

const STRATEGIES = ['OldestEmulationVersion'];

export const lease = defineResource<Lease>({
  group: 'coordination.k8s.io', version: 'v1', resource: 'leases',
  anyFinalizers: true,
  allowCreateOnUpdate: true,
  requiresResourceVersionOnUpdate: true,

  /** Fields of coordinated leader election, which is off by default. */
  prepareForCreate(draft) {
    delete draft.spec?.strategy;
    delete draft.spec?.preferredHolder;
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.spec?.strategy === undefined) delete draft.spec?.strategy;
    if (old.spec?.preferredHolder === undefined) delete draft.spec?.preferredHolder;
    return draft;
  },

  /** Source: pkg/apis/coordination/validation ValidateLeaseSpec. */
  *validate({ spec = {} }, path) {
    const at = path('spec');
    const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy } = spec;
    if (duration !== undefined && duration <= 0) yield invalid(at('leaseDurationSeconds'), duration, 'must be greater than 0');
    if (transitions !== undefined && transitions < 0) yield invalid(at('leaseTransitions'), transitions, 'must be greater than or equal to 0');
    if (strategy !== undefined) {
      const here = at('strategy')('strategy');
      if (strategy.includes('/')) yield* problems(qualifiedName(strategy), strategy, here);
      else if (!STRATEGIES.includes(strategy)) yield notOneOf(strategy, STRATEGIES, here);
    }
    if (spec.preferredHolder && !strategy) yield forbidden(at('preferredHolder'), 'may only be specified if `strategy` is defined');
  },

  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.holderIdentity ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
