import { join } from 'node:path';
import { startIngress, type IngressController } from '../../actors/ingress/actor.ts';
import { fallbackCertificate } from '../pki/fallback.ts';
import { INGRESS_HOST } from '../cluster/ingress-ports.ts';
import type { AddonContext } from './addons.ts';

/** Composition root of the ingress controller. Replicas of a machine share its ports. */
export const startIngressProcess = ({ world, bus, id, config, dir, ingress }: AddonContext): IngressController => {
  const { host = INGRESS_HOST, http = 8080, https = 8443 } = ingress ?? config.ingressPorts ?? {};
  return startIngress({
    world,
    bus,
    id,
    http: { host, port: http },
    https: { host, port: https },
    fallback: () => fallbackCertificate(join(dir, 'pki'), world.clock.now()),
  });
};
