import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { certificateSigningRequests, clean, lifeOf, refused, signed, waitsForSignature } from './reconcile.ts';
import { isOurs, refusal, type Requested } from './requests.ts';

/** The cluster's authority, as far as requests concern it. PEM in and out. */
export interface Signer {
  read(request: string): Promise<Requested>;
  /** From when to when it is good in ms, cut to the authority's own life; rejects if that is over. */
  sign(request: string, usages: readonly string[], life: { readonly from: number; readonly until: number }): Promise<string>;
} // prettier-ignore

/**
 * Signs approved requests for Kubernetes' own signers, if the cluster's authority is at hand, and takes away requests that
 * are of no more use.
 */
export function startCsrSigning(deps: ControllerDeps, signer: Signer | undefined): Controller {
  const client = deps.client('controller:csr-signing');
  const requests = deps.informers.for<CertificateSigningRequest>(certificateSigningRequests);
  return startController({
    name: 'csr-signing',
    ...deps,
    client,
    sources: [source(requests, (request) => [request.metadata.name!])],
    sync: async ({ key, now, execute }) => {
      const csr = requests.get(key);
      if (csr === undefined) return {};
      if (signer !== undefined && waitsForSignature(csr) && isOurs(csr.spec.signerName)) {
        const { signerName, usages = [] } = csr.spec;
        const pem = Buffer.from(csr.spec.request, 'base64').toString();
        const why = refusal(signerName, await signer.read(pem), usages);
        await execute([why === undefined ? signed(csr, await signer.sign(pem, usages, lifeOf(csr, now))) : refused(csr, why, now)]);
        return {};
      }
      const certificate = csr.status?.certificate;
      const { intents, requeueAfterMs } = clean(csr, certificate ? goodUntil(certificate) : undefined, now);
      await execute(intents);
      return { requeueAfterMs };
    },
  });
} // prettier-ignore
function goodUntil(certificate: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return undefined;
  }
}
