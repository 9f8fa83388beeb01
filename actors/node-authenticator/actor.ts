import { fromPromise } from 'xstate';
import type { Bus, Subscription } from '../../bus/bus.ts';
import type { JoinRequest, NodeConnection, NodeGate } from '../../bus/node-gate.ts';
import type { World } from '../../bus/world.ts';
import type { TokenReview, UserInfo } from '../../schemas/generated/authentication-v1.ts';
import type { Node } from '../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { createInformer } from '../runtime/informer.ts';
import { createInspection } from '../runtime/inspection.ts';
import { KEY_LABEL } from '../runtime/node-labels.ts';
import { nodes as nodesResource } from '../runtime/resources.ts';
import { startActor } from '../runtime/start-actor.ts';
import { nodeAuthenticatorMachine } from './machine.ts';
import { readCertificate } from './certificate.ts';
import { bareNode, decide, isBound, type Shown } from './reconcile.ts';

const TOKEN_REVIEWS = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' };
/** Shorter than the server's patience, so that it hears why. */
const DECISION_MS = 4_000;
/** How often it is looked again at a Node that somebody else changes. */
const TRIES = 3;

export interface NodeAuthenticatorOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly gate: NodeGate;
  /** `external`: nodes wait for a cloud. */
  readonly cloudProvider?: 'external' | undefined;
  /** PEM of the authority whose certificates are nodes'; default: none is. */
  readonly clusterCa?: string | undefined;
  /** Default: over the bus as caller `node-authenticator`. */
  readonly client?: ApiClient | undefined;
}

/**
 * Lets nodes on the bus: with a bootstrap token the first time, which binds the node's name to its key, by the key alone
 * afterwards, or by the node's certificate, which binds it to another key; and cuts off a node as soon as its Node is deleted,
 * revoked or bound otherwise. Any number may run.
 */
export function startNodeAuthenticator(o: NodeAuthenticatorOptions): Component {
  const { world, gate } = o;
  const component = 'node-authenticator';
  const client = o.client ?? createApiClient(o.bus, world, component);
  const inspection = createInspection({ world, bus: o.bus, component, id: o.id });
  const known = createInformer<Node>({ client, world, gvr: nodesResource, inspection, transform: bindingOf });
  const ready = Promise.withResolvers<void>();
  let open: Subscription | undefined;

  const read = (name: string, signal?: AbortSignal): Promise<Node | undefined> =>
    client.get<Node>(nodesResource, name, undefined, { signal, timeoutMs: DECISION_MS }).catch((error: unknown) => {
      if (reasonOf(error) === 'NotFound') return undefined;
      throw error;
    });
  const bearerOf = async (token: string): Promise<UserInfo | undefined> => {
    if (token === '') return undefined;
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
    const { status } = await client.create<TokenReview>(TOKEN_REVIEWS, review, {
      timeoutMs: DECISION_MS,
    });
    return status?.authenticated === true ? status.user : undefined;
  };
  const shownBy = ({ node, shown }: JoinRequest): Shown | undefined => {
    if (shown === undefined) return undefined;
    if ('problem' in shown) return { why: shown.problem };
    return readCertificate(shown.certificate, { node, authority: o.clusterCa, now: world.clock.now() });
  };
  /** What the API says now, not what was heard last: a key that was revoked a moment ago is not let in. */
  const decideOn = async (request: JoinRequest, tries = TRIES): Promise<string | undefined> => {
    const { node: name, key, token } = request;
    const node = await read(name);
    const bearer = node === undefined ? await bearerOf(token) : undefined;
    const decision = decide({ node, key, bearer, shown: shownBy(request) });
    switch (decision.do) {
      case 'admit':
        return undefined;
      case 'refuse':
        return decision.why;
      case 'bind':
        try {
          await client.create(nodesResource, bareNode(name, key, o.cloudProvider === 'external'));
          world.log.info('node joined', { node: name, key });
          return undefined;
        } catch (error) {
          if (reasonOf(error) !== 'AlreadyExists') throw error;
          // Another was faster; whose key is it?
          return isBound(await read(name), key) ? undefined : 'the Node is bound to another key';
        }
      case 'rebind': {
        // Of this Node as it was looked at: one that was revoked or made anew meanwhile is not touched.
        const { uid, resourceVersion } = node!.metadata;
        const metadata = { uid, resourceVersion, labels: { [KEY_LABEL]: key } };
        try {
          await client.patch(nodesResource, name, undefined, 'merge', { metadata }, { timeoutMs: DECISION_MS });
          world.log.info('node came back by its certificate', { node: name, key, before: node!.metadata.labels?.[KEY_LABEL] }); // prettier-ignore
          return undefined;
        } catch (error) {
          if (reasonOf(error) !== 'Conflict' || tries <= 1) throw error;
          return decideOn(request, tries - 1);
        }
      }
    }
  };
  const answer = async (request: JoinRequest): Promise<string | undefined> => {
    const { node, host } = request;
    const why = await decideOn(request).catch((error: unknown) => {
      world.log.warn('could not decide about a node', { node, err: error });
      throw error;
    });
    if (why !== undefined) world.log.warn('node refused', { node, host, why });
    return why;
  };
  /** Whoever seems not to be trusted is looked up: a node that has just joined is not in the cache yet. */
  const isTrusted = async ({ node, key }: NodeConnection, signal: AbortSignal): Promise<boolean> =>
    isBound(known.get(node), key) || isBound(await read(node, signal), key);
  const sweep = async (signal: AbortSignal): Promise<void> => {
    const ended = await gate.endUntrusted((one) => isTrusted(one, signal), signal);
    for (const { node, key } of ended) world.log.info('node cut off', { node, key });
  };

  const actor = startActor(
    nodeAuthenticatorMachine.provide({
      actors: {
        learnNodes: fromPromise(() => known.synced),
        sweep: fromPromise(({ signal }) => sweep(signal)),
      },
      actions: {
        openGate: () => {
          open ??= gate.serve(answer);
          ready.resolve();
        },
        closeGate: () => {
          open?.unsubscribe();
          open = undefined;
        },
        reportFailure: (_, { error }) => world.log.warn('node connections were not looked through', { err: error }),
      },
    }),
    { world, id: component, machine: 'nodeAuthenticator', inspection },
  );
  /** Whoever was let in by this key may be on the bus still. */
  const changed = (now: Node | undefined, before: Node): void => {
    const key = before.metadata.labels?.[KEY_LABEL];
    if (key !== undefined && isBound(before, key) && !isBound(now, key)) actor.send({ type: 'credential.revoked' });
  };
  known.on({ update: (node, old) => changed(node, old), delete: (node) => changed(undefined, node) });

  return {
    name: component,
    id: o.id,
    ready: ready.promise,
    state: () => actor.state(),
    stop() {
      open?.unsubscribe();
      actor.stop();
      known.stop();
      inspection.close();
      return Promise.resolve();
    },
  };
}
/** All that is kept in memory of a Node. */
const bindingOf = ({ apiVersion, kind, metadata }: Node): Node => {
  const { name, uid, resourceVersion, labels } = metadata;
  return { apiVersion, kind, metadata: { name, uid, resourceVersion, labels } };
};
