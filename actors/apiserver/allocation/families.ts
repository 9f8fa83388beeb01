import type { Service, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import { duplicate, fieldPath, invalid, notSupported, required, type FieldError } from '../../../schemas/meta/field.ts';
import { parseAddress, type Family } from './ip.ts';

const at = fieldPath('spec');
const NONE = 'None';
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
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
    next.type !== 'ExternalName' &&
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
  const loose = [...relatedErrors(spec)];
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

/** Source: kubernetes pkg/apis/core/validation ValidateServiceClusterIPsRelatedFields. */
function* relatedErrors(spec: ServiceSpec): Generator<FieldError> {
  const ips = spec.clusterIPs ?? [];
  const ipsAt = at('clusterIPs');
  if (spec.clusterIP) {
    if (ips.length === 0) yield required(ipsAt);
    else if (ips[0] !== spec.clusterIP) yield invalid(ipsAt, ips, 'first value must match `clusterIP`');
  } else if (ips.length > 0) yield invalid(ipsAt, ips, 'must be empty when `clusterIP` is not specified');
  const seen = new Set<string>();
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (family !== 'IPv4' && family !== 'IPv6') yield notSupported(at('ipFamilies')(i), family, ['IPv4', 'IPv6']);
    if (seen.has(family)) yield duplicate(at('ipFamilies')(i), family);
    seen.add(family);
  }
  const policy = spec.ipFamilyPolicy as string | undefined;
  if (policy !== undefined && !POLICIES.includes(policy)) yield notSupported(at('ipFamilyPolicy'), policy, POLICIES);
  let bad = false;
  for (const [i, ip] of ips.entries()) {
    if (i === 0 && ip === NONE) {
      if (ips.length > 1) {
        bad = true;
        yield invalid(ipsAt, ips, "'None' must be the first and only value");
      }
      continue;
    }
    if (parseAddress(ip) !== undefined) continue;
    bad = true;
    yield invalid(ipsAt(i), ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  }
  if (ips.length > 2) yield invalid(ipsAt, ips, 'may only hold up to 2 values');
  if (bad) return;
  const of = (ip: string): Family => parseAddress(ip)?.family ?? 'IPv4';
  if (ips.length > 1 && (ips.length > 2 || of(ips[0]!) === of(ips[1]!)))
    yield invalid(ipsAt, ips, 'may specify no more than one IP for each IP family');
  if (ips[0] === NONE) return;
  for (const [i, ip] of ips.entries()) {
    const family = spec.ipFamilies?.[i];
    if (family !== undefined && family !== of(ip))
      yield invalid(ipsAt(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``);
  }
}
