import { defineResource } from '../define.ts';
import type { CSIDriver } from '../generated/storage-v1.ts';
import { notOneOf } from '../helpers/checks.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { duplicate, invalid, required } from '../meta/field.ts';
import { age } from '../meta/time.ts';

const FS_GROUP = ['File', 'None', 'ReadWriteOnceWithFSType'];
const MODES = ['Persistent', 'Ephemeral'];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const MIN_UPDATE_SECONDS = 10;

export const csiDriver = defineResource<CSIDriver>({
  group: 'storage.k8s.io', version: 'v1', resource: 'csidrivers',
  deleteReturnsObject: true,
  requiresResourceVersionOnUpdate: true,
  // A new one has none; it begins with the first change.
  tracksGeneration: false,

  defaults(draft) {
    const spec = (draft.spec ??= {});
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
    return draft;
  },
  prepareForCreate(draft) {
    delete draft.spec.preventPodSchedulingIfMissing;
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.spec?.preventPodSchedulingIfMissing === undefined) delete draft.spec.preventPodSchedulingIfMissing;
    if (!equal(draft.spec, old.spec)) draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return draft;
  },

  /** Source: pkg/apis/storage/validation validateCSIDriverSpec. */
  *validate({ spec = {} }, path) {
    const at = path('spec');
    const { fsGroupPolicy: policy, tokenRequests = [], nodeAllocatableUpdatePeriodSeconds: period } = spec;
    if (policy !== undefined && !FS_GROUP.includes(policy)) yield notOneOf(policy, FS_GROUP, at('fsGroupPolicy'));
    const audiences = new Set<string>();
    for (const [i, { audience, expirationSeconds: seconds }] of tokenRequests.entries()) {
      const here = at('tokenRequests')(i);
      if (audiences.has(audience)) {
        yield duplicate(here('audience'), audience);
        continue;
      }
      audiences.add(audience);
      if (seconds === undefined) continue;
      if (seconds < MIN_TOKEN_SECONDS) yield invalid(here('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes');
      if (seconds > MAX_TOKEN_SECONDS) yield invalid(here('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds');
    }
    for (const mode of spec.volumeLifecycleModes ?? []) if (!MODES.includes(mode)) yield notOneOf(mode, MODES, at('volumeLifecycleModes'));
    if (spec.seLinuxMount === undefined) yield required(at('seLinuxMount'));
    if (period !== undefined && period < MIN_UPDATE_SECONDS)
      yield invalid(at('nodeAllocatableUpdatePeriodSeconds'), period, 'must be greater than or equal to 10 seconds');
    if (spec.serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0)
      yield invalid(at('serviceAccountTokenInSecrets'), spec.serviceAccountTokenInSecrets, 'serviceAccountTokenInSecrets is set but no tokenRequests are specified');
  },
  *validateUpdate({ spec }, old, at) {
    yield* immutable(spec?.attachRequired, old.spec?.attachRequired, at('spec')('attachedRequired'));
    yield* immutable(spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes, at('spec')('volumeLifecycleModes'));
  },

  warnings: ({ spec }, old) =>
    spec?.tokenRequests?.length && spec.serviceAccountTokenInSecrets === undefined && !(old && equal(spec.tokenRequests, old.spec?.tokenRequests))
      ? ['spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes']
      : [],

  cells({ metadata, spec }, now) {
    return [
      metadata.name ?? '', spec?.attachRequired ?? true, spec?.podInfoOnMount ?? false, spec?.storageCapacity ?? false,
      spec?.tokenRequests?.map((t) => t.audience).join() ?? '<unset>', spec?.requiresRepublish ?? false,
      (spec?.volumeLifecycleModes ?? []).join() || '<none>', age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore
