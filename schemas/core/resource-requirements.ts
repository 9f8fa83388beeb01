import type { Errors } from '../define.ts';
import type { ResourceClaim, ResourceRequirements } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { duplicate, forbidden, invalid, notFound, required, type FieldPath } from '../meta/field.ts';
import { compareQuantities, parseQuantity } from '../meta/quantity.ts';
import { isHugePages, isOvercommitAllowed, validateResourceQuantity } from './resource-names.ts';
import { own } from '../meta/own.ts';

/** `rule` says which names are allowed. Source: pkg/apis/core/validation validateResourceRequirements. */
export function* validateResourceRequirements(
  { limits = {}, requests = {}, claims = [] }: ResourceRequirements,
  rule: (name: string, at: FieldPath) => Errors,
  podClaims: ReadonlySet<string>,
  at: FieldPath,
): Errors {
  for (const [name, quantity] of Object.entries(limits)) {
    const here = at('limits').key(name);
    yield* rule(name, here);
    yield* validateResourceQuantity(name, quantity, here);
    yield* validateHugePages(name, quantity, here);
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const here = at('requests').key(name);
    yield* rule(name, here);
    yield* validateResourceQuantity(name, quantity, here);
    const limit = own(limits, name);
    if (limit === undefined) {
      if (!isOvercommitAllowed(name))
        yield required(at('limits'), 'Limit must be set for non overcommitable resources');
    } else if (compareQuantities(quantity, limit) !== 0 && !isOvercommitAllowed(name))
      yield invalid(at('requests'), String(quantity), `must be equal to ${name} limit of ${limit}`);
    else if (compareQuantities(quantity, limit) > 0)
      yield invalid(at('requests'), String(quantity), `must be less than or equal to ${name} limit of ${limit}`);
    yield* validateHugePages(name, quantity, here);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((n) => n === 'cpu' || n === 'memory'))
    yield forbidden(at, 'HugePages require cpu or memory');
  yield* validateClaimNames(claims, podClaims, at('claims'));
}
function* validateHugePages(name: string, quantity: string | number, at: FieldPath): Errors {
  if (!isHugePages(name)) return;
  let size: bigint;
  try {
    size = parseQuantity(name.slice('hugepages-'.length)).nano;
  } catch {
    return;
  }
  const { nano } = parseQuantity(quantity);
  if (size <= 0n || nano % size !== 0n)
    yield invalid(at, String(quantity), `${quantity} is not positive integer multiple of ${name}`);
}
function* validateClaimNames(claims: readonly ResourceClaim[], podClaims: ReadonlySet<string>, at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { name, request }] of claims.entries()) {
    if (name === '') {
      yield required(at(i));
      continue;
    }
    if (seen.has(name)) yield duplicate(at(i), name);
    else {
      if (request) yield* dnsLabelField(request, at(i)('request'));
      const key = request ? `${name}/${request}` : name;
      if (seen.has(key)) yield duplicate(at(i), key);
      else if (!request) for (const other of seen) if (other.startsWith(`${name}/`)) yield duplicate(at(i), name);
      seen.add(key);
    }
    if (podClaims.has(name)) continue;
    const where = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`;
    const error = notFound(at(i), name);
    yield { ...error, message: `${error.message}: must be one of the names in pod.spec.resourceClaims${where}` };
  }
}
