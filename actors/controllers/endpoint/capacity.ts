import type { EndpointSubset } from '../../../schemas/generated/core-v1.ts';

/** Source: pkg/controller/endpoint maxCapacity. */
export const MAX_ADDRESSES = 1_000;
/** At most 1000 addresses, ready ones first, each subset in proportion; undefined if all fit. */
export function truncate(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const count = (field: 'addresses' | 'notReadyAddresses'): number => subsets.reduce((n, s) => n + (s[field]?.length ?? 0), 0); // prettier-ignore
  const [ready, notReady] = [count('addresses'), count('notReadyAddresses')];
  if (ready + notReady <= MAX_ADDRESSES) return undefined;
  const cutsReady = ready > MAX_ADDRESSES;
  const field = cutsReady ? 'addresses' : 'notReadyAddresses';
  const room = cutsReady ? MAX_ADDRESSES : MAX_ADDRESSES - ready;
  const total = cutsReady ? ready : notReady;
  let left = room;
  return subsets.map((subset) => {
    const here = subset[field] ?? [];
    const take = Math.min(Math.ceil((here.length / total) * room), left);
    left -= take;
    const { notReadyAddresses: _dropped, ...rest } = subset;
    return { ...(cutsReady ? rest : subset), [field]: here.slice(0, take) };
  });
}
