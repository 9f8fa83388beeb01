import type { Fence } from '../../../../bus/protocol/api.ts';
import type { World } from '../../../../bus/world.ts';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '../../../../schemas/generated/resource-v1.ts';
import type { ApiClient } from '../../../runtime/api-client.ts';
import type { SeriesRecorder } from '../../../runtime/event-series.ts';
import type { Informers } from '../../../runtime/informer.ts';
import { controllerOf } from '../../../runtime/owners.ts';
import { deviceClasses, resourceClaims, resourceSlices } from '../../../runtime/resources.ts';
import type { Reservation, Reserver } from '../../reservation.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import type { ClusterEvent } from '../plugin.ts';
import { Slices } from './allocator/pools.ts';
import { Attempts } from './attempts.ts';
import { classesByResource } from './classes.ts';
import { reserve } from './reserving.ts';
import { ClaimTracker } from './tracker.ts';
import { NAME, type DeviceView } from './view.ts';
import { ClaimWrites } from './writes.ts';

export interface DevicesOptions {
  readonly world: World;
  readonly client: ApiClient;
  readonly informers: Informers;
  readonly recorder: SeriesRecorder;
  readonly fence: () => Fence | undefined;
  readonly tell: (event: ClusterEvent) => void;
  /** After changes have been told of. */
  readonly changed: () => void;
}
/** Devices, once somebody needs them. */
export interface Devices {
  readonly view: DeviceView;
  readonly reserver: Reserver;
  /** Why the pod waits for its claims; undefined: it need not. */
  waitsFor(pod: PodInfo): string | undefined;
}
const BY_OWNER = 'owner';

/** Follows claims, classes and slices; resolves when all are known. */
export async function followDevices(o: DevicesOptions): Promise<Devices> {
  const { world, informers } = o;
  const claims = informers.for<ResourceClaim>(resourceClaims);
  const classes = informers.for<DeviceClass>(deviceClasses);
  const slices = informers.for<ResourceSlice>(resourceSlices);
  claims.addIndex(BY_OWNER, (claim) => [controllerOf(claim)?.uid].filter((uid) => uid !== undefined));
  const tracker = new ClaimTracker(claims);
  const listeners = new Set<() => void>();
  /** Changes of slices and classes. */
  let others = 0;
  let known: Slices | undefined;
  let byResource: ReadonlyMap<string, DeviceClass> | undefined;

  const claimSeen = (claim: ResourceClaim, old?: ResourceClaim): void => {
    tracker.seen(claim, false);
    o.tell({ type: 'resourceClaim.changed', claim, old });
  };
  claims.on({
    add: (claim) => claimSeen(claim),
    update: claimSeen,
    delete(claim) {
      tracker.seen(claim, true);
      // Its devices are free, as if they had been taken back.
      const { status: _, ...rest } = claim;
      if (claim.status?.allocation) o.tell({ type: 'resourceClaim.changed', claim: rest, old: claim });
    },
    batch() {
      for (const hear of listeners) hear();
      o.changed();
    },
  });
  const classesChanged = (): void => {
    byResource = undefined;
    others++;
  };
  const classSeen = (_: DeviceClass, old?: DeviceClass): void => {
    classesChanged();
    o.tell({ type: 'deviceClass.changed', isNew: old === undefined });
  };
  classes.on({ add: classSeen, update: classSeen, delete: classesChanged, batch: o.changed });
  const slicesChanged = (): void => {
    known = undefined;
    others++;
  };
  const sliceSeen = (_: ResourceSlice, old?: ResourceSlice): void => {
    slicesChanged();
    o.tell({ type: 'resourceSlice.changed', isNew: old === undefined });
  };
  slices.on({ add: sliceSeen, update: sliceSeen, delete: slicesChanged, batch: o.changed });
  await Promise.all([claims.synced, classes.synced, slices.synced]);

  const writes = new ClaimWrites(world, o.client, o.fence);
  const quietly = (doing: string, work: Promise<void>): void =>
    void work.catch((err: unknown) => world.log.warn(doing, { err }));
  const attempts = new Attempts(
    world,
    {
      tracker,
      version: () => tracker.version + others,
      slices: () => (known ??= new Slices(slices.all())),
      deviceClass: (name) => classes.get(name),
      classFor: (resource) => (byResource ??= classesByResource(classes.all())).get(resource),
      ownedBy: (uid) => claims.byIndex(BY_OWNER, uid),
    },
    {
      deallocate: (claim) => quietly('claim not deallocated', writes.deallocate(claim)),
      discard: (claim) => quietly('claim not deleted', writes.discard(claim)),
    },
  );
  const onChange = (hear: () => void): (() => void) => {
    listeners.add(hear);
    return () => void listeners.delete(hear);
  };
  return {
    view: attempts,
    waitsFor: ({ pod }) => attempts.waitsFor(pod),
    reserver: {
      name: NAME,
      reserve(pod, node): Reservation | undefined {
        const found = attempts.found(pod, node);
        return found
          ? reserve(found, node.name, { world, tracker, writes, recorder: o.recorder, onChange })
          : undefined;
      },
    },
  };
}
