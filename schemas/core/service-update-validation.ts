import type { Errors } from '../define.ts';
import type { Service } from '../generated/core-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { isHeadless, needsHealthCheckPort } from './service-kinds.ts';

/** Addresses and families may gain or lose a second one; the first stays. Source: pkg/apis/core/validation ValidateServiceUpdate. */
export function* validateServiceUpdate(object: Service, old: Service, at: FieldPath): Errors {
  const here = at('spec');
  const { spec = {} } = object;
  const before = old.spec ?? {};
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    const headless = [isHeadless(object), isHeadless(old)];
    if (!headless.every(Boolean))
      yield* pairChange(
        spec.clusterIPs ?? [],
        before.clusterIPs ?? [],
        spec.ipFamilyPolicy,
        'clusterIPs',
        'clusterIP',
        here,
      );
    if (!headless.some(Boolean))
      yield* pairChange(
        spec.ipFamilies ?? [],
        before.ipFamilies ?? [],
        spec.ipFamilyPolicy,
        'ipFamilies',
        'ipFamily',
        here,
      );
  }
  if (
    spec.type === 'LoadBalancer' &&
    before.type === 'LoadBalancer' &&
    spec.loadBalancerClass !== before.loadBalancerClass
  )
    yield invalid(here('loadBalancerClass'), spec.loadBalancerClass, 'may not change once set');
  if (
    needsHealthCheckPort(old) &&
    needsHealthCheckPort(object) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
  )
    yield forbidden(here('healthCheckNodePort'), 'field is immutable');
}
function* pairChange(
  now: readonly string[],
  before: readonly string[],
  policy: string | undefined,
  field: string,
  one: string,
  at: FieldPath,
): Errors {
  if (before.length === now.length) {
    for (const [i, value] of before.entries())
      if (value !== now[i]) yield invalid(at(field)(field === 'clusterIPs' ? i : 0), now, 'may not change once set');
    return;
  }
  if (before.length > now.length && now.length === 0)
    yield invalid(at(field)(0), now, `primary ${one} can not be unset`);
  if (before.length > 0 && now.length > 0 && now[0] !== before[0])
    yield invalid(at(field)(0), now, 'may not change once set');
  if (before.length > now.length && now.length === 1 && policy !== 'SingleStack')
    yield invalid(at('ipFamilyPolicy'), policy, `must be set to 'SingleStack' when releasing the secondary ${one}`);
}
