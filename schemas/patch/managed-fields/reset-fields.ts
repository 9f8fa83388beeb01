import { MEMBER, type FieldSet } from './field-set.ts';

const paths = (...list: string[]): FieldSet => {
  const set: Record<string, FieldSet> = {};
  for (const path of list) {
    const [first, second] = path.split('.');
    set[`f:${first}`] = second === undefined ? MEMBER : { ...set[`f:${first}`], [`f:${second}`]: MEMBER };
  }
  return set;
};
const STATUS = paths('status');
const SPEC = paths('spec');
const METADATA_AND_SPEC = paths('metadata', 'spec');

/** Kinds whose status endpoint writes no metadata either; custom resources are such too. */
const STATUS_ALONE: ReadonlySet<string> = new Set([
  'validatingadmissionpolicies', 'flowschemas', 'prioritylevelconfigurations', 'servicecidrs', 'devicetaintrules',
  'resourceclaims', 'resourcepoolstatusrequests', 'podgroups', 'volumeattachments', 'storageversionmigrations',
  'apiservices', 'storageversions',
]); // prettier-ignore
const SPECIAL: Readonly<Record<string, FieldSet>> = {
  'deployments/status': paths('metadata.labels', 'spec'),
  'pods/status': paths('metadata.deletionTimestamp', 'metadata.ownerReferences', 'spec'),
  certificatesigningrequests: paths('spec', 'status'),
  'certificatesigningrequests/status': paths('spec', 'status.conditions'),
  'certificatesigningrequests/approval': paths('spec', 'status.certificate'),
};

/** Of metadata that nobody owns by a write of the status not all is put back: a wrong uid is refused. */
const KEPT = ['metadata.labels', 'metadata.annotations', 'metadata.finalizers', 'metadata.ownerReferences', 'spec'];
const OWN_METADATA = paths('metadata.deletionTimestamp', 'metadata.generation', 'metadata.selfLink', ...KEPT);
/** What is put back where that is not all that nobody comes to own. A signer says by a condition that it failed. */
const RESTORED: Readonly<Record<string, FieldSet>> = {
  'certificatesigningrequests/status': paths('spec'),
  'apiservices/status': paths(...KEPT),
  ...Object.fromEntries(
    ['validatingadmissionpolicies', 'servicecidrs', 'devicetaintrules', 'resourceclaims', 'resourcepoolstatusrequests', 'podgroups', 'volumeattachments', 'storageversionmigrations', 'storageversions'].map((kind) => [`${kind}/status`, OWN_METADATA]),
  ),
}; // prettier-ignore
/** What is put back to what it was when an endpoint writes. Source: apimachinery meta/v1 ResetObjectMetaForStatus; the strategies. */
export function restoredFieldsOf(...of: Parameters<typeof resetFieldsOf>): FieldSet | undefined {
  const [{ resource }, subresource, isCustom] = of;
  return (isCustom ? undefined : RESTORED[`${resource}/${subresource}`]) ?? resetFieldsOf(...of);
}
/**
 * What an endpoint does not write, so that nobody comes to own it there. `isCustom`: of a CRD.
 * Source: GetResetFields of the strategies.
 */
export function resetFieldsOf(
  resource: { readonly resource: string; readonly subresources: ReadonlyMap<string, unknown> },
  subresource: string,
  isCustom: boolean,
): FieldSet | undefined {
  if (!isCustom) {
    const special = SPECIAL[subresource === '' ? resource.resource : `${resource.resource}/${subresource}`];
    if (special !== undefined) return special;
  }
  if (subresource === 'status') return isCustom || STATUS_ALONE.has(resource.resource) ? METADATA_AND_SPEC : SPEC;
  return resource.subresources.has('status') ? STATUS : undefined;
}
