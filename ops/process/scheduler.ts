import { startScheduler } from '../../actors/scheduler/actor.ts';
import type { SchedulerSettings } from '../../actors/scheduler/settings.ts';
import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';

/** Composition root of the scheduler: of several one places pods, the others stand by with warm caches. */
export const startSchedulerProcess = (o: {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  /** See ops/cluster/scheduler.ts. */
  readonly settings?: SchedulerSettings | undefined;
}): Component => startScheduler({ ...o, elects: true });
