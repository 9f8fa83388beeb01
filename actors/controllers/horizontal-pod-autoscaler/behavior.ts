/** How fast and how far replicas may change. Source: pkg/controller/podautoscaler horizontal.go normalizeDesiredReplicas*. */
import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '../../../schemas/generated/autoscaling-v2.ts';
import { MAX_INT32 } from './quantities.ts';

/** Source: --horizontal-pod-autoscaler-downscale-stabilization. */
const DOWNSCALE_STABILIZATION_SECONDS = 300;
const UP_FACTOR = 2;
const UP_LEAST = 4;
const MS = 1_000;

/** What was wanted, or changed, and when, in ms since the epoch. */
interface Noted {
  readonly replicas: number;
  readonly at: number;
}
/** What is remembered of an autoscaler from one look to the next; never changed. */
export interface Memory {
  readonly wanted: readonly Noted[];
  readonly ups: readonly Noted[];
  readonly downs: readonly Noted[];
}
/** Of one that is seen for the first time: what there is counts as wanted. */
export const firstMemory = (current: number, now: number): Memory => ({
  wanted: [{ replicas: current, at: now }],
  ups: [],
  downs: [],
});

export interface Told {
  readonly reason: string;
  readonly message: string;
}
export interface Normalized {
  readonly replicas: number;
  readonly memory: Memory;
  /** For the condition AbleToScale. */
  readonly able: Told;
  /** For ScalingLimited. */
  readonly limited: Told & { readonly is: boolean };
}
export interface Wish {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly now: number;
}
const READY: Told = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const WITHIN: Told = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const STABLE_DOWN: Told = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const STABLE_UP: Told = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const FAST_UP: Told = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const FAST_DOWN: Told = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};
const TOO_MANY: Told = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const TOO_FEW: Told = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' }; // prettier-ignore

/** Within what the policies allow; without any, within what has always been allowed. */
export function normalize(wish: Wish, behavior: HorizontalPodAutoscalerBehavior | undefined, memory: Memory): Normalized {
  const { stable, why, longestSeconds } = behavior === undefined ? stabilized(wish, memory) : stabilizedBy(wish, behavior, memory);
  const able = stable === wish.desired ? READY : why;
  const { replicas, told } = behavior === undefined ? limited(wish, stable) : limitedBy({ ...wish, desired: stable }, behavior, memory);
  // What is too old to count is forgotten.
  const oldest = wish.now - longestSeconds * MS;
  const wanted = [...memory.wanted.filter(({ at }) => at >= oldest), { replicas: wish.desired, at: wish.now }];
  return { replicas, memory: { ...memory, wanted }, able, limited: { ...told, is: replicas !== stable } };
} // prettier-ignore

interface Stable {
  readonly stable: number;
  readonly why: Told;
  readonly longestSeconds: number;
}
function stabilized({ desired, now }: Wish, { wanted }: Memory): Stable {
  const longestSeconds = DOWNSCALE_STABILIZATION_SECONDS;
  const recent = wanted.filter(({ at }) => at >= now - longestSeconds * MS);
  return { stable: Math.max(desired, ...recent.map(({ replicas }) => replicas)), why: STABLE_DOWN, longestSeconds };
}
function stabilizedBy({ current, desired, now }: Wish, behavior: HorizontalPodAutoscalerBehavior, { wanted }: Memory): Stable {
  const upSeconds = behavior.scaleUp?.stabilizationWindowSeconds ?? 0;
  const downSeconds = behavior.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const since = (seconds: number): number[] => wanted.filter(({ at }) => at > now - seconds * MS).map(({ replicas }) => replicas);
  const lowest = Math.min(desired, ...since(upSeconds));
  const highest = Math.max(desired, ...since(downSeconds));
  const stable = Math.min(Math.max(current, lowest), highest);
  return { stable, why: desired >= current ? STABLE_UP : STABLE_DOWN, longestSeconds: Math.max(upSeconds, downSeconds) };
} // prettier-ignore

interface Limited {
  readonly replicas: number;
  readonly told: Told;
}
/** Source: convertDesiredReplicasWithRules. */
function limited({ current, min, max }: Wish, desired: number): Limited {
  const fastest = Math.max(UP_FACTOR * current, UP_LEAST);
  const most = Math.min(max, fastest);
  if (desired < min) return { replicas: min, told: TOO_FEW };
  if (desired > most) return { replicas: most, told: max > fastest ? FAST_UP : TOO_MANY };
  return { replicas: desired, told: WITHIN };
}
/** Source: convertDesiredReplicasWithBehaviorRate. */
function limitedBy({ current, desired, min, max, now }: Wish, { scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior, memory: Memory): Limited {
  if (desired > current) {
    const fastest = Math.max(current, rateOf('up', current, scaleUp, memory, now));
    const most = Math.min(max, fastest);
    if (desired > most) return { replicas: most, told: max > fastest ? FAST_UP : TOO_MANY };
  } else if (desired < current) {
    const fastest = Math.min(current, rateOf('down', current, scaleDown, memory, now));
    const least = Math.max(min, fastest);
    if (desired < least) return { replicas: least, told: min < fastest ? FAST_DOWN : TOO_FEW };
  }
  return { replicas: desired, told: WITHIN };
} // prettier-ignore
/** How far the policies let it go now. Source: calculateScaleUpLimitWithScalingRules, calculateScaleDownLimitWithBehaviors. */
function rateOf(way: 'up' | 'down', current: number, rules: HPAScalingRules | undefined, { ups, downs }: Memory, now: number): number {
  if (rules?.selectPolicy === 'Disabled') return current;
  const proposals = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const within = (changes: readonly Noted[]): number =>
      changes.filter(({ at }) => at > now - periodSeconds * MS).reduce((sum, { replicas }) => sum + replicas, 0);
    const before = current - within(ups) + within(downs);
    if (type === 'Pods') return way === 'up' ? before + value : before - value;
    // Rounded up, or a few would never become more.
    return way === 'up' ? Math.ceil(before * (1 + value / 100)) : Math.trunc(before * (1 - value / 100));
  });
  const isHighest = (rules?.selectPolicy === 'Min') !== (way === 'up');
  if (proposals.length === 0) return isHighest ? -MAX_INT32 - 1 : MAX_INT32;
  return isHighest ? Math.max(...proposals) : Math.min(...proposals);
} // prettier-ignore

/** That replicas were changed; what is older than all policies look back is forgotten. Source: storeScaleEvent. */
export function noted(memory: Memory, behavior: HorizontalPodAutoscalerBehavior | undefined, current: number, desired: number, now: number): Memory {
  if (behavior === undefined) return memory;
  const keep = (changes: readonly Noted[], rules: HPAScalingRules | undefined): Noted[] => {
    const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds));
    return changes.filter(({ at }) => at >= now - longest * MS);
  };
  const change = { replicas: Math.abs(desired - current), at: now };
  return desired > current
    ? { ...memory, ups: [...keep(memory.ups, behavior.scaleUp), change] }
    : { ...memory, downs: [...keep(memory.downs, behavior.scaleDown), change] };
} // prettier-ignore
