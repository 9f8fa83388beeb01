import type { World } from '../../bus/world.ts';
import { isLoopback } from '../../actors/cloud/local/pool.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { machineNames } from '../machine/names.ts';
import { startCloudControllerManager } from '../../actors/cloud/actor.ts';
import { createLocalProvider } from '../../actors/cloud/local/provider.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createPodDialer } from '../../actors/runtime/pod-dialer.ts';
import { rangesOfBalancers } from '../cluster/load-balancers.ts';
import type { AddonContext } from './addons.ts';
import { nodeIP } from './node-ip.ts';

/** Nobody can listen on addresses of IPv6 that no interface has; they go with the bridge. */
const claimOn = (bridge: string, world: World) => async (ip: string) => {
  if (!ip.includes(':') || isLoopback(ip)) return;
  // Deprecated: what this machine says to others is not said by that address.
  await machineCommands(world).must('ip', ['address', 'replace', `${ip}/128`, 'dev', bridge, 'nodad', 'preferred_lft', '0']); // prettier-ignore
};
/** Composition root of the cloud controllers over the cloud that this machine is. */
export function startCloud({ world, bus, id, config, dir }: AddonContext): Component {
  const dial = createPodDialer({ bus, world });
  return startCloudControllerManager({
    world,
    bus,
    id,
    clusterCidrs: config.clusterCidrs ?? ['10.244.0.0/16'],
    cloud: (context) =>
      createLocalProvider({
        ...context,
        dial,
        addressOf: nodeIP,
        ranges: rangesOfBalancers(config),
        areRouted: config.machine !== undefined,
        claim: config.machine && claimOn(machineNames(dir).bridge, world),
      }),
  });
}
