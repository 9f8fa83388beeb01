import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../schemas/generated/certificates-v1.ts'; // prettier-ignore
import type { GroupVersionResource } from '../../schemas/meta/object.ts';

/** What the controllers that approve, sign and clear away certificate requests have in common. */
export const certificateSigningRequests: GroupVersionResource = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' }; // prettier-ignore
/** The signer of kubelets' client certificates. */
export const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
/** And of those that they show to who reaches them. */
export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';

export const conditionOf = (
  { status }: CertificateSigningRequest,
  type: string,
): CertificateSigningRequestCondition | undefined =>
  status?.conditions?.find((c) => c.type === type && c.status === 'True');
/** The request as PEM. */
export const pemOf = ({ spec }: CertificateSigningRequest): string => Buffer.from(spec.request, 'base64').toString();

/** Reads a request in PEM; rejects if it is none. */
export type ReadRequest = (pem: string) => Promise<Requested>;
/** What a certificate request asks for, read from its PEM. */
export interface Requested {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

const isSet = (usages: readonly string[], wanted: readonly string[]): boolean =>
  new Set(usages).size === wanted.length && wanted.every((usage) => usages.includes(usage));
const SERVING = ['digital signature', 'key encipherment', 'server auth'];
const KUBELET = ['client auth', 'digital signature', 'key encipherment'];
const wrongUsages = (usages: readonly string[], wanted: readonly string[]): string | undefined =>
  isSet(usages, wanted) || isSet(usages, wanted.filter((usage) => usage !== 'key encipherment'))
    ? undefined
    : `usages did not match [${wanted.join(' ')}]`; // prettier-ignore
const isNode = ({ commonName }: Requested): boolean => commonName.startsWith('system:node:');
const ofNodes = ({ organizations }: Requested): boolean => organizations.length === 1 && organizations[0] === 'system:nodes'; // prettier-ignore
const NOT_NODES = 'subject organization is not system:nodes';
const NOT_NODE = 'subject common name does not begin with system:node:';
const notAllowed = (kind: string, names: readonly string[]): string | undefined =>
  names.length > 0 ? `${kind} subjectAltNames are not allowed` : undefined;

type Check = (request: Requested, usages: readonly string[]) => string | undefined;
/** Why each of Kubernetes' own signers refuses a request. Source: pkg/controller/certificates/signer, pkg/apis/certificates/helpers.go. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  [
    'kubernetes.io/kube-apiserver-client',
    (_, usages) => {
      const other = usages.find((usage) => !KUBELET.includes(usage));
      if (other !== undefined) return `invalid usage for client certificate: ${other}`;
      return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
    },
  ],
  [
    KUBELET_CLIENT,
    (request, usages) =>
      (ofNodes(request) ? undefined : NOT_NODES) ??
      notAllowed('DNS', request.dnsNames) ??
      notAllowed('Email', request.emails) ??
      notAllowed('IP', request.addresses) ??
      notAllowed('URI', request.uris) ??
      (isNode(request) ? undefined : NOT_NODE) ??
      wrongUsages(usages, KUBELET),
  ],
  [
    KUBELET_SERVING,
    (request, usages) =>
      (ofNodes(request) ? undefined : NOT_NODES) ??
      (request.dnsNames.length + request.addresses.length > 0 ? undefined : 'DNS or IP subjectAltName is required') ??
      notAllowed('Email', request.emails) ??
      notAllowed('URI', request.uris) ??
      wrongUsages(usages, SERVING) ??
      (isNode(request) ? undefined : NOT_NODE),
  ],
  ['kubernetes.io/legacy-unknown', () => undefined],
]);
export const isOurs = (signerName: string): boolean => CHECKS.has(signerName);
/** Why the signer does not sign it; undefined: it does. */
export const refusal = (signerName: string, request: Requested, usages: readonly string[]): string | undefined =>
  CHECKS.get(signerName)?.(request, usages);
