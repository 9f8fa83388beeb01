import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { certificateSigningRequests } from '../../runtime/certificate-requests.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { reconcile } from './reconcile.ts';

/** Takes away certificate requests that are of no more use. */
export function startCsrCleaner(deps: ControllerDeps): Controller {
  const client = deps.client('controller:csr-cleaner');
  const requests = deps.informers.for<CertificateSigningRequest>(certificateSigningRequests);
  return startController({
    name: 'csr-cleaner',
    ...deps,
    client,
    sources: [source(requests, (request) => [request.metadata.name!])],
    sync: reconciling((key) => {
      const csr = requests.get(key);
      return csr && { csr, goodUntil: goodUntil(csr.status?.certificate) };
    }, reconcile),
  });
}
function goodUntil(certificate: string | undefined): number | undefined {
  if (!certificate) return undefined;
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return undefined;
  }
}
