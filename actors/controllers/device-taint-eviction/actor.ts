import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceSlice } from '../../../schemas/generated/resource-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { podDeletions } from '../../runtime/metrics/pod-deletions.ts';
import { pods as podsResource, resourceClaims, resourceSlices } from '../../runtime/resources.ts';
import { deviceOf, evicts, poolOf, reconcile } from './reconcile.ts';

const BY_POOL = 'devicePool';
const poolsOfClaim = ({ status }: ResourceClaim): readonly string[] =>
  (status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolOf(driver, pool));
const poolOfSlice = ({ spec }: ResourceSlice): string => poolOf(spec.driver, spec.pool.name);
/** What may make a difference to a pod. */
const taintsOf = ({ spec }: ResourceSlice) =>
  (spec.devices ?? []).flatMap(({ name, taints = [] }) => taints.filter(evicts).map((taint) => ({ name, taint })));

/** Evicts pods that use devices which their drivers have tainted. */
export function startDeviceTaintEviction(deps: ControllerDeps): Controller {
  const client = deps.client('controller:device-taint-eviction');
  const recorder = deps.recorderFor(client, 'device-taint-eviction-controller');
  const count = podDeletions(deps.metrics, 'device_taint_eviction_controller');
  const pods = deps.informers.for<Pod>(podsResource);
  const claims = deps.informers.for<ResourceClaim>(resourceClaims);
  const slices = deps.informers.for<ResourceSlice>(resourceSlices);
  claims.addIndex(BY_POOL, poolsOfClaim);
  slices.addIndex(BY_POOL, (slice) => [poolOfSlice(slice)]);
  /** Pods that are evicted unless something changes: their uids by key. */
  const pending = new Map<string, string | undefined>();

  function* usersOf({ metadata, status }: ResourceClaim): Iterable<string> {
    for (const { resource, name } of status?.reservedFor ?? [])
      if (resource === 'pods') yield `${metadata.namespace}/${name}`;
  }
  async function sync({ key, now, execute }: SyncContext): Promise<SyncOutput> {
    const pod = pods.get(key);
    if (!pod || pending.get(key) !== pod.metadata.uid) pending.delete(key);
    if (!pod) return {};
    const { namespace, uid } = pod.metadata;
    const plan = reconcile(
      {
        pod,
        claim: (name) => claims.get(`${namespace}/${name}`),
        device: ({ driver, pool, device }) => deviceOf(slices.byIndex(BY_POOL, poolOf(driver, pool)), device),
        isPending: pending.has(key),
      },
      now,
    );
    if (plan.isPending) pending.set(key, uid);
    else pending.delete(key);
    await execute(plan.intents, { onDeleted: () => count(deps.world.clock.now() - (plan.due ?? now)) });
    if (plan.requeueAfterMs === undefined) pending.delete(key);
    return { requeueAfterMs: plan.requeueAfterMs };
  }
  return startController({
    name: 'device-taint-eviction',
    ...deps,
    client,
    recorder,
    workers: 10,
    sources: [
      source(pods, (pod, old) => {
        if (!pod.spec?.resourceClaims?.length) return [];
        const isSame =
          old !== undefined &&
          old.spec?.nodeName === pod.spec.nodeName &&
          old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp &&
          equal(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses);
        return isSame ? [] : [keyOf(pod)];
      }),
      source(claims, function* (claim, old) {
        if (old && equal(old.status, claim.status)) return;
        yield* usersOf(claim);
        if (old) yield* usersOf(old);
      }),
      source(slices, function* (slice, old) {
        const isNewGeneration = old?.spec.pool.generation !== slice.spec.pool.generation;
        if (!isNewGeneration && equal(taintsOf(slice), old ? taintsOf(old) : [])) return;
        for (const claim of claims.byIndex(BY_POOL, poolOfSlice(slice))) yield* usersOf(claim);
        if (old && poolOfSlice(old) !== poolOfSlice(slice))
          for (const claim of claims.byIndex(BY_POOL, poolOfSlice(old))) yield* usersOf(claim);
      }),
    ],
    onActive: () => pending.clear(),
    sync,
  });
}
