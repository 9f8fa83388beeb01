import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '../../../schemas/generated/resource-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { claimNameOf, needsNoClaims, podOf } from '../../runtime/pod-claims.ts';
import { pods as podsResource, resourceClaims, resourceClaimTemplates } from '../../runtime/resources.ts';
import { claimMetrics } from './metrics.ts';
import { isPodReference, reconcileClaim, released, unprotected } from './reconcile-claim.ts';
import { reconcilePod } from './reconcile-pod.ts';

const BY_CLAIM = 'resourceClaims';
const BY_OWNER = 'pod';
/** Pods of which it is remembered that they are gone. Source: pkg/controller/resourceclaim maxUIDCacheEntries. */
const MOST_GONE = 500;
const NONE: readonly string[] = [];
const hasClaims = ({ spec, status }: Pod): boolean =>
  (spec?.resourceClaims?.length ?? 0) > 0 || status?.extendedResourceClaimStatus !== undefined;

/** `claim/<namespace>/<name>` of what a pod uses, `template/...` of what its claims are made of. */
function claimsAndTemplates(pod: Pod): readonly string[] {
  if (pod.spec?.resourceClaims === undefined) return NONE;
  const { namespace } = pod.metadata;
  return pod.spec.resourceClaims.flatMap((podClaim) => {
    const known = claimNameOf(pod, podClaim);
    return [
      ...(typeof known === 'string' ? [] : [`claim/${namespace}/${known.name}`]),
      ...(podClaim.resourceClaimTemplateName ? [`template/${namespace}/${podClaim.resourceClaimTemplateName}`] : []),
    ];
  });
}

/** Makes claims of templates for pods that ask for them, and takes devices back from pods that are done with them. */
export function startResourceClaimController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:resourceclaim');
  const recorder = deps.recorderFor(client, 'resource_claim');
  const pods = deps.informers.for<Pod>(podsResource);
  const claims = deps.informers.for<ResourceClaim>(resourceClaims);
  const templates = deps.informers.for<ResourceClaimTemplate>(resourceClaimTemplates);
  pods.addIndex(BY_CLAIM, claimsAndTemplates);
  claims.addIndex(BY_OWNER, (claim) => [podOf(claim)?.uid].filter((uid) => uid !== undefined));

  const creations = claimMetrics(deps.metrics, () => claims.all());
  /** Uids of pods that there were: that they are gone need not be asked. */
  const gone = new Set<string>();
  pods.on({
    delete: (pod) => {
      if (!hasClaims(pod)) return;
      gone.add(pod.metadata.uid!);
      if (gone.size > MOST_GONE) for (const oldest of gone) if (gone.delete(oldest)) break;
    },
  });

  function* keysOfPod(pod: Pod): Iterable<string> {
    if (!hasClaims(pod)) return;
    const { namespace } = pod.metadata;
    const key = keyOf(pod);
    const isGone = pods.get(key)?.metadata.uid !== pod.metadata.uid;
    if (isGone || needsNoClaims(pod)) {
      for (const of of claimsAndTemplates(pod)) if (of.startsWith('claim/')) yield of;
      // Also those that its status does not tell of.
      for (const claim of claims.byIndex(BY_OWNER, pod.metadata.uid!)) yield `claim/${keyOf(claim)}`;
      const { resourceClaimName } = pod.status?.extendedResourceClaimStatus ?? {};
      if (resourceClaimName) yield `claim/${namespace}/${resourceClaimName}`;
    }
    if (!isGone) yield `pod/${key}`;
  }
  async function syncPod(key: string, { execute }: SyncContext): Promise<void> {
    const pod = pods.get(key);
    if (!pod) return;
    const { namespace, uid = '' } = pod.metadata;
    const plan = reconcilePod({
      pod,
      claim: (name) => claims.get(`${namespace}/${name}`),
      template: (name) => templates.get(`${namespace}/${name}`),
      owned: claims.byIndex(BY_OWNER, uid),
    });
    const fail = (podClaim: string, message: string, cause?: unknown): never => {
      recorder.event(pod, 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${podClaim}: ${message}`);
      throw new Error(`pod ${key}, PodResourceClaim ${podClaim}: ${message}`, { cause });
    };
    for (const { podClaim, object } of plan.creates) {
      try {
        await execute([{ op: 'create', gvr: resourceClaims, object, place: podClaim }]);
        creations(object, 'success');
      } catch (error) {
        creations(object, 'failure');
        fail(podClaim, `create ResourceClaim : ${error instanceof Error ? error.message : String(error)}`, error);
      }
    }
    if (plan.failure) fail(plan.failure.podClaim, plan.failure.message);
    await execute(plan.intents);
  }
  async function syncClaim(key: string, { execute, signal }: SyncContext): Promise<void> {
    const claim = claims.get(key);
    if (!claim) return;
    const { namespace, name, uid } = claim.metadata;
    /** A pod that the cache does not know may be one that it does not know yet. */
    const asked = new Map<string, Pod>();
    for (const reference of claim.status?.reservedFor ?? []) {
      if (!isPodReference(reference) || gone.has(reference.uid) || pods.get(`${namespace}/${reference.name}`)) continue;
      try {
        asked.set(reference.name, await client.get<Pod>(podsResource, reference.name, namespace, { signal }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const plan = reconcileClaim({
      claim,
      consumer: (reference) => gone.has(reference.uid) ? undefined : (pods.get(`${namespace}/${reference.name}`) ?? asked.get(reference.name)), // prettier-ignore
      owner: (pod) => pods.get(`${namespace}/${pod}`),
    });
    let now = claim;
    const onUpdated = (object: unknown): void => void (now = object as ResourceClaim);
    if (plan.release || plan.deallocates)
      await execute([{ op: 'update', gvr: resourceClaims, object: released(claim, plan), subresource: 'status' }], { onUpdated }); // prettier-ignore
    if (plan.unprotects) await execute([{ op: 'update', gvr: resourceClaims, object: unprotected(now) }]);
    if (plan.deletes) await execute([{ op: 'delete', gvr: resourceClaims, namespace, name: name!, uid }]);
  }

  return startController({
    name: 'resourceclaim',
    ...deps,
    client,
    recorder,
    sources: [
      source(pods, keysOfPod),
      source(claims, function* (claim) {
        const key = keyOf(claim);
        if (claims.get(key)) yield `claim/${key}`;
        for (const pod of pods.byIndex(BY_CLAIM, `claim/${key}`)) yield* keysOfPod(pod);
        const owner = podOf(claim);
        if (owner) yield `pod/${claim.metadata.namespace}/${owner.name}`;
      }),
      source(templates, function* (template) {
        for (const pod of pods.byIndex(BY_CLAIM, `template/${keyOf(template)}`)) yield* keysOfPod(pod);
      }),
    ],
    sync: async (context) => {
      const [, kind, key = ''] = /^(\w+)\/(.*)$/.exec(context.key) ?? [];
      await (kind === 'pod' ? syncPod : syncClaim)(key, context);
    },
  });
}
