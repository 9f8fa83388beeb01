import type { Pod, PodCondition, PodStatus } from '../../../schemas/generated/core-v1.ts';
import type { ContainerRecord } from '../container/record.ts';

/** Conditions that belong to the kubelet; all others are kept as they are. Source: kubelet types PodConditionByKubelet. */
const OURS: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'PodResizePending',
  'PodResizeInProgress',
  'AllContainersRestarting',
]);
interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}
const TRUE: Verdict = { status: 'True' };

export interface ConditionInput {
  readonly pod: Pod;
  readonly records: readonly ContainerRecord[];
  readonly phase: NonNullable<PodStatus['phase']>;
  readonly hasSandbox: boolean;
  /** Of a resize that waits or is under way. */
  readonly resizing?: readonly PodCondition[] | undefined;
  /** A container's end has made all of them begin anew. */
  readonly restartingAll?: boolean | undefined;
  /** As the API writes it. */
  readonly now: string;
}
/** The pod's conditions, in the order in which a kubelet writes them. Source: kubelet status/generate.go. */
export function conditionsOf(input: ConditionInput, old: readonly PodCondition[]): PodCondition[] {
  const { pod, now } = input;
  const kept = old.filter((c) => !OURS.has(c.type));
  const containers = containersReady(input);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', { status: input.hasSandbox ? 'True' : 'False' }],
    ['Initialized', initialized(input)],
    ['Ready', containers.status === 'True' ? readinessGates(pod, kept) : containers],
    ['ContainersReady', containers],
    ['PodScheduled', TRUE],
    ...(couldRestartAll(pod) ? [['AllContainersRestarting', restartingAll(input)] as const] : []),
  ];
  const isOver = input.phase === 'Succeeded' || input.phase === 'Failed';
  return [
    ...kept,
    ...(isOver ? [] : (input.resizing ?? [])),
    ...verdicts.map(([type, verdict]): PodCondition => {
      const before = old.find((c) => c.type === type);
      return {
        type,
        ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
        ...verdict,
        lastProbeTime: null as unknown as undefined,
        lastTransitionTime: before?.status === verdict.status ? (before.lastTransitionTime ?? now) : now,
      };
    }),
  ];
}
function containersReady({ records, phase }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = records
    .filter((c) => (c.role === 'main' || c.role === 'sidecar') && !c.ready)
    .map((c) => c.spec.name);
  return unready.length === 0
    ? TRUE
    : {
        status: 'False',
        reason: 'ContainersNotReady',
        message: `containers with unready status: [${unready.join(' ')}]`,
      };
}
function initialized({ records, phase }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (records.some((c) => c.role === 'main' && c.runs > 0)) return TRUE;
  const incomplete = records
    .filter((c) => (c.role === 'init' && c.state.terminated?.exitCode !== 0) || (c.role === 'sidecar' && !c.started))
    .map((c) => c.spec.name);
  return incomplete.length === 0
    ? TRUE
    : {
        status: 'False',
        reason: 'ContainersNotInitialized',
        message: `containers with incomplete status: [${incomplete.join(' ')}]`,
      };
}
/** Source: api pod util AllContainersCouldRestart. */
const couldRestartAll = ({ spec }: Pod): boolean =>
  [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some((c) => c.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers')); // prettier-ignore
/** Source: kubelet status GenerateAllContainersRestartingCondition. */
function restartingAll({ phase, restartingAll: is }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  return is === true ? { status: 'True', reason: 'RestartAllContainersStarted' } : { status: 'False' };
}
function readinessGates(pod: Pod, conditions: readonly PodCondition[]): Verdict {
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = conditions.find((c) => c.type === conditionType);
    if (condition === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status !== 'True')
      return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
    return [];
  });
  return missing.length === 0
    ? TRUE
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}
/** Readiness gates and other people's conditions are part of what we report. */
export const gatesChanged = (before: Pod, now: Pod): boolean =>
  (now.spec?.readinessGates?.length ?? 0) > 0 &&
  JSON.stringify(before.status?.conditions) !== JSON.stringify(now.status?.conditions);
