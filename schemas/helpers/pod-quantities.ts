import type { Pod } from '../generated/core-v1.ts';
import { addQuantities, canonicalQuantity, compareQuantities } from '../meta/quantity.ts';

/** Quantities by resource name, exact: for what is shown to people (quota, limits). For arithmetic see pod-resources.ts. */
export type Quantities = Readonly<Record<string, string>>;
type Given = Readonly<Record<string, string | number>> | undefined;

const add = (to: Record<string, string>, from: Given): void => {
  for (const [name, amount] of Object.entries(from ?? {})) to[name] = addQuantities(to[name] ?? '0', amount);
};
const raise = (to: Record<string, string>, from: Given): void => {
  for (const [name, amount] of Object.entries(from ?? {}))
    if (to[name] === undefined || compareQuantities(amount, to[name]) > 0) to[name] = canonicalQuantity(amount);
};
const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/**
 * Requests or limits of a whole pod: containers and sidecars together, at least what each init container needs with the
 * sidecars before it; pod-level ones instead where set. Source: component-helpers resource PodRequests, PodLimits.
 */
export function podQuantities(
  pod: Pod,
  which: 'requests' | 'limits',
  options: { readonly overhead?: boolean } = {},
): Quantities {
  const spec = pod.spec;
  const total: Record<string, string> = {};
  for (const { resources } of spec?.containers ?? []) add(total, resources?.[which]);
  const sidecars: Record<string, string> = {};
  const peak: Record<string, string> = {};
  for (const { resources, restartPolicy } of spec?.initContainers ?? []) {
    const own = resources?.[which];
    if (restartPolicy === 'Always') {
      add(total, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const together: Record<string, string> = { ...sidecars };
      add(together, own);
      raise(peak, together);
    }
  }
  raise(total, peak);
  for (const [name, amount] of Object.entries(spec?.resources?.[which] ?? {}))
    if (isPodLevel(name)) total[name] = canonicalQuantity(amount);
  if (options.overhead === true && spec?.overhead !== undefined)
    for (const [name, amount] of Object.entries(spec.overhead))
      // A resource without a limit stays without.
      if (which === 'requests' || total[name] !== undefined) total[name] = addQuantities(total[name] ?? '0', amount);
  return total;
}
