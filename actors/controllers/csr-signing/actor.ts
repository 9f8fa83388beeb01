import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import {
  certificateSigningRequests,
  isOurs,
  pemOf,
  refusal,
  type ReadRequest,
} from '../../runtime/certificate-requests.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { lifeOf, refused, signed, waitsForSignature } from './reconcile.ts';

/** The cluster's authority, as far as requests concern it. PEM in and out. */
export interface Signer {
  readonly read: ReadRequest;
  /** From when to when it is good in ms, cut to the authority's own life; rejects if that is over. */
  sign(request: string, usages: readonly string[], life: { readonly from: number; readonly until: number }): Promise<string>;
} // prettier-ignore

/** Signs approved requests for Kubernetes' own signers, if the cluster's authority is at hand. */
export function startCsrSigning(deps: ControllerDeps, signer: Signer | undefined): Controller {
  const client = deps.client('controller:csr-signing');
  const requests = deps.informers.for<CertificateSigningRequest>(certificateSigningRequests);
  const isMine = (csr: CertificateSigningRequest): boolean =>
    signer !== undefined && waitsForSignature(csr) && isOurs(csr.spec.signerName);
  return startController({
    name: 'csr-signing',
    ...deps,
    client,
    sources: [source(requests, (request) => (isMine(request) ? [request.metadata.name!] : []))],
    sync: async ({ key, now, execute }) => {
      const csr = requests.get(key);
      if (signer === undefined || csr === undefined || !isMine(csr)) return;
      const { signerName, usages = [] } = csr.spec;
      const why = refusal(signerName, await signer.read(pemOf(csr)), usages);
      await execute([why === undefined ? signed(csr, await signer.sign(pemOf(csr), usages, lifeOf(csr, now))) : refused(csr, why, now)]);
    },
  });
} // prettier-ignore
