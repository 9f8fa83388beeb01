import type { World } from '../../bus/world.ts';
import type { Commands } from '../host/commands.ts';
import { backendOf } from './backends.ts';

/** Of `ipvs`: where it is, its tables are those of a proxy, and nobody else's. */
const IPVS_DEVICE = 'kube-ipvs0';

/**
 * Takes away the rules of a proxy that was cut off, whichever mode it had, on a machine that goes on without it: what the
 * next one writes would stand beside them. What cannot be taken away, since the machine has no such rules, is none.
 */
export async function removeLeftovers(o: { readonly world: World; readonly commands: Commands }, signal: AbortSignal): Promise<void> {
  const hadIpvs = (await o.commands.run('ip', ['link', 'show', IPVS_DEVICE], { signal })).code === 0;
  for (const mode of [...(hadIpvs ? (['ipvs'] as const) : []), 'nftables', 'iptables', 'userspace'] as const)
    await backendOf(mode, o).remove(signal).catch((err: unknown) => o.world.log.debug('nothing to remove', { mode, err }));
} // prettier-ignore
