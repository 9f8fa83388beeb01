import { createOutbound } from '../../runtime/outbound/outbound.ts';
import type { ExtenderConfiguration } from '../config/configuration.ts';
import type { ConfiguredProfile } from '../config/profiles.ts';
import type { Outside, OutsideContext } from '../settings.ts';
import type { Adviser } from './adviser.ts';
import { createExtender } from './extender.ts';
import { pluginAdviser } from './plugin-adviser.ts';
import type { Hook, PluginThread } from './plugin-types.ts';

/** How long an answer of an extender may be: one with all of some thousand nodes in it is. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Whoever is asked besides the plugins of this process: plugins of the user's own, then extenders. */
export function createOutside(
  { world, snapshot }: OutsideContext,
  o: {
    readonly extenders: readonly ExtenderConfiguration[];
    readonly profiles: readonly ConfiguredProfile[];
    readonly threads: readonly PluginThread[];
  },
): Outside {
  const { call, close } = createOutbound(world, { maxBytes: MAX_ANSWER_BYTES, plain: true });
  const extenders = o.extenders.map((configuration) => createExtender({ world, call, configuration }));
  const byProfile = new Map(
    o.profiles.map(({ schedulerName, at, weights }): [string, readonly Adviser[]] => {
      const own = o.threads.flatMap((thread) => {
        const hooks = new Set<Hook>(thread.hooks.filter((hook) => at[hook].includes(thread.name)));
        const onFailure = (hook: string, error: unknown): void =>
          world.log.warn('a scheduler plugin has failed', { plugin: thread.name, hook, err: error });
        const weight = weights.get(thread.name) ?? 1;
        return hooks.size === 0 ? [] : [pluginAdviser({ thread, snapshot, weight, hooks, onFailure })];
      });
      return [schedulerName, [...own, ...extenders]];
    }),
  );
  return {
    advisers: (schedulerName) => byProfile.get(schedulerName) ?? extenders,
    stop() {
      for (const thread of o.threads) thread.stop();
      close();
    },
  };
}
