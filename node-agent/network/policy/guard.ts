import type { World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { createInformer, type Informer } from '../../../actors/runtime/informer.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import { namespaces, pods } from '../../../actors/runtime/resources.ts';
import type { Namespace, Pod } from '../../../schemas/generated/core-v1.ts';
import type { NetworkPolicy } from '../../../schemas/generated/networking-v1.ts';
import type { Labels } from '../../../schemas/meta/selectors.ts';
import type { Commands } from '../../host/commands.ts';
import { TABLE, type ApiServers, type PolicyPod, type Ruleset } from './model.ts';
import { planPolicies } from './plan.ts';
import { policyPod, withoutTheRest } from './pods.ts';
import { renderAll, renderChanges, renderNothing } from './render.ts';

/** What policies go by, and what the kernel has been told; loaded with the first policy. */
export interface Guard {
  /** Resolves when all pods and namespaces are known. */
  readonly synced: Promise<void>;
  /** Rejects with CommandError; the kernel has then what it had before. */
  apply(policies: Iterable<NetworkPolicy>, signal: AbortSignal): Promise<void>;
  /** Rejects where the rules are gone; the next `apply` writes them all. */
  check(signal: AbortSignal): Promise<void>;
  /** A pod of this node has these addresses, which the API does not say yet. */
  admit(pod: Pod, ips: readonly string[]): void;
  stop(): void;
}
export function openGuard(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly commands: Commands;
  readonly node: string;
  readonly apiServers?: ApiServers | undefined;
  readonly inspection?: Inspection | undefined;
  readonly onChange: () => void;
}): Guard {
  const { world, client, commands, node, inspection, onChange } = o;
  const known = new Map<string, PolicyPod>();
  /** By uid, until the API says the same. */
  const early = new Map<string, PolicyPod>();
  const labels = new Map<string, Labels>();
  let told: Ruleset | undefined;

  const see = (pod: Pod): void => {
    const now = policyPod(pod);
    const before = known.get(now.key);
    if (now.ips.length > 0 || isOver(pod)) early.delete(pod.metadata.uid!);
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(now)) return;
    known.set(now.key, now);
    onChange();
  };
  const podInformer: Informer<Pod> = createInformer<Pod>({ client, world, gvr: pods, inspection, transform: withoutTheRest }); // prettier-ignore
  podInformer.on({
    add: see,
    update: see,
    delete: ({ metadata: { namespace, name, uid } }) => {
      early.delete(uid!);
      if (known.delete(`${namespace}/${name}`)) onChange();
    },
  });
  const seeNamespace = ({ metadata }: Namespace): void => {
    const now = metadata.labels ?? {};
    if (JSON.stringify(labels.get(metadata.name!)) === JSON.stringify(now)) return;
    labels.set(metadata.name!, now);
    onChange();
  };
  const namespaceInformer = createInformer<Namespace>({
    client,
    world,
    gvr: namespaces,
    inspection,
    metadataOnly: true,
  });
  namespaceInformer.on({
    add: seeNamespace,
    update: seeNamespace,
    delete: ({ metadata }) => {
      labels.delete(metadata.name!);
      onChange();
    },
  });
  return {
    synced: Promise.all([podInformer.synced, namespaceInformer.synced]).then(() => undefined),
    async apply(policies, signal) {
      const all = new Map(known);
      for (const pod of early.values()) all.set(pod.key, pod);
      const rules = planPolicies({ node, policies, pods: all.values(), labelsOf: (name) => labels.get(name) });
      const transaction = told === undefined ? renderAll(rules, o.apiServers) : renderChanges(told, rules);
      if (transaction !== '')
        try {
          await commands.must('nft', ['-f', '-'], { input: transaction, signal });
        } catch (error) {
          // Whoever changed what was there: all of it is written anew.
          told = undefined;
          throw error;
        }
      told = rules;
    },
    async check(signal) {
      const { code } = await commands.run('nft', ['list', 'chain', 'inet', TABLE, 'forward'], { signal });
      if (code === 0) return;
      told = undefined;
      throw new Error('the rules of network policies are gone');
    },
    admit(pod, ips) {
      const seen = known.get(`${pod.metadata.namespace}/${pod.metadata.name}`);
      if (seen !== undefined && seen.ips.length > 0) return;
      early.set(pod.metadata.uid!, policyPod({ ...pod, status: { ...pod.status, podIPs: ips.map((ip) => ({ ip })) } }));
    },
    stop() {
      podInformer.stop();
      namespaceInformer.stop();
    },
  };
}
const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Nothing is guarded on this node any more. */
export const removeGuard = async (commands: Commands, signal: AbortSignal): Promise<void> =>
  void (await commands.must('nft', ['-f', '-'], { input: renderNothing(), signal }));
