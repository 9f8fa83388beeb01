import type { NodeCondition } from '../../../schemas/generated/core-v1.ts';
import type { CriStatus } from '../../runtime/cri/messages.ts';

/** What is wrong with a node. */
export interface NodeHealth {
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
  /** Why it cannot run pods, in the order in which they are told. */
  readonly problems: readonly string[];
  /** What its container runtime says that it can do; undefined: it has not said anything yet. */
  readonly runtime?: RuntimeAbilities | undefined;
}
export type RuntimeAbilities = Pick<CriStatus, 'runtimeHandlers' | 'features'>;
export const WELL: NodeHealth = { memoryPressure: false, diskPressure: false, pidPressure: false, problems: [] };

interface Pressure {
  readonly type: string;
  readonly of: (health: NodeHealth) => boolean;
  /** Reason, message and Event of each state. */
  readonly short: readonly [string, string, string];
  readonly enough: readonly [string, string, string];
}
/** Source: kubelet nodestatus/setters.go. */
const PRESSURES: readonly Pressure[] = [
  {
    type: 'MemoryPressure',
    of: (health) => health.memoryPressure,
    short: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available', 'NodeHasInsufficientMemory'],
    enough: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available', 'NodeHasSufficientMemory'],
  },
  {
    type: 'DiskPressure',
    of: (health) => health.diskPressure,
    short: ['KubeletHasDiskPressure', 'kubelet has disk pressure', 'NodeHasDiskPressure'],
    enough: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure', 'NodeHasNoDiskPressure'],
  },
  {
    type: 'PIDPressure',
    of: (health) => health.pidPressure,
    short: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available', 'NodeHasInsufficientPID'],
    enough: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available', 'NodeHasSufficientPID'],
  },
];
/** As Go joins errors. Source: apimachinery util/errors NewAggregate. */
const joined = (problems: readonly string[]): string =>
  problems.length === 1 ? problems[0]! : `[${[...new Set(problems)].join(', ')}]`;

/** The conditions of a node, Ready last. `old`: those written before, for their transition times. Pure. */
export function nodeConditions(health: NodeHealth, old: readonly NodeCondition[], now: string): NodeCondition[] {
  const condition = (type: string, isTrue: boolean, reason: string, message: string): NodeCondition => {
    const status = isTrue ? 'True' : 'False';
    const before = old.find((c) => c.type === type);
    const since = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: since, reason, message };
  };
  const { problems } = health;
  return [
    ...PRESSURES.map(({ type, of, short, enough }) => {
      const [reason, message] = of(health) ? short : enough;
      return condition(type, of(health), reason, message);
    }),
    problems.length === 0
      ? condition('Ready', true, 'KubeletReady', 'kubelet is posting ready status')
      : condition('Ready', false, 'KubeletNotReady', joined(problems)),
  ];
}
/** Reasons of the Events that a report is told by: what has become otherwise, and all pressures the first time. Pure. */
export function healthEvents(health: NodeHealth, old: readonly NodeCondition[]): string[] {
  const was = (type: string): string | undefined => old.find((c) => c.type === type)?.status;
  const told = PRESSURES.flatMap(({ type, of, short, enough }) => {
    const isShort = of(health);
    return was(type) === (isShort ? 'True' : 'False') ? [] : [(isShort ? short : enough)[2]];
  });
  const ready = health.problems.length === 0;
  const before = was('Ready');
  if (before === undefined || before === (ready ? 'True' : 'False')) return told;
  return [...told, ready ? 'NodeReady' : 'NodeNotReady'];
}
