import { fromPromise } from 'xstate';
import { delay, type World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import type { Component } from '../../../actors/runtime/component.ts';
import { createInformer } from '../../../actors/runtime/informer.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import { networkPolicies } from '../../../actors/runtime/resources.ts';
import { startActor } from '../../../actors/runtime/start-actor.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { NetworkPolicy } from '../../../schemas/generated/networking-v1.ts';
import type { Commands } from '../../host/commands.ts';
import type { Guard } from './guard.ts';
import { TABLE, type ApiServers } from './model.ts';
import { policyMachine } from './machine.ts';

export interface NetworkPolicyAgent extends Component {
  /**
   * Resolves once what policies say of a new pod of this node is in force, before any of its containers runs. Rejects when
   * that takes more than ten seconds, or with the signal's reason.
   */
  admit(pod: Pod, ips: readonly string[], signal: AbortSignal): Promise<void>;
}
const ADMIT_MS = 10_000;
/** A pod whose addresses are not in the API yet. */
interface Arrival {
  readonly pod: Pod;
  readonly ips: readonly string[];
  readonly resolve: () => void;
}

/**
 * Keeps words from and to the pods of a node by NetworkPolicies: rules of the kernel in a table of their own, where packets
 * are forwarded. So the node itself always reaches its pods, and they it; a connection that was let through goes on. API
 * servers that run beside the nodes reach pods as the node does: whom they ask for is for authorization to say.
 */
export function startNetworkPolicy(o: {
  readonly world: World;
  readonly id: string;
  readonly client: ApiClient;
  readonly commands: Commands;
  readonly node: string;
  /** Default: they are as anybody who is outside. */
  readonly apiServers?: ApiServers | undefined;
  readonly inspection?: Inspection | undefined;
}): NetworkPolicyAgent {
  const { world, client, commands, node, inspection } = o;
  const log = world.log.child({ actor: 'network-policy', node });
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const stopped = Promise.withResolvers<void>();
  let guard: Guard | undefined;
  /** Those who wait for the rules that are written next. */
  let waiting: Arrival[] = [];

  const policies = createInformer<NetworkPolicy>({
    client,
    world,
    gvr: networkPolicies,
    inspection,
    transform: ({ apiVersion, kind, metadata: { name, namespace, uid, resourceVersion, generation }, spec }) => ({
      apiVersion,
      kind,
      metadata: { name, namespace, uid, resourceVersion, generation },
      spec,
    }),
  });
  const hasPolicies = (): boolean => policies.size > 0;
  const close = (): void => {
    guard?.stop();
    guard = undefined;
  };
  const release = (those: readonly Arrival[]): void => those.forEach(({ resolve }) => resolve());

  const logic = policyMachine.provide({
    actors: {
      syncPolicies: fromPromise(() => policies.synced),
      syncWorld: fromPromise(async ({ signal }) => {
        const { openGuard } = await import('./guard.ts');
        signal.throwIfAborted();
        guard ??= openGuard({ world, client, commands, node, apiServers: o.apiServers, inspection, onChange: () => actor.send({ type: 'world.changed' }) });
        await guard.synced;
      }),
      apply: fromPromise(async ({ signal }) => {
        const those = waiting;
        waiting = [];
        for (const { pod, ips } of those) guard!.admit(pod, ips);
        try {
          await guard!.apply(policies.all(), signal);
          release(those);
        } catch (error) {
          waiting.push(...those);
          throw error;
        }
      }),
      clear: fromPromise(async ({ signal }) => {
        close();
        const { code } = await commands.run('nft', ['list', 'chain', 'inet', TABLE, 'forward'], { signal });
        if (code === 0) await (await import('./guard.ts')).removeGuard(commands, signal);
      }),
      check: fromPromise(({ signal }) => guard!.check(signal)),
    },
    guards: { hasPolicies },
    actions: {
      reportReady: () => {
        ready.resolve();
        if (hasPolicies()) return;
        release(waiting);
        waiting = [];
      },
      reportFailure: ({ context }, { error }) => {
        if (context.failures % 10 === 1) log.warn('network policies are not in force as they should be', { err: error });
      },
      leave: () => {
        close();
        policies.stop();
      },
    },
  }); // prettier-ignore
  const actor = startActor(logic, {
    world,
    id: `network-policy/${node}`,
    machine: 'networkPolicy',
    inspection,
    onDone: () => stopped.resolve(),
  });
  policies.on({
    add: () => actor.send({ type: policies.size === 1 ? 'policies.found' : 'world.changed' }),
    update: (now, old) => {
      if (now.metadata.generation !== old.metadata.generation) actor.send({ type: 'world.changed' });
    },
    delete: () => actor.send({ type: hasPolicies() ? 'world.changed' : 'policies.gone' }),
  });
  return {
    name: 'network-policy',
    id: o.id,
    ready: ready.promise,
    state: () => actor.state(),
    async admit(pod, ips, signal) {
      if (actor.state() === 'unguarded' || pod.spec?.hostNetwork === true || isStatic(pod)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const arrival: Arrival = { pod, ips, resolve };
      waiting.push(arrival);
      actor.send({ type: 'pod.waiting' });
      const end = new AbortController();
      const late = delay(world.clock, ADMIT_MS, AbortSignal.any([signal, end.signal])).then(() => {
        throw new Error('network policies of the pod are not in force yet');
      });
      try {
        await Promise.race([promise, late]);
      } finally {
        end.abort(new Error('in force'));
        waiting = waiting.filter((other) => other !== arrival);
        late.catch(() => undefined);
      }
    },
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      ready.reject(new Error('stopped'));
    },
  };
}
/** One of the API may wait for what the API says; others come without it. Source: kubelet ConfigSourceAnnotationKey. */
const isStatic = ({ metadata }: Pod): boolean =>
  (metadata.annotations?.['kubernetes.io/config.source'] ?? 'api') !== 'api';
