import type { ReplicaSet } from '../../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../../schemas/generated/core-v1.ts';
import { controllerOf, isActive, isFinished, nameOf, podsOf, type Invariant } from '../invariant.ts';

/** A pod is bound once, to a node that it then stays on. */
export const boundOnce = (): Invariant => ({
  name: 'bound-once',
  check: ({ kind, before, after }) => {
    if (kind !== 'Pod' || !before || !after) return undefined;
    const [old, now] = [(before as Pod).spec?.nodeName, (after as Pod).spec?.nodeName];
    return old !== undefined && old !== now ? `${nameOf(after)} was bound to ${old}, now to ${now}` : undefined;
  },
});

/** What has ended does not run again. */
export const endsOnce = (): Invariant => ({
  name: 'ends-once',
  check: ({ kind, before, after }) => {
    if (kind !== 'Pod' || !before || !after || !isFinished(before)) return undefined;
    const [old, now] = [(before as Pod).status?.phase, (after as Pod).status?.phase];
    return old === now ? undefined : `${nameOf(after)} was ${old} and is ${now}`;
  },
});

/** No two pods that run share an address, unless it is that of their node. */
export const ownAddress = (): Invariant => {
  const holders = new Map<string, string>();
  return {
    name: 'own-address',
    check: ({ kind, before, after, key }, history) => {
      if (kind !== 'Pod') return undefined;
      const old: Pod | undefined = before;
      const now: Pod | undefined = after;
      if (old?.status?.podIP !== undefined && holders.get(old.status.podIP) === key) holders.delete(old.status.podIP);
      const ip = now?.status?.podIP;
      if (!now || ip === undefined || now.spec?.hostNetwork === true || isFinished(now)) return undefined;
      const other = holders.get(ip);
      holders.set(ip, key);
      if (other === undefined || other === key) return undefined;
      const holder = [...history.objects<Pod>('Pod')].find(
        ({ metadata }) => other === `/registry/pods/${metadata.namespace}/${metadata.name}`,
      );
      // Whose node is switched off, or who is on the way out, is not known to have let go of it.
      if (!holder || !isActive(holder) || !isActive(now)) return undefined;
      // After its node has started again a pod has a new address, and says so a moment later.
      if (holder.spec?.nodeName === now.spec?.nodeName) return undefined;
      return `${nameOf(now)} has the address ${ip} of ${nameOf(holder)}`;
    },
  };
};

/** A ReplicaSet never has more pods than it was ever asked for. */
export const replicasKept = (): Invariant => {
  const most = new Map<string, number>();
  return {
    name: 'replicas',
    check: ({ kind, before, after }, history) => {
      if ((kind === 'ReplicaSet' || kind === 'ReplicationController') && after) {
        const uid = after.metadata.uid!;
        most.set(uid, Math.max(most.get(uid) ?? 0, (after as ReplicaSet).spec?.replicas ?? 1));
      }
      if (kind !== 'Pod' || before || !after) return undefined;
      const owner = controllerOf(after);
      const limit = owner && most.get(owner.uid);
      if (limit === undefined) return undefined;
      const active = history
        .objects<Pod>('Pod', after.metadata.namespace)
        .filter((pod) => controllerOf(pod)?.uid === owner!.uid && isActive(pod)).length;
      return active > limit
        ? `${owner!.kind} ${owner!.name} has ${active} pods, and never wanted more than ${limit}`
        : undefined;
    },
  };
};

/** Of each ordinal of a StatefulSet there is one pod at most; the next comes when its containers are known to have ended. */
export const oneOfEachOrdinal = (): Invariant => ({
  name: 'one-of-each-ordinal',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Pod') return undefined;
    const owner = controllerOf(after ?? before);
    if (owner?.kind !== 'StatefulSet') return undefined;
    const set = history.withUid(owner.uid);
    if (after && !before && set) {
      const index = (pod: Pod): string | undefined => pod.metadata.labels?.['apps.kubernetes.io/pod-index'];
      const same = podsOf(history, set).filter(
        (pod) => !isFinished(pod) && index(pod) !== undefined && index(pod) === index(after as Pod),
      );
      return same.length > 1
        ? `${nameOf(set)} has ${same.map((pod) => pod.metadata.name).join(' and ')} for one ordinal`
        : undefined;
    }
    const gone: Pod | undefined = before;
    if (!gone || after || gone.spec?.nodeName === undefined) return undefined;
    const runs = (gone.status?.containerStatuses ?? []).some(({ state }) => state?.running !== undefined);
    const nodeExists = history.objects<Node>('Node').some(({ metadata }) => metadata.name === gone.spec!.nodeName);
    return runs && nodeExists
      ? `${nameOf(gone)} is gone while its containers ran on ${gone.spec.nodeName}: its successor would be a second one`
      : undefined;
  },
});

/** A DaemonSet has one pod on a node, and while it is being replaced two at most. */
export const oneOnEachNode = (): Invariant => ({
  name: 'one-on-each-node',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Pod' || before || !after) return undefined;
    const owner = controllerOf(after);
    if (owner?.kind !== 'DaemonSet') return undefined;
    const place = (pod: Pod): string =>
      pod.spec?.nodeName ?? JSON.stringify(pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? ''); // prettier-ignore
    const here = history
      .objects<Pod>('Pod', after.metadata.namespace)
      .filter((pod) => controllerOf(pod)?.uid === owner.uid && isActive(pod) && place(pod) === place(after as Pod));
    return here.length > 1 ? `DaemonSet ${owner.name} has ${here.length} pods for one node` : undefined;
  },
});
