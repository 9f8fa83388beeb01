import { defineResource, type Errors } from '../define.ts';
import type { ServiceCIDR } from '../generated/networking-v1.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { parseCidr } from '../meta/ip.ts';
import { age } from '../meta/time.ts';
import { validateStrictCidr } from './strict-ip.ts';

const IMMUTABLE = 'field is immutable';

export const serviceCidr = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs',
  tracksGeneration: false,

  prepareForCreate(draft) {
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },
  *validate({ metadata, spec }, at) {
    // On update only what changes is looked at.
    if (metadata.resourceVersion === undefined) yield* validateCidrs(spec?.cidrs ?? [], at('spec')('cidrs'));
  },
  *validateUpdate({ spec }, old, at) {
    const here = at('spec')('cidrs');
    const now = spec?.cidrs ?? [];
    const shown = spec?.cidrs ?? null;
    const before = old.spec?.cidrs ?? [];
    if (now.length === before.length) {
      for (const [i, cidr] of now.entries()) if (cidr !== before[i]) yield invalid(here(i), cidr, IMMUTABLE);
    } else if (before.length === 1 && now.length === 2) {
      if (now[0] !== before[0]) yield invalid(here(0), now[0], IMMUTABLE);
      yield* validateCidrs(now, here);
    } else yield invalid(here, shown, IMMUTABLE);
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', (spec?.cidrs ?? []).join(), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

/** Source: pkg/apis/networking/validation validateServiceCIDRSpec. */
function* validateCidrs(cidrs: readonly string[], at: FieldPath): Errors {
  if (cidrs.length === 0) yield required(at, 'at least one CIDR required');
  else if (cidrs.length > 2) yield invalid(at, { CIDRs: cidrs }, 'may only hold up to 2 values');
  else {
    for (const [i, cidr] of cidrs.entries()) yield* validateStrictCidr(cidr, at(i));
    const families = cidrs.map((cidr) => parseCidr(cidr)?.family);
    if (families.length === 2 && families[0] !== undefined && families[0] === families[1])
      yield invalid(at, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64');
  }
} // prettier-ignore
