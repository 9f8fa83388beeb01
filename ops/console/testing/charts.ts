import { setup } from 'xstate';
import type { Bus } from '../../../bus/bus.ts';
import { announce } from '../../../bus/presence.ts';
import type { World } from '../../../bus/world.ts';
import { createInspection, type Inspection } from '../../../actors/runtime/inspection.ts';
import { startActor, type RunningActor } from '../../../actors/runtime/start-actor.ts';

/** A chart with a nested state, for tests: `red`, `green.bright`, `green.dim`, `off`. */
export const light = setup({
  types: {
    events: {} as { type: 'go'; key?: string; token?: string } | { type: 'stop' },
    context: {} as { name: string },
  },
}).createMachine({
  id: 'light',
  context: { name: 'web' },
  initial: 'red',
  options: { maxIterations: 100 },
  on: { stop: { target: '.off' } },
  states: {
    red: { on: { go: { target: 'green' } } },
    green: { initial: 'bright', states: { bright: { on: { go: { target: 'dim' } } }, dim: {} } },
    off: { type: 'final' },
  },
});
export interface FakeComponent {
  readonly actors: ReadonlyMap<string, RunningActor<typeof light>>;
  readonly inspection: Inspection;
  start(id: string): RunningActor<typeof light>;
  /** It ends, and says so. */
  stop(): void;
}
/** A component that is nothing but its actors. */
export function fakeComponent(bus: Bus, world: World, component: string, id: string): FakeComponent {
  const inspection = createInspection({ world, bus, component, id });
  const presence = announce(bus, world, { component, id, state: () => 'running' });
  const actors = new Map<string, RunningActor<typeof light>>();
  return {
    actors,
    inspection,
    start(name) {
      const actor = startActor(light, { world, id: name, machine: 'light', inspection });
      actors.set(name, actor);
      return actor;
    },
    stop() {
      presence.stop();
      inspection.close();
    },
  };
}
