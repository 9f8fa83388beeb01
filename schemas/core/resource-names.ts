import type { Quantity } from '../generated/api-resource.ts';
import type { Errors } from '../define.ts';
import { invalid, notSupported, type FieldPath } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';

/** Names of resources (cpu, memory, example.com/gpu) and their amounts. Source: pkg/apis/core/helper, validation. */
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const COUNTED = ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers']; // prettier-ignore
const IN_QUOTA: ReadonlySet<string> = new Set([
  ...COMPUTE, ...COMPUTE.map((r) => `requests.${r}`), ...COMPUTE.map((r) => `limits.${r}`), 'requests.storage', ...COUNTED,
]); // prettier-ignore
const INTEGERS: ReadonlySet<string> = new Set(COUNTED);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);
export const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
export const isStandardQuotaName = (name: string): boolean => IN_QUOTA.has(name) || isQuotaHugePages(name);

export function* validateResourceName(name: string, at: FieldPath): Errors {
  const wrong = qualifiedName(name);
  for (const why of wrong) yield invalid(at, name, why);
  if (wrong.length === 0 && !name.includes('/') && name !== 'storage' && !isStandardQuotaName(name))
    yield invalid(at, name, 'must be a standard resource type or fully qualified');
}
export function* validateContainerResourceName(name: string, at: FieldPath): Errors {
  yield* validateResourceName(name, at);
  if (!name.includes('/')) {
    if (!COMPUTE.includes(name) && !isHugePages(name))
      yield invalid(at, name, 'must be a standard resource for containers');
  } else if (!isNative(name) && !isExtended(name))
    yield invalid(at, name, "doesn't follow extended resource name standard");
}
export function* validatePodResourceName(name: string, at: FieldPath): Errors {
  const errors = [...validateResourceName(name, at)];
  yield* errors;
  if (errors.length === 0 && name !== 'cpu' && name !== 'memory' && !isHugePages(name))
    yield notSupported(at, name, ['cpu', 'hugepages-', 'memory']);
}
export function* validateQuotaResourceName(name: string, at: FieldPath): Errors {
  yield* validateResourceName(name, at);
  if (!name.includes('/') && !isStandardQuotaName(name))
    yield invalid(at, name, 'must be a standard resource for quota');
}
/** Not negative; whole where things are counted. */
export function* validateResourceQuantity(name: string, quantity: Quantity, at: FieldPath): Errors {
  const { nano } = parseQuantity(quantity);
  if (nano < 0n) yield invalid(at, String(quantity), 'must be greater than or equal to 0');
  if ((INTEGERS.has(name) || isExtended(name)) && nano % 1_000_000_000n !== 0n)
    yield invalid(at, quantity, 'must be an integer');
}
