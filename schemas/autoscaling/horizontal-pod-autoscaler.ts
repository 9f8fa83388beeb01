import { defineResource } from '../define.ts';
import type { HorizontalPodAutoscaler as V1 } from '../generated/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from '../generated/autoscaling-v2.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { age } from '../meta/time.ts';
import { defaultMetrics, hpaFromV1, hpaToV1 } from './hpa-v1.ts';
import { validateHpaSpec } from './hpa-validation.ts';

const PERIOD_SECONDS = 15;
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: PERIOD_SECONDS },
    { type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS },
  ],
};
const SCALE_DOWN: HPAScalingRules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS }],
};
const MAX_SHOWN = 2;

type Draft = HorizontalPodAutoscaler;
/** Drafts come in the version of the request. */
const isV1 = (o: { readonly apiVersion: string }): boolean => o.apiVersion === 'autoscaling/v1';
const asV2 = (object: Draft): Draft => (isV1(object) ? hpaFromV1(object) : object);
const noStatus = (draft: Draft): Draft['status'] =>
  (isV1(draft) ? { currentReplicas: 0, desiredReplicas: 0 } : { desiredReplicas: 0, currentMetrics: null }) as unknown as Draft['status']; // prettier-ignore

export const horizontalPodAutoscaler = defineResource<Draft>({
  group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers',
  tracksGeneration: false,

  /** Source: pkg/apis/autoscaling/v2, v1 SetDefaults_HorizontalPodAutoscaler. */
  defaults(draft) {
    const spec = draft.spec;
    spec.minReplicas ??= 1;
    if (isV1(draft)) return draft;
    if (!spec.metrics?.length) spec.metrics = defaultMetrics();
    if (spec.behavior) {
      spec.behavior.scaleUp = { ...structuredClone(SCALE_UP), ...spec.behavior.scaleUp };
      spec.behavior.scaleDown = { ...structuredClone(SCALE_DOWN), ...spec.behavior.scaleDown };
    }
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = noStatus(draft);
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? noStatus(draft);
    return draft;
  },

  *validate(object, at, old) {
    yield* validateHpaSpec(asV2(object).spec ?? ({} as NonNullable<Draft['spec']>), old && asV2(old).spec, at('spec'));
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* nonNegative(status?.currentReplicas, at('status')('currentReplicas'));
    yield* nonNegative(status?.desiredReplicas, at('status')('desiredReplicas'));
  },

  conversions: { 'autoscaling/v1': { toStorage: hpaFromV1, fromStorage: (object) => hpaToV1(object) satisfies V1 } },

  /** Source: pkg/printers/internalversion printHorizontalPodAutoscaler. */
  cells(object, now) {
    const { metadata, spec, status } = asV2(object);
    return [
      metadata.name ?? '', `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`, shownMetrics(spec?.metrics ?? [], status?.currentMetrics ?? []),
      spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas), spec?.maxReplicas ?? 0, status?.currentReplicas ?? 0,
      age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore

function shownMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const shown = specs.map((spec, i) => shownMetric(spec, statuses[i])).slice(0, MAX_SHOWN).join(', ');
  return specs.length > MAX_SHOWN ? `${shown} + ${specs.length - MAX_SHOWN} more...` : shown;
} // prettier-ignore
function shownMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  const unknown = '<unknown>';
  switch (spec.type) {
    case 'External':
    case 'Object': {
      const key = spec.type === 'External' ? 'external' : 'object';
      const target = spec[key]?.target;
      const current = status?.[key]?.current;
      return target?.averageValue === undefined
        ? `${String(current?.value ?? unknown)}/${String(target?.value ?? '')}`
        : `${String(current?.averageValue ?? unknown)}/${String(target.averageValue)} (avg)`;
    }
    case 'Pods':
      return `${String(status?.pods?.current.averageValue ?? unknown)}/${String(spec.pods?.target.averageValue ?? '')}`;
    case 'Resource':
    case 'ContainerResource': {
      const key = spec.type === 'Resource' ? 'resource' : 'containerResource';
      const target = spec[key]?.target;
      const current = status?.[key]?.current;
      const percent = (n: number | undefined, otherwise: string): string => (n === undefined ? otherwise : `${n}%`);
      const values = target?.averageValue === undefined
        ? `${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, '<auto>')}`
        : `${String(current?.averageValue ?? unknown)}/${String(target.averageValue)}`;
      return `${spec[key]?.name ?? ''}: ${values}`;
    }
    default:
      return '<unknown type>';
  }
} // prettier-ignore
