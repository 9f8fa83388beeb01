import { defineResource, type Errors } from '../define.ts';
import type {
  LimitedPriorityLevelConfiguration, PriorityLevelConfiguration, PriorityLevelConfigurationSpec, QueuingConfiguration,
} from '../generated/flowcontrol-v1.ts'; // prettier-ignore
import { notOneOf } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { validateConditionTypes } from './flow-schema.ts';
import { mandatorySpec } from './mandatory.ts';

const DEFAULT_QUEUES = 64;
const DEFAULT_HAND_SIZE = 8;
const DEFAULT_QUEUE_LENGTH = 50;
const DEFAULT_SHARES = 30;
const MAX_QUEUES = 10_000_000;
/** Source: apiserver pkg/util/shufflesharding MaxHashBits. */
const MAX_HASH_BITS = 60;
const PRESERVE_ZERO = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

export const priorityLevelConfiguration = defineResource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: 'prioritylevelconfigurations',
  metadataChecks: ['whole'],

  defaults(draft) {
    const { exempt, limited } = draft.spec ?? {};
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0;
      exempt.lendablePercent ??= 0;
    }
    if (limited) {
      limited.nominalConcurrencyShares ??= DEFAULT_SHARES;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (queuing) {
        queuing.queues ||= DEFAULT_QUEUES;
        queuing.handSize ||= DEFAULT_HAND_SIZE;
        queuing.queueLengthLimit ||= DEFAULT_QUEUE_LENGTH;
      }
    }
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },

  *validate({ metadata, spec, status }, at) {
    const name = metadata.name ?? '';
    if (Object.hasOwn(metadata.annotations ?? {}, PRESERVE_ZERO)) yield forbidden(at('metadata')('annotations'), `annotation '${PRESERVE_ZERO}' is forbidden`);
    yield* validateSpec(name, spec ?? ({}), at('spec'));
    const fixed = mandatorySpec('PriorityLevelConfiguration', name) as PriorityLevelConfigurationSpec | undefined;
    if (fixed !== undefined) {
      const isExempt = name === 'exempt';
      if (!equal(isExempt ? { ...spec, exempt: fixed.exempt } : spec, fixed))
        yield invalid(at('spec'), goStruct(spec, 'io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec'), isExempt ? "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value" : `spec of '${name}' must equal the fixed value`);
    }
    yield* validateConditionTypes(status?.conditions ?? [], at('status')('conditions'));
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateConditionTypes(status?.conditions ?? [], at('status')('conditions'));
  },

  cells({ metadata, spec }, now) {
    const limited = spec?.limited;
    const queuing = limited?.limitResponse?.queuing;
    return [
      metadata.name ?? '', spec?.type ?? '', limited ? (limited.nominalConcurrencyShares ?? 0) : '<none>', queuing?.queues ?? '<none>',
      queuing?.handSize ?? '<none>', queuing?.queueLengthLimit ?? '<none>', age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore

/** Source: pkg/apis/flowcontrol/validation ValidatePriorityLevelConfigurationSpec. */
function* validateSpec(name: string, { type = '', exempt, limited }: Partial<PriorityLevelConfigurationSpec>, at: FieldPath): Errors {
  if ((name === 'exempt') !== (type === 'Exempt')) yield invalid(at('type'), type, "must be 'Exempt' if and only if `name` is 'exempt'");
  if (type === 'Exempt') {
    if (limited) yield forbidden(at('limited'), 'must be nil if the type is not Limited');
    if (exempt) yield* validateShares(exempt, at('exempt'));
  } else if (type === 'Limited') {
    if (exempt) yield forbidden(at('exempt'), 'must be nil if the type is Limited');
    if (!limited) yield required(at('limited'), 'must not be empty when type is Limited');
    else yield* validateLimited(limited, at('limited'));
  } else if (type === '') yield required(at('type'));
  else yield notOneOf(type, ['Exempt', 'Limited'], at('type'));
} // prettier-ignore
type Shares = Pick<LimitedPriorityLevelConfiguration, 'nominalConcurrencyShares' | 'lendablePercent'>;
function* validateShares({ nominalConcurrencyShares: shares, lendablePercent: percent }: Shares, at: FieldPath): Errors {
  yield* validateNominal(shares, at);
  if (percent !== undefined && (percent < 0 || percent > 100)) yield invalid(at('lendablePercent'), percent, 'must be between 0 and 100, inclusive');
} // prettier-ignore
function* validateNominal(shares: number | undefined, at: FieldPath): Errors {
  if ((shares ?? 0) < 0) yield invalid(at('nominalConcurrencyShares'), shares, 'must be a non-negative integer');
}
function* validateLimited(limited: LimitedPriorityLevelConfiguration, at: FieldPath): Errors {
  yield* validateNominal(limited.nominalConcurrencyShares, at);
  const { type = '', queuing } = limited.limitResponse ?? {};
  const here = at('limitResponse');
  if (type === 'Reject') {
    if (queuing) yield forbidden(here('queuing'), 'must be nil if limited.limitResponse.type is not Limited');
  } else if (type === 'Queue') {
    if (queuing) yield* validateQueuing(queuing, here('queuing'));
    else yield required(here('queuing'), 'must not be empty if limited.limitResponse.type is Limited');
  } else if (type === '') yield required(here('type'));
  else yield notOneOf(type, ['Queue', 'Reject'], here('type'));
  yield* validateShares({ lendablePercent: limited.lendablePercent }, at);
  const borrowing = limited.borrowingLimitPercent;
  if ((borrowing ?? 0) < 0)
    yield invalid(at('borrowingLimitPercent'), borrowing, 'if specified, must be a non-negative integer');
}
function* validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration, at: FieldPath): Errors {
  if (queueLengthLimit <= 0) yield invalid(at('queueLengthLimit'), queueLengthLimit, 'must be positive');
  if (queues <= 0) yield invalid(at('queues'), queues, 'must be positive');
  else if (queues > MAX_QUEUES) yield invalid(at('queues'), queues, `must not be greater than ${MAX_QUEUES}`);
  if (handSize <= 0) yield invalid(at('handSize'), handSize, 'must be positive');
  else if (handSize > queues) yield invalid(at('handSize'), handSize, `should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > MAX_HASH_BITS)
    yield invalid(at('handSize'), handSize, `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`);
} // prettier-ignore
