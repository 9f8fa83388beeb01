import { containerColumns } from '../core/container-columns.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { validatePodTemplate } from '../core/pod-template-validation.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';
import { defineResource, type Errors } from '../define.ts';
import type { DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy } from '../generated/apps-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { atMost100Percent, intOrPercent, intOrPercentValue, nonNegative } from '../meta/field-checks.ts';
import { invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { formatLabels, formatSelector, validateLabelSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { OLD_DEFAULTS } from './old-versions.ts';
import { immutableSelector, isEmpty, neverDecremented, selectorOrNothing, validateCounters, validateLongRunning, withZeroes } from './workload-validation.ts'; // prettier-ignore

/** Counts changes of the template; a field of the internal type, an annotation to clients. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const EMPTY_STATUS: DaemonSetStatus = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }; // prettier-ignore
const COUNTERS = ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount']; // prettier-ignore

export const daemonSet = defineResource<DaemonSet>({
  fieldAnnotations: [TEMPLATE_GENERATION],
  group: 'apps', version: 'v1', resource: 'daemonsets',
  oldDefaults: OLD_DEFAULTS,
  /** Source: pkg/apis/apps/v1 Convert_v1_DaemonSet_To_apps_DaemonSet. */
  unreadable({ metadata }) {
    const text = metadata.annotations?.[TEMPLATE_GENERATION];
    if (text === undefined || /^[+-]?\d+$/.test(text)) return undefined;
    return `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
  },

  /** Source: pkg/apis/apps/v1 SetDefaults_DaemonSet. */
  defaults(draft) {
    const spec = draft.spec!;
    defaultPodTemplate(spec.template);
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ??= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= 1;
      strategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    // What the internal field's zero looks like to clients.
    if (draft.metadata.annotations?.[TEMPLATE_GENERATION] === undefined) setTemplateGeneration(draft, 0);
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = { ...EMPTY_STATUS };
    setTemplateGeneration(draft, Math.max(1, Number(draft.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0) || 1));
    return draft;
  },
  /** Source: pkg/registry/apps/daemonset strategy.go. */
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = old.status ?? { ...EMPTY_STATUS };
    const before = Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);
    const isSame = sameStruct(draft.spec?.template, old.spec?.template, 'io.k8s.api.core.v1.PodTemplateSpec');
    setTemplateGeneration(draft, isSame ? before : before + 1);
    return draft;
  },
  prepareForStatusUpdate(draft, old) {
    setTemplateGeneration(draft, Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0));
    return draft;
  },

  /** Source: pkg/apis/apps/validation ValidateDaemonSetSpec. */
  *validate({ spec }, at) {
    const here = at('spec');
    const template = spec?.template ?? {};
    const labels = template.metadata?.labels;
    yield* validateLabelSelector(spec?.selector, here('selector'));
    if (selectorOrNothing(spec?.selector)?.matches(labels) === false)
      yield invalid(here('template')('metadata')('labels'), labels, '`selector` does not match template `labels`');
    if (spec?.selector && isEmpty(spec.selector)) yield invalid(here('selector'), spec.selector, 'empty selector is invalid for daemonset');
    yield* validatePodTemplate(template, here('template'));
    yield* validateLongRunning(template, 'DaemonSet', here('template'));
    yield* nonNegative(spec?.minReadySeconds, here('minReadySeconds'));
    yield* validateStrategy(spec?.updateStrategy ?? {}, here('updateStrategy'));
    yield* nonNegative(spec?.revisionHistoryLimit, here('revisionHistoryLimit'));
  },
  validateUpdate: immutableSelector,
  changesFirst: true,
  *validateStatusUpdate({ status }, old, at) {
    yield* validateCounters({ ...status }, COUNTERS, [], '', at('status'));
    yield* neverDecremented(status?.collisionCount, old.status?.collisionCount, at('status')('collisionCount'));
  },
  warnings: ({ spec }, old) => podTemplateWarnings(spec?.template, old?.spec?.template),

  cells({ metadata, spec, status }, now) {
    return [
      metadata.name ?? '', status?.desiredNumberScheduled ?? 0, status?.currentNumberScheduled ?? 0, status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0, status?.numberAvailable ?? 0, formatLabels(spec?.template?.spec?.nodeSelector),
      age(metadata.creationTimestamp, now), ...containerColumns(spec?.template?.spec), formatSelector(spec?.selector),
    ];
  },
}); // prettier-ignore

function setTemplateGeneration({ metadata }: DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}
function* validateStrategy(strategy: DaemonSetUpdateStrategy, at: FieldPath): Errors {
  const { type, rollingUpdate } = strategy;
  if ((type as string) === 'OnDelete') return;
  if ((type as string) !== 'RollingUpdate') {
    yield notSupported(at, goStruct(withZeroes(strategy), 'io.k8s.api.apps.v1.DaemonSetUpdateStrategy'), [
      'RollingUpdate',
      'OnDelete',
    ]);
    return;
  }
  const here = at('rollingUpdate');
  if (!rollingUpdate) {
    yield required(here);
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  yield* intOrPercent(maxUnavailable, here('maxUnavailable'));
  yield* intOrPercent(maxSurge, here('maxSurge'));
  yield* atMost100Percent(maxUnavailable, here('maxUnavailable'));
  yield* atMost100Percent(maxSurge, here('maxSurge'));
  const [unavailable, surge] = [intOrPercentValue(maxUnavailable), intOrPercentValue(maxSurge)];
  if (unavailable !== 0 && surge !== 0)
    yield invalid(here('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero');
  else if (unavailable === 0 && surge === 0) yield required(here('maxUnavailable'), 'cannot be 0 when maxSurge is 0');
}
