import type { TimerId, World } from '../../../bus/world.ts';
import type { CriStatus } from '../../runtime/cri/messages.ts';
import type { RuntimeAbilities } from './health.ts';

/** Source: kubelet runtimeStatusUpdatePeriod (updateRuntimeUp), backOffPeriod of fastStatusUpdateOnce. */
const LOOK_MS = 5_000;
const SOON_MS = 100;
/** Source: kubelet maxWaitForContainerRuntime. */
const DOWN_MS = 30_000;

/** Whether the container runtime says that it can run pods, asked every five seconds; until it can, ten times a second. */
export interface RuntimeHealth {
  /** As the Ready condition tells them. Source: kubelet runtimeState. */
  problems(): readonly string[];
  /** What it says that it can do; undefined: it has not said anything yet. */
  abilities(): RuntimeAbilities | undefined;
  start(): void;
  stop(): void;
}
export function createRuntimeHealth(o: {
  readonly world: World;
  readonly status: () => Promise<CriStatus>;
  readonly onChange: () => void;
}): RuntimeHealth {
  const { clock } = o.world;
  let told: Conditions = [];
  let abilities: RuntimeAbilities | undefined;
  /** When it was last ready. */
  let seenAt: number | undefined;
  let wasWell = false;
  let before: string | undefined;
  let timer: TimerId | undefined;
  let isOver = false;

  const isReady = (type: string): boolean => told.some((c) => c.type === type && c.status);
  const problems = (): readonly string[] => [
    ...(seenAt === undefined ? ['container runtime status check may not have completed yet'] : []),
    ...(seenAt !== undefined && clock.now() - seenAt >= DOWN_MS ? ['container runtime is down'] : []),
    ...problemOf(told, 'RuntimeReady', 'container runtime not ready'),
    ...problemOf(told, 'NetworkReady', 'container runtime network not ready'),
  ];
  async function look(): Promise<void> {
    try {
      const { status, runtimeHandlers, features } = await o.status();
      told = status?.conditions ?? [];
      abilities = { runtimeHandlers, ...(features && { features }) };
      if (isReady('RuntimeReady')) seenAt = clock.now();
    } catch {
      // What it said last holds until it is down for good.
    }
    if (isOver) return;
    const wrong = problems();
    wasWell ||= wrong.length === 0;
    const now = JSON.stringify([wrong, abilities]);
    if (before !== now) o.onChange();
    before = now;
    timer = clock.setTimeout(() => void look(), wasWell ? LOOK_MS : SOON_MS);
  }
  return {
    problems,
    abilities: () => abilities,
    start: () => void look(),
    stop() {
      isOver = true;
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}
type Conditions = NonNullable<CriStatus['status']>['conditions'];
/** Source: kubelet container.RuntimeCondition String; one that is not there prints as Go's nil. */
function problemOf(told: Conditions, type: string, what: string): string[] {
  const condition = told.find((c) => c.type === type);
  if (condition?.status === true) return [];
  const text = condition === undefined ? '<nil>' : `${type}=false reason:${condition.reason} message:${condition.message}`; // prettier-ignore
  return [`${what}: ${text}`];
}
