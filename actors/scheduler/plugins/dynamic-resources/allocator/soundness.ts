import type { ResourceClaim } from '../../../../../schemas/generated/resource-v1.ts';
import type { Candidate, Pool, Surroundings } from './devices.ts';
import type { Request, Wanted } from './requests.ts';

/** Something is wrong with a claim or a class, so that no node can help: it has to be told, and tried again. */
export class Unsound extends Error {}
export const claimName = ({ metadata: { namespace, name } }: ResourceClaim): string =>
  namespace ? `${namespace}/${name}` : name!;

/**
 * What a request comes to on a node, or Unsound, in upstream's words and in its order. Source: structured/internal
 * validateDeviceRequest.
 */
export function wantedOf(
  claim: ResourceClaim,
  request: Request,
  pools: readonly Pool[],
  around: Surroundings,
  suits: (wanted: Wanted, candidate: Candidate) => boolean,
): Wanted {
  const whose = `claim ${claimName(claim)}, request ${request.own}`;
  const unknown = request.selectors.findIndex(({ cel }) => cel === undefined);
  if (unknown >= 0)
    throw new Unsound(`${whose}, selector #${unknown}: CEL expression empty (unsupported selector type?)`);
  const { deviceClassName: name } = request;
  if (name === '') throw new Unsound(`${whose}: missing device class name (unsupported request type?)`);
  const deviceClass = around.deviceClass(name);
  if (deviceClass === undefined)
    throw new Unsound(
      `${whose}: could not retrieve device class ${name}: deviceclass.resource.k8s.io ${JSON.stringify(name)} not found`,
    );
  const wanted: Wanted = { request, deviceClass, count: request.count, all: undefined };
  if (request.mode === 'ExactCount') return wanted;
  if (request.mode !== 'All') throw new Unsound(`${whose}: unsupported count mode ${request.mode}`);
  const all: Candidate[] = [];
  for (const pool of pools) {
    const state = pool.isIncomplete ? 'being updated' : pool.isInvalid ? 'invalid' : undefined;
    if (state !== undefined)
      throw new Unsound(`${whose}: asks for all devices, but resource pool ${pool.id} is currently ${state}`);
    for (const candidate of pool.candidates) if (suits(wanted, candidate)) all.push(candidate);
  }
  return { ...wanted, count: all.length, all };
}
