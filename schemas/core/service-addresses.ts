import type { Errors } from '../define.ts';
import type { Service } from '../generated/core-v1.ts';
import { duplicate, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { isIpv6, validateIp } from '../meta/ip.ts';
import { isHeadless } from './service-kinds.ts';

const FAMILIES = ['IPv4', 'IPv6'];
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/**
 * Whether clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy go together; asked before addresses are chosen, and again
 * of the whole. `at`: the spec's path. Source: pkg/apis/core/validation ValidateServiceClusterIPsRelatedFields.
 */
export function* validateClusterAddresses(object: Service, old: Service | undefined, at: FieldPath): Errors {
  const { type, clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = object.spec ?? {};
  if (type === 'ExternalName') return;
  const here = at('clusterIPs');
  if (clusterIP !== '') {
    if (clusterIPs.length === 0) yield required(here);
    else if (clusterIPs[0] !== clusterIP) yield invalid(here, clusterIPs, 'first value must match `clusterIP`');
  } else if (clusterIPs.length > 0) yield invalid(here, clusterIPs, 'must be empty when `clusterIP` is not specified');
  for (const [i, family] of ipFamilies.entries()) {
    if (!FAMILIES.includes(family)) yield notSupported(at('ipFamilies')(i), family, FAMILIES);
    if (ipFamilies.indexOf(family) < i) yield duplicate(at('ipFamilies')(i), family);
  }
  if (ipFamilyPolicy !== undefined && !FAMILY_POLICIES.includes(ipFamilyPolicy))
    yield notSupported(at('ipFamilyPolicy'), ipFamilyPolicy, FAMILY_POLICIES);
  const known = old?.spec?.clusterIPs ?? [];
  let bad = false;
  for (const [i, ip] of clusterIPs.entries()) {
    if (i === 0 && ip === 'None') {
      if (clusterIPs.length > 1) {
        bad = true;
        yield invalid(here, clusterIPs, "'None' must be the first and only value");
      }
    } else if (!known.includes(ip)) {
      // What was accepted once, by older rules perhaps, may stay.
      const errors = [...validateIp(ip, here(i))];
      bad ||= errors.length > 0;
      yield* errors;
    }
  }
  if (clusterIPs.length > 2) yield invalid(here, clusterIPs, 'may only hold up to 2 values');
  if (bad) return;
  const families = new Set(clusterIPs.map((ip) => isIpv6(ip)));
  if (clusterIPs.length > 1 && families.size < 2)
    yield invalid(here, clusterIPs, 'may specify no more than one IP for each IP family');
  if (isHeadless(object)) return;
  for (const [i, ip] of clusterIPs.entries()) {
    const family = ipFamilies[i] as string | undefined;
    if ((family === 'IPv4' && isIpv6(ip)) || (family === 'IPv6' && !isIpv6(ip)))
      yield invalid(here(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``);
  }
}
