import type { World } from '../../bus/world.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';
import type { Handlers } from './handlers.ts';
import { createHooks } from './hooks/hooks.ts';
import { createProber } from './probe/prober.ts';

/** For a kubelet that begins now and whose pods can be reached. */
export const createHandlers = (world: World, runtime: Pick<ContainerRuntime, 'probe' | 'runHook'>): Handlers => ({
  since: world.clock.now(),
  probe: createProber(world, runtime),
  hook: createHooks(world, runtime),
});
