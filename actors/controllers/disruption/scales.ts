import type { Deployment, ReplicaSet, StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { Scale } from '../../../schemas/generated/autoscaling-v1.ts';
import type { Pod, ReplicationController } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject, OwnerReference } from '../../../schemas/meta/object.ts';
import { reasonOf, statusOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import type { Informers } from '../../runtime/informer.ts';
import { kindsOf } from '../../runtime/kinds.ts';
import { controllerOf } from '../../runtime/owners.ts';
import { deployments, replicaSets, replicationControllers, statefulSets } from '../../runtime/resources.ts';

/** What the controllers of some pods want. */
export interface Wanted {
  readonly scale: number;
  /** Names of pods that nobody controls. */
  readonly unmanaged: readonly string[];
}
interface Scaled extends KubeObject {
  spec?: { readonly replicas?: number | undefined } | undefined;
}
export interface Scales {
  /** Informers that have to be listed first. */
  readonly informers: ReturnType<Informers['for']>[];
  /** Thrown: Error with what is to stand in the budget's status. */
  wantedBy(pods: readonly Pod[], signal: AbortSignal): Promise<Wanted>;
}
/** How many pods there should be: the known kinds by their caches, others and what these lack by their scale. Source: getExpectedScale. */
export function createScales(informers: Informers, client: ApiClient): Scales {
  const [sets, rollouts, stateful, old] = [
    informers.for<ReplicaSet>(replicaSets), informers.for<Deployment>(deployments),
    informers.for<StatefulSet>(statefulSets), informers.for<ReplicationController>(replicationControllers),
  ]; // prettier-ignore
  const kinds = kindsOf(informers);
  const lookUp: Readonly<Record<string, (key: string) => Scaled | undefined>> = {
    'apps/Deployment': (key) => rollouts.get(key),
    'apps/StatefulSet': (key) => stateful.get(key),
    'apps/ReplicaSet': (key) => sets.get(key),
    '/ReplicationController': (key) => old.get(key),
  };
  const cached = (reference: OwnerReference, namespace: string): Scaled | undefined => {
    const found = lookUp[`${groupOf(reference)}/${reference.kind}`]?.(`${namespace}/${reference.name}`);
    return found?.metadata.uid === reference.uid ? found : undefined;
  };
  /** Who decides how many there are: of a ReplicaSet that may be its Deployment. */
  function ownerOf(reference: OwnerReference, namespace: string): Scaled | undefined {
    const owner = cached(reference, namespace);
    const above = owner && controllerOf(owner);
    return above?.kind === 'Deployment' && groupOf(above) === 'apps' ? cached(above, namespace) : owner;
  }
  async function scaleOf(
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<Scaled | undefined> {
    const group = groupOf(reference);
    const kind = kinds.byKind(group, reference.kind);
    if (kind === undefined)
      throw new Error(`no matches for kind "${reference.kind}" in version "${reference.apiVersion}"`);
    try {
      const scale = await client.get<Scale>(kind.gvr, reference.name, namespace, { signal, subresource: 'scale' });
      return scale.metadata.uid === reference.uid ? scale : undefined;
    } catch (error) {
      if (reasonOf(error) !== 'NotFound') throw error;
      const { resource } = kind.gvr;
      // What is not there is named; a kind without a scale is not.
      if (statusOf(error)?.details?.name) throw new Gone();
      throw new Error(`${group ? `${resource}.${group}` : resource} does not implement the scale subresource`, { cause: error }); // prettier-ignore
    }
  }
  return {
    informers: [sets, rollouts, stateful, old],
    async wantedBy(pods, signal) {
      const wanted = new Map<string, number>();
      const known = new Set<string>();
      const unmanaged: string[] = [];
      for (const pod of pods) {
        const reference = controllerOf(pod);
        if (reference === undefined) {
          unmanaged.push(pod.metadata.name!);
          continue;
        }
        if (known.has(reference.uid)) continue;
        known.add(reference.uid);
        const namespace = pod.metadata.namespace!;
        // Caches of two kinds are not of one moment: an owner may come after its pods.
        const owner = ownerOf(reference, namespace) ?? (await scaleOf(reference, namespace, signal).catch(unlessGone));
        if (owner === undefined) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
        wanted.set(owner.metadata.uid!, owner.spec?.replicas ?? 0);
      }
      return { scale: [...wanted.values()].reduce((a, b) => a + b, 0), unmanaged };
    },
  };
}
class Gone extends Error {
  override readonly name = 'Gone';
}
function unlessGone(error: unknown): undefined {
  if (!(error instanceof Gone)) throw error;
}
const groupOf = ({ apiVersion }: OwnerReference): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
