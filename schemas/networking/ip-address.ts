import { defineResource } from '../define.ts';
import type { IPAddress } from '../generated/networking-v1.ts';
import { problems, requiredSegment } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { invalid, required } from '../meta/field.ts';
import { dnsSubdomain, pathSegment } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { ipProblems } from './strict-ip.ts';

export const ipAddress = defineResource<IPAddress>({
  group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses',
  metadataChecks: ['whole', 'changes'],

  validateName: (name) => ipProblems(name),
  *validate({ spec }, at) {
    const ref = spec?.parentRef;
    const here = at('spec')('parentRef');
    if (!ref) {
      yield required(here);
      return;
    }
    if (ref.group) yield* problems(dnsSubdomain(ref.group), ref.group, here('group'));
    yield* requiredSegment(ref.resource, here('resource'));
    yield* requiredSegment(ref.name, here('name'));
    if (ref.namespace) yield* problems(pathSegment(ref.namespace), ref.namespace, here('namespace'));
  },
  *validateUpdate({ spec }, old, at) {
    if (!equal(spec?.parentRef, old.spec?.parentRef))
      yield invalid(at('spec')('parentRef'), goStruct(spec?.parentRef, 'io.k8s.api.networking.v1.ParentReference'), 'field is immutable');
  },
  /** One cell more than there are columns, as the real server answers. */
  cells({ metadata, spec }, now) {
    const ref = spec?.parentRef;
    const resource = ref ? `${ref.resource}${ref.group ? `.${ref.group}` : ''}`.toLowerCase() : '<none>';
    return [
      metadata.name ?? '', ref ? `${resource}${ref.namespace ? `/${ref.namespace}` : ''}/${ref.name}` : resource, age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore
