import type { World } from '../../../bus/world.ts';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '../../../schemas/generated/resource-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { controllerOf } from '../../runtime/owners.ts';
import { Slices } from '../plugins/dynamic-resources/allocator/pools.ts';
import { Attempts } from '../plugins/dynamic-resources/attempts.ts';
import { classesByResource } from '../plugins/dynamic-resources/classes.ts';
import { ClaimTracker } from '../plugins/dynamic-resources/tracker.ts';

/** Devices as they were at one moment; nothing is promised, and nothing is taken back. */
export function devicesFrom(
  o: {
    readonly claims: readonly ResourceClaim[];
    readonly classes: readonly DeviceClass[];
    readonly slices: readonly ResourceSlice[];
  },
  world: World,
): Attempts {
  const claims = new Map(o.claims.map((claim) => [keyOf(claim), claim]));
  const classes = new Map(o.classes.map((each) => [each.metadata.name, each]));
  const slices = new Slices(o.slices);
  const byResource = classesByResource(o.classes);
  const owned = Map.groupBy(o.claims, (claim) => controllerOf(claim)?.uid);
  const tracker = new ClaimTracker(claims);
  for (const claim of o.claims) tracker.seen(claim, false);
  return new Attempts(
    world,
    {
      tracker,
      version: () => 0,
      slices: () => slices,
      deviceClass: (name) => classes.get(name),
      classFor: (resource) => byResource.get(resource),
      ownedBy: (uid) => owned.get(uid) ?? [],
    },
    { deallocate: () => undefined, discard: () => undefined },
  );
}
