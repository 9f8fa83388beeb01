import { startCsrSigning, type Signer } from '../../actors/controllers/csr-signing/actor.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import { createInformers } from '../../actors/runtime/informer.ts';
import { createInspection } from '../../actors/runtime/inspection.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';

const COMPONENT = 'certificate-signer';
/** Under which controllers ask, wherever they run. */
const CALLER = 'controller:csr-signing';

/**
 * Composition root of the controller that signs approved certificate requests, alone: where processes run apart the
 * authority's key is in no process that does anything else. Any number may run: what one has signed the other finds signed.
 */
export function startCertificateSigner(o: {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly signer: Signer;
}): Component {
  const { world, bus, id } = o;
  const inspection = createInspection({ world, bus, component: COMPONENT, id });
  const client = createApiClient(bus, world, CALLER);
  const informers = createInformers(client, world, inspection);
  const recorder = createEventRecorder({ client, world, component: COMPONENT });
  const controller = startCsrSigning(
    { world, id, informers, client: () => client, recorderFor: () => recorder, inspection },
    o.signer,
  );
  return {
    name: COMPONENT,
    id,
    ready: controller.ready,
    state: () => controller.state(),
    async stop() {
      await controller.stop();
      recorder.stop();
      informers.stop();
      inspection.close();
    },
  };
}
