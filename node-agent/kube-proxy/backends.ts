import type { World } from '../../bus/world.ts';
import type { Commands } from '../host/commands.ts';
import type { Backend, ProxyMode } from './backend.ts';
import { iptablesBackend } from './iptables/backend.ts';
import { ipvsBackend } from './ipvs/backend.ts';
import { nftablesBackend } from './nftables/backend.ts';
import { userspaceBackend } from './userspace/backend.ts';

/** What is tried in turn where nobody has chosen: what this machine has not, the next may do without. */
const BY_PREFERENCE: readonly ProxyMode[] = ['nftables', 'iptables', 'userspace'];

/** `mode`: undefined for the best that the machine can do. */
export function backendOf(mode: ProxyMode | undefined, o: { readonly world: World; readonly commands: Commands }): Backend {
  const make: Readonly<Record<ProxyMode, () => Backend>> = {
    nftables: () => nftablesBackend(o),
    iptables: () => iptablesBackend(o),
    ipvs: () => ipvsBackend(o),
    userspace: () => userspaceBackend(o),
  };
  return mode === undefined ? firstAble(BY_PREFERENCE.map((each) => make[each]()), o.world) : make[mode]();
} // prettier-ignore

/** The first of these that works here, from the time that it was asked. */
export function firstAble(all: readonly Backend[], { log }: Pick<World, 'log'>): Backend {
  let one = all[0]!;
  return {
    get mode() {
      return one.mode;
    },
    get hasLeftovers() {
      return one.hasLeftovers;
    },
    async probe(signal) {
      let why: string | undefined;
      for (const each of all) {
        why = await each.probe(signal);
        signal.throwIfAborted();
        one = each;
        if (why === undefined) return undefined;
        log.warn(why);
      }
      return why;
    },
    rebuild: (...args) => one.rebuild(...args),
    update: (...args) => one.update(...args),
    remove: (signal) => one.remove(signal),
    close: () => one.close(),
  };
}
