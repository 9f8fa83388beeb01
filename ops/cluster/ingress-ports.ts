import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';
import { freePort, isFree, obstacle } from './ports.ts';

/** What a command may say of the add-on ingress. */
export interface IngressFlags {
  readonly ingressHost?: string | undefined;
  readonly ingressHttpPort?: number | undefined;
  readonly ingressHttpsPort?: number | undefined;
}
export type IngressPorts = NonNullable<ClusterConfig['ingressPorts']>;
export const INGRESS_HOST = '127.0.0.1';
const USUAL = { http: 8080, https: 8443 } as const;

/** How they are reached from this machine. */
export function ingressUrls({ host = INGRESS_HOST, http, https }: IngressPorts): { http: string; https: string } {
  const to = host === '0.0.0.0' || host === '::' ? INGRESS_HOST : host.includes(':') ? `[${host}]` : host;
  return { http: `http://${to}:${http}`, https: `https://${to}:${https}` };
}
/**
 * Where Ingresses are served: where it was asked for, else where they were, else at 8080 and 8443, or at free ones where
 * others have these. Thrown: UserError where both are the same.
 */
export async function settleIngress(asked: IngressFlags, before: IngressPorts | undefined): Promise<IngressPorts> {
  const host = asked.ingressHost ?? before?.host;
  const settle = async (wanted: number | undefined, was: number | undefined, usual: number): Promise<number> => {
    if (wanted !== undefined && wanted > 0) return wanted;
    if (wanted === 0) return freePort(host);
    return was ?? ((await isFree(usual, host)) ? usual : freePort(host));
  };
  const http = await settle(asked.ingressHttpPort, before?.http, USUAL.http);
  const https = await settle(asked.ingressHttpsPort, before?.https, USUAL.https);
  if (http === https) throw new UserError('--ingress-http-port and --ingress-https-port cannot be the same', 2);
  return { ...(host !== undefined && { host }), http, https };
}
/** Why they cannot be served there, and what to do about it; undefined if they can. */
export const ingressObstacle = async ({
  host = INGRESS_HOST,
  http,
  https,
}: IngressPorts): Promise<string | undefined> =>
  (await obstacle(http, host, '--ingress-http-port')) ?? (await obstacle(https, host, '--ingress-https-port'));
