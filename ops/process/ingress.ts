import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { startIngress, type IngressController } from '../../actors/ingress/actor.ts';
import { ensureFallback } from '../pki/fallback.ts';
import type { AddonContext } from './addons.ts';

const LOOPBACK = '127.0.0.1';

/** Composition root of the ingress controller. Replicas of a machine share its ports. */
export const startIngressProcess = ({ world, bus, id, config, dir }: AddonContext): IngressController =>
  startIngress({
    world,
    bus,
    id,
    http: { host: LOOPBACK, port: config.ingressPorts?.http ?? 8080 },
    https: { host: LOOPBACK, port: config.ingressPorts?.https ?? 8443 },
    fallback: async () => {
      const pki = join(dir, 'pki');
      await ensureFallback(pki, world.clock.now());
      const read = (ending: string): string => readFileSync(join(pki, `ingress.${ending}`), 'utf8');
      return { cert: read('crt'), key: read('key') };
    },
  });
