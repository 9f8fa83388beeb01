import type { Service, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import { validateClusterAddresses } from '../../../schemas/core/service-addresses.ts';
import { fieldPath, invalid, type FieldError } from '../../../schemas/meta/field.ts';
import { parseAddress, type Family } from './ip.ts';

const at = fieldPath('spec');
const NONE = 'None';
/** Types that addresses are given to. */
const WITH_ADDRESS: readonly unknown[] = ['ClusterIP', 'NodePort', 'LoadBalancer'];
const same = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  (a ?? []).length === (b ?? []).length && (a ?? []).every((v, i) => v === b?.[i]);
const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');
const shrunk = (next: readonly string[] | undefined, old: readonly string[] | undefined): boolean =>
  (old ?? []).length > 0 && (next ?? []).length < (old ?? []).length && (next ?? []).length > 0;

/** True if an update leaves everything about families as it was: then nothing is upgraded or downgraded by the way. */
export function keepsPreferDualStack(next: ServiceSpec, old: ServiceSpec | undefined): boolean {
  return (
    old !== undefined &&
    next.ipFamilyPolicy === 'PreferDualStack' &&
    old.ipFamilyPolicy === 'PreferDualStack' &&
    next.type === old.type &&
    WITH_ADDRESS.includes(next.type) &&
    same(next.clusterIPs, old.clusterIPs) &&
    same(next.ipFamilies, old.ipFamilies)
  );
}

/**
 * Fills in policy and families of a service from what was asked and what the cluster has. Returns the errors; the draft
 * is changed in place. Source: kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields.
 */
export function settleFamilies(
  service: Service,
  before: Service | undefined,
  configured: readonly Family[],
): readonly FieldError[] {
  const spec = service.spec!;
  const old = before?.spec;
  if (spec.type === 'ExternalName' || keepsPreferDualStack(spec, old)) return [];
  const selectorless = Object.keys(spec.selector ?? {}).length === 0;
  const headless = spec.clusterIP === NONE;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (headless && selectorless ? 'RequireDualStack' : 'SingleStack');
  const loose = [...validateClusterAddresses(service, before, at)];
  if (loose.length > 0) return loose;

  const errors: FieldError[] = [];
  const single = spec.ipFamilyPolicy === 'SingleStack';
  const policyAt = at('ipFamilyPolicy');
  if (old !== undefined && single) {
    if (same(old.clusterIPs, spec.clusterIPs) && (spec.clusterIPs ?? []).length > 1)
      spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
    if (same(old.ipFamilies, spec.ipFamilies) && (spec.ipFamilies ?? []).length > 1)
      spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
  } else if (old !== undefined) {
    if (shrunk(spec.clusterIPs, old.clusterIPs))
      errors.push(invalid(policyAt, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP"));
    if (shrunk(spec.ipFamilies, old.ipFamilies))
      errors.push(invalid(policyAt, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family"));
  }
  if (single) {
    const text = (what: string): string =>
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    if (spec.clusterIPs?.length === 2) errors.push(invalid(policyAt, spec.ipFamilyPolicy, text('cluster IPs')));
    if (spec.ipFamilies?.length === 2) errors.push(invalid(policyAt, spec.ipFamilyPolicy, text('IP families')));
  }
  const families = (spec.ipFamilies ?? []) as Family[];
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === NONE) break;
    if (i < families.length) continue;
    const family = parseAddress(ip)?.family ?? 'IPv4';
    if (configured.includes(family)) families.push(family);
    else errors.push(invalid(at('clusterIPs')(i), spec.clusterIPs, `${family} is not configured on this cluster`));
  }
  if (families.length > 0) spec.ipFamilies = families;
  if (errors.length > 0) return errors;

  if (headless && selectorless) {
    if (families.length === 0) families.push(configured[0]!);
    if (families.length < 2 && !single) families.push(other(families[0]!));
    spec.ipFamilies = families;
    return [];
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2)
    errors.push(invalid(policyAt, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  for (const [i, family] of families.entries())
    if (!configured.includes(family))
      errors.push(invalid(at('ipFamilies')(i), family, 'not configured on this cluster'));
  if (errors.length > 0) return errors;
  if (families.length === 0) families.push(configured[0]!);
  if (!single && families.length === 1 && configured.length === 2) families.push(other(families[0]!));
  spec.ipFamilies = families;
  return [];
}
