import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { AdmissionAttributes, AdmissionPlugin, UserInfo } from '../request.ts';
import { forbid, isOn, operations, type AdmissionContext } from './common.ts';
import { organizationsOf } from './csr-subject.ts';

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Whether the user may `approve`, `sign` or `attest` for a signer, by its name or for its whole domain. */
async function maySign(context: AdmissionContext, user: UserInfo, verb: string, signer: string): Promise<boolean> {
  const ask = async (name: string): Promise<boolean> => {
    const { allowed, error } = await context.authorizer.authorize(user, {
      isResource: true, path: '', verb, group: GROUP, version: '*', resource: 'signers', subresource: '', namespace: '', name,
    }); // prettier-ignore
    return allowed === 'yes' && error === undefined;
  };
  return (await ask(signer)) || (await ask(`${signer.split('/')[0]!}/*`));
}
const specOf = (a: AdmissionAttributes): CertificateSigningRequest['spec'] | undefined =>
  (a.old as CertificateSigningRequest | undefined)?.spec;

/**
 * A request says who made it; what the client wrote there does not count. Cannot be disabled.
 * Source: kubernetes pkg/registry/certificates/certificates/strategy.go PrepareForCreate.
 */
export const certificateRequester = (): AdmissionPlugin => ({
  name: 'CertificateRequester',
  handles: operations('CREATE'),
  mutate(a) {
    if (!isOn(a, GROUP, RESOURCE)) return;
    const request = a.object as CertificateSigningRequest | undefined;
    if (request === undefined) return;
    const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...asked } = request.spec ?? {};
    const { name, uid, groups, extra } = a.user;
    request.spec = {
      ...asked,
      username: name,
      ...(uid && { uid }),
      ...(groups.length > 0 && { groups: [...groups] }),
      ...(extra !== undefined && {
        extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
      }),
    };
  },
});

/** Source: kubernetes plugin/pkg/admission/certificates/approval. */
export const certificateApproval = (context: AdmissionContext): AdmissionPlugin => ({
  name: 'CertificateApproval',
  handles: operations('UPDATE'),
  async validate(a) {
    if (!isOn(a, GROUP, RESOURCE, 'approval')) return;
    const signer = specOf(a)?.signerName ?? '';
    if (!(await maySign(context, a.user, 'approve', signer)))
      throw forbid(a, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
  },
});

/** Source: kubernetes plugin/pkg/admission/certificates/signing. */
export const certificateSigning = (context: AdmissionContext): AdmissionPlugin => ({
  name: 'CertificateSigning',
  handles: operations('UPDATE'),
  async validate(a) {
    if (!isOn(a, GROUP, RESOURCE, 'status')) return;
    const [next, old] = [a.object, a.old].map((o) => (o as CertificateSigningRequest | undefined)?.status);
    if (next?.certificate === old?.certificate && equal(next?.conditions, old?.conditions)) return;
    const signer = specOf(a)?.signerName ?? '';
    if (!(await maySign(context, a.user, 'sign', signer)))
      throw forbid(a, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
  },
});

/** Nobody becomes system:masters by a signed request. Source: plugin/pkg/admission/certificates/subjectrestriction. */
export const certificateSubjectRestriction = (): AdmissionPlugin => ({
  name: 'CertificateSubjectRestriction',
  handles: operations('CREATE'),
  validate(a) {
    if (!isOn(a, GROUP, RESOURCE)) return;
    const spec = (a.object as CertificateSigningRequest | undefined)?.spec;
    if (spec?.signerName !== CLIENT_SIGNER) return;
    const organizations = organizationsOf(spec.request);
    if (organizations === undefined) throw forbid(a, 'failed to parse CSR: PEM block type must be CERTIFICATE REQUEST');
    if (organizations.includes('system:masters'))
      throw forbid(a, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
  },
});
