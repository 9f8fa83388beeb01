import { startCloudControllerManager } from '../../actors/cloud/actor.ts';
import { createLocalProvider } from '../../actors/cloud/local/provider.ts';
import { defaultRange } from '../../actors/cloud/local/pool.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createPodDialer } from '../../actors/runtime/pod-dialer.ts';
import type { AddonContext } from './addons.ts';
import { nodeIP } from './node-ip.ts';

/** Composition root of the cloud controllers over the cloud that this machine is. */
export function startCloud({ world, bus, id, config }: AddonContext): Component {
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
        ranges: config.loadBalancerRanges ?? [defaultRange(config.port)],
      }),
  });
}
