import type { SubjectAccessReview } from '../../../schemas/generated/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import type { GroupVersionResource } from '../../../schemas/meta/object.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { certificateSigningRequests, pemOf, type ReadRequest } from '../../runtime/certificate-requests.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { awaitsApproval, permissionsFor, reconcile, reviewOf, type Permission } from './reconcile.ts';

const subjectAccessReviews: GroupVersionResource = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'subjectaccessreviews',
};

/** Approves requests for kubelets' client certificates of those who have the right to them. */
export function startCsrApproving(deps: ControllerDeps, read: ReadRequest | undefined): Controller {
  const client = deps.client('controller:csr-approving');
  const requests = deps.informers.for<CertificateSigningRequest>(certificateSigningRequests);
  return startController({
    name: 'csr-approving',
    ...deps,
    client,
    sources: [source(requests, (request) => (read && awaitsApproval(request) ? [request.metadata.name!] : []))],
    async sync({ key, now, signal, execute }) {
      const csr = requests.get(key);
      if (read === undefined || csr === undefined || !awaitsApproval(csr)) return;
      const permissions = permissionsFor(csr, await read(pemOf(csr)));
      const granted = await firstGranted(client, csr, permissions, signal);
      const { intents, requeueAfterMs } = reconcile({ csr, granted, isRecognized: permissions.length > 0 }, now);
      await execute(intents);
      return { requeueAfterMs };
    },
  });
}

async function firstGranted(
  client: ApiClient,
  csr: CertificateSigningRequest,
  permissions: readonly Permission[],
  signal: AbortSignal,
): Promise<Permission | undefined> {
  for (const permission of permissions) {
    const review: SubjectAccessReview = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {}, spec: reviewOf(csr, permission) }; // prettier-ignore
    const { status } = await client.create(subjectAccessReviews, review, { signal });
    if (status?.allowed === true) return permission;
  }
  return undefined;
}
