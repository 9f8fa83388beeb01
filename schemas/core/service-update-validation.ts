import type { Errors } from '../define.ts';
import type { Service } from '../generated/core-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { isHeadless, needsHealthCheckPort } from './service-kinds.ts';
import { validateLoadBalancerClass } from './service-validation.ts';

/** Addresses and families may gain or lose a second one; the first stays. Source: pkg/apis/core/validation ValidateServiceUpdate. */
export function* validateServiceUpdate(object: Service, old: Service, at: FieldPath): Errors {
  const here = at('spec');
  const { spec = {} } = object;
  const before = old.spec ?? {};
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    const headless = [isHeadless(object), isHeadless(old)];
    const ips = spec.clusterIPs ?? [];
    if (!headless.every(Boolean))
      yield* pairChange(ips, before.clusterIPs ?? [], ips, spec.ipFamilyPolicy, 'clusterIP', here);
    if (!headless.some(Boolean))
      yield* pairChange(spec.ipFamilies ?? [], before.ipFamilies ?? [], ips, spec.ipFamilyPolicy, 'ipFamily', here);
  }
  if (
    spec.type === 'LoadBalancer' &&
    before.type === 'LoadBalancer' &&
    spec.loadBalancerClass !== before.loadBalancerClass
  )
    yield invalid(here('loadBalancerClass'), spec.loadBalancerClass ?? null, 'may not change once set');
  yield* validateLoadBalancerClass(spec, here);
  if (
    needsHealthCheckPort(old) &&
    needsHealthCheckPort(object) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
  )
    yield forbidden(here('healthCheckNodePort'), 'field is immutable');
}
/** `ips`: what the real server shows, and asks, where families changed as well. */
function* pairChange(
  now: readonly string[],
  before: readonly string[],
  ips: readonly string[],
  policy: string | undefined,
  one: 'clusterIP' | 'ipFamily',
  at: FieldPath,
): Errors {
  const list = at(one === 'clusterIP' ? 'clusterIPs' : 'ipFamilies');
  const shown = (value: readonly string[]): readonly string[] | null => (value.length > 0 ? value : null);
  if (before.length === now.length) {
    for (const [i, value] of before.entries())
      if (value !== now[i]) yield invalid(list(one === 'clusterIP' ? i : 0), now, 'may not change once set');
    return;
  }
  if (before.length > now.length && ips.length === 0)
    yield invalid(list(0), shown(now), `primary ${one} can not be unset`);
  if (before.length > 0 && now.length > 0 && now[0] !== before[0])
    yield invalid(list(0), shown(ips), 'may not change once set');
  if (before.length > now.length && now.length === 1 && policy !== 'SingleStack')
    yield invalid(
      at('ipFamilyPolicy'),
      policy ?? null,
      `must be set to 'SingleStack' when releasing the secondary ${one}`,
    );
}
