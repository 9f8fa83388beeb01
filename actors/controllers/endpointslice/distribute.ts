import type { Endpoint, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { sameBeyondIdentity } from '../../runtime/endpoint-slices.ts';

/** A slice that is to be written: what it will hold. */
export interface Filled {
  /** What it is now. */
  readonly slice: EndpointSlice;
  readonly endpoints: Endpoint[];
}
export interface Distribution {
  readonly updates: Filled[];
  readonly deletes: EndpointSlice[];
  /** What new slices are needed for. */
  readonly fresh: Endpoint[][];
}

/**
 * Puts a group's endpoints into the slices it has so that few of them are written, because each write goes to every node:
 * who stands in a slice stays there; newcomers go where a write is due, then into the one other slice that they fill best,
 * else into new ones. `left` are the endpoints by their pods' names; none is left. Source: k8s.io/endpointslice
 * reconcileByPortMapping.
 */
export function distribute(
  slices: readonly EndpointSlice[],
  left: Map<string, Endpoint>,
  hasLabels: (slice: EndpointSlice) => boolean,
  max: number,
): Distribution {
  const same: Filled[] = [];
  const updates: Filled[] = [];
  const deletes: EndpointSlice[] = [];
  for (const slice of slices) {
    const before = slice.endpoints ?? [];
    const stay: Endpoint[] = [];
    let isChanged = false;
    for (const old of before) {
      const name = old.targetRef?.name ?? '';
      const now = left.get(name);
      if (!now || !isSame(now, old)) continue;
      left.delete(name);
      stay.push(now);
      if (!sameBeyondIdentity(now, old)) isChanged = true;
    }
    isChanged ||= stay.length !== before.length;
    if (isChanged && stay.length === 0) deletes.push(slice);
    else (isChanged || !hasLabels(slice) ? updates : same).push({ slice, endpoints: stay });
  }
  const rest = [...left.values()];
  left.clear();
  let count = rest.length;
  const fill = (to: Endpoint[]): void => {
    for (; count > 0 && to.length < max; count--) to.push(rest[rest.length - count]!);
  };
  if (count > 0) for (const { endpoints: to } of updates.sort((a, b) => b.endpoints.length - a.endpoints.length)) fill(to);
  const fresh: Endpoint[][] = [];
  while (count > 0) {
    const at = count < max ? best(same, max - count) : -1;
    const [found] = at < 0 ? [] : same.splice(at, 1);
    const to = found?.endpoints ?? [];
    fill(to);
    if (found) updates.push(found);
    else fresh.push(to);
  }
  return { updates, deletes, fresh };
} // prettier-ignore

/** The same pod at the same addresses under the same name, whatever its conditions. Source: endpointset.go. */
const isSame = (a: Endpoint, b: Endpoint): boolean =>
  (a.hostname ?? '') === (b.hostname ?? '') &&
  a.targetRef?.namespace === b.targetRef?.namespace &&
  a.addresses.length === b.addresses.length &&
  a.addresses.every((ip) => b.addresses.includes(ip));

/** The fullest that has no more than `room` endpoints; -1: none. */
function best(candidates: readonly Filled[], room: number): number {
  let at = -1;
  for (const [i, { endpoints }] of candidates.entries())
    if (endpoints.length <= room && (at < 0 || endpoints.length > candidates[at]!.endpoints.length)) at = i;
  return at;
}
