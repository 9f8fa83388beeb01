import { defineResource, type Errors } from '../define.ts';
import type {
  CertificateSigningRequest as Csr,
  CertificateSigningRequestCondition as Condition,
} from '../generated/certificates-v1.ts';
import { signerName } from '../helpers/signer-name.ts';
import { notOneOf } from '../helpers/checks.ts';
import { duplicate, forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { pathSegment } from '../meta/names.ts';
import { age, humanDuration } from '../meta/time.ts';
import { chainProblem, requestProblem } from './pkcs10.ts';

const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const MIN_SECONDS = 600;
const USAGES = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only',
  'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement',
  'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
]; // prettier-ignore
const STATUSES = ['False', 'True', 'Unknown'];
/** Decisions: only ever true, and never taken back. */
const FINAL = ['Approved', 'Denied', 'Failed'];

export const certificateSigningRequest = defineResource<Csr>({
  group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests',
  metadataChecks: ['changes', 'whole'],
  statusMetadataChecks: ['changes', 'whole'],
  tracksGeneration: false,
  validateName: pathSegment,

  prepareForCreate(draft, writer) {
    const { username: _u, uid: _i, groups: _g, extra: _e, ...spec } = draft.spec;
    draft.spec = {
      ...spec,
      ...(writer && {
        username: writer.name,
        ...(writer.uid && { uid: writer.uid }),
        ...(writer.groups.length > 0 && { groups: [...writer.groups] }),
        ...(writer.extra && Object.keys(writer.extra).length > 0 && { extra: Object.fromEntries(Object.entries(writer.extra).map(([k, v]) => [k, [...v]])) }),
      }),
    };
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.spec) draft.spec = old.spec;
    draft.status = old.status ?? {};
    return draft;
  },
  /** Source: pkg/registry/certificates/certificates strategy.go preserveConditionInstances, populateConditionTimestamps. */
  prepareForStatusUpdate(draft, old, now, subresource) {
    const given = [...(draft.status?.conditions ?? [])];
    // Decisions are no business of those who sign: they stay as they were, unless one was added or removed.
    if (subresource === 'status')
      for (const type of ['Approved', 'Denied']) {
        const [before, after] = [ofType(old, type), ofType(draft, type)];
        if (before.length === after.length) for (const [i, c] of after.entries()) given[given.indexOf(c)] = before[i]!;
      }
    const conditions = given.map((c) => ({
      ...c,
      lastUpdateTime: c.lastUpdateTime ?? now,
      lastTransitionTime: c.lastTransitionTime ?? old.status?.conditions?.find((o) => o.type === c.type && o.status === c.status)?.lastTransitionTime ?? now,
    }));
    if (conditions.length > 0) draft.status = { ...draft.status, conditions };
    return draft;
  },

  validate: validateRequest,
  *validateUpdate(object, old, at) {
    yield* keptConditions(object, old, at('status')('conditions'));
    if ((object.status?.certificate ?? '') !== (old.status?.certificate ?? ''))
      yield forbidden(at('status')('certificate'), 'updates may not set certificate content');
  },
  *validateStatusUpdate(object, old, at) {
    yield* validateRequest(object, at);
    const here = at('status')('conditions');
    yield* keptConditions(object, old, here);
    for (const type of ['Approved', 'Denied']) {
      const [before, after] = [ofType(old, type), ofType(object, type)];
      if (after.length > before.length) yield forbidden(here, `updates may not add a condition of type "${type}"`);
    }
    const before = old.status?.certificate ?? '';
    if (before !== '' && (object.status?.certificate ?? '') !== before)
      yield forbidden(at('status')('certificate'), 'updates may not modify existing certificate content');
  },

  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },

  cells({ metadata, spec, status }, now) {
    const seconds = spec?.expirationSeconds;
    return [
      metadata.name ?? '', age(metadata.creationTimestamp, now), spec?.signerName || '<none>', spec?.username ?? '',
      seconds === undefined ? '<none>' : humanDuration(seconds * 1000), shownStatus(status),
    ];
  },
}); // prettier-ignore

function shownStatus(status: Csr['status']): string {
  const has = (type: string): boolean => status?.conditions?.some((c) => c.type === type) ?? false;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`;
}
const ofType = (csr: Csr, type: string): Condition[] => (csr.status?.conditions ?? []).filter((c) => c.type === type);

/** Source: pkg/apis/certificates/validation validateCertificateSigningRequest. */
function* validateRequest({ spec, status }: Csr, root: FieldPath): Errors {
  const at = root('spec');
  const request = spec?.request ?? '';
  const problem = requestProblem(Buffer.from(request, 'base64').toString('latin1'));
  if (problem !== undefined) yield invalid(at('request'), spec?.request ?? null, problem);
  const usages = spec?.usages ?? [];
  if (usages.length === 0) yield required(at('usages'));
  for (const [i, usage] of usages.entries()) if (!USAGES.includes(usage)) yield notOneOf(usage, USAGES, at('usages')(i));
  for (const [i, usage] of usages.entries()) if (usages.indexOf(usage) < i) yield duplicate(at('usages')(i), usage);
  const signer = spec?.signerName ?? '';
  if (signer === LEGACY_SIGNER) yield invalid(at('signerName'), signer, 'the legacy signerName is not allowed via this API version');
  else yield* signerName(signer, at('signerName'));
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_SECONDS)
    yield invalid(at('expirationSeconds'), seconds, 'may not specify a duration less than 600 seconds (10 minutes)');
  yield* validateConditions(status?.conditions ?? [], root('status')('conditions'));
  if (status?.certificate) {
    const wrong = chainProblem(Buffer.from(status.certificate, 'base64').toString('latin1'));
    if (wrong !== undefined) yield invalid(root('status')('certificate'), '<certificate data>', wrong);
  }
} // prettier-ignore
function* validateConditions(conditions: readonly Condition[], at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { type, status }] of conditions.entries()) {
    if (!type) yield required(at(i)('type'));
    const allowed = FINAL.includes(type) ? ['True'] : STATUSES;
    if (!status) yield required(at(i)('status'));
    else if (!allowed.includes(status)) yield notOneOf(status, allowed, at(i)('status'));
    if ((type === 'Approved' && seen.has('Denied')) || (type === 'Denied' && seen.has('Approved')))
      yield invalid(at, type, 'Approved and Denied conditions are mutually exclusive');
    if (seen.has(type)) yield duplicate(at(i)('type'), type);
    seen.add(type);
  }
}
function* keptConditions(object: Csr, old: Csr, at: FieldPath): Errors {
  for (const type of FINAL)
    if (ofType(object, type).length < ofType(old, type).length)
      yield forbidden(at, `updates may not remove a condition of type "${type}"`);
}
