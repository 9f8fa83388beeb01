import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';
import { freePort, isFree } from './ports.ts';

const USUAL = { http: 8080, https: 8443 } as const;

/** How they are reached from this machine. */
export const ingressUrls = ({ http, https }: NonNullable<ClusterConfig['ingressPorts']>) => ({
  http: `http://127.0.0.1:${http}`,
  https: `https://127.0.0.1:${https}`,
});
/**
 * Where Ingresses are served: where it was asked for, else where they were, else at 8080 and 8443, or at free ones where
 * others have these. Thrown: UserError where both are the same.
 */
export async function settleIngress(
  asked: { readonly ingressHttpPort?: number; readonly ingressHttpsPort?: number },
  before: Pick<ClusterConfig, 'ingressPorts'> | undefined,
): Promise<{ readonly http: number; readonly https: number }> {
  const settle = async (wanted: number | undefined, was: number | undefined, usual: number): Promise<number> => {
    if (wanted !== undefined && wanted > 0) return wanted;
    if (wanted === 0) return freePort();
    return was ?? ((await isFree(usual)) ? usual : freePort());
  };
  const http = await settle(asked.ingressHttpPort, before?.ingressPorts?.http, USUAL.http);
  const https = await settle(asked.ingressHttpsPort, before?.ingressPorts?.https, USUAL.https);
  if (http === https) throw new UserError('--ingress-http-port and --ingress-https-port cannot be the same', 2);
  return { http, https };
}
