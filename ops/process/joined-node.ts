import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import type { ProxyMode } from '../../node-agent/kube-proxy/backend.ts';
import type { OwnMachine } from '../machine/own-machine.ts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNodeCredentials, formatCredentials, parseCredentials, type Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { announce } from '../../bus/presence.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { CredentialProviderFlags } from '../../node-agent/kubelet/credential-providers/providers.ts';
import { nodePaths } from '../../node-agent/host/paths.ts';
import { startCertificates } from '../../node-agent/kubelet/certificates/manager.ts';
import { readProof } from '../../node-agent/kubelet/certificates/proof.ts';
import { hasPair } from '../../node-agent/kubelet/certificates/store.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { UserError } from '../cli/output.ts';
import { writePrivate } from '../cluster/kubeconfig.ts';
import type { Health } from './health.ts';
import { COMPONENT_MS, ended, GOODBYE_MS } from './ending.ts';
import { startNodes } from './nodes.ts';

export interface JoinOptions {
  readonly node: string;
  /** Folder of this node: its key, made here if it is missing, its certificates, and its log. */
  readonly dir: string;
  /** Needed until the node has its key. */
  readonly urls?: readonly string[] | undefined;
  /** PEM of the authority of the bus. */
  readonly ca?: string | undefined;
  /** Bootstrap token, needed until the cluster knows the key. */
  readonly token?: string | undefined;
  /** It runs containers; this process runs in namespaces that are the node's. Default: it is simulated. */
  readonly machine?: OwnMachine | undefined;
  /** Then: what brings Services to it; default: the best that the machine can do. */
  readonly proxyMode?: ProxyMode | undefined;
  /** Then: programs that know credentials for images. */
  readonly credentialProviders?: CredentialProviderFlags | undefined;
  /** `-` for standard error; default `node.log` in the folder. */
  readonly log?: string | undefined;
}
const keyFile = (dir: string): string => join(dir, 'credential.json');
/** Where its kubelet keeps its certificates. */
const kubeletFolder = (dir: string, isReal: boolean): string => nodePaths(isReal ? join(dir, 'node') : dir).kubelet;
/** Whether this folder holds the key of a node, or a certificate by which it gets another one. */
export const hasJoined = (dir: string): boolean =>
  existsSync(keyFile(dir)) || [true, false].some((isReal) => hasPair(kubeletFolder(dir, isReal)));

export interface JoinedNode {
  readonly ready: Promise<void>;
  health(): Health;
  stop(): Promise<void>;
}
/** One node on a machine that has nothing of the cluster but a token, the key that it was exchanged for, or its certificate. */
export async function startJoinedNode(o: JoinOptions): Promise<JoinedNode> {
  const { node, dir } = o;
  const kept = keyOf(o);
  const world = realWorld({ component: 'node-agent', ...(o.log !== '-' && { file: o.log ?? join(dir, 'node.log') }) });
  const kubelet = kubeletFolder(dir, o.machine !== undefined);
  const certificate = await readProof(kubelet, node, world);
  const bus = await connectNats({
    world,
    name: kept.role,
    credentials: { ...kept, token: o.token, certificate },
  }).catch((error: unknown) => {
    throw reasonOf(error) === 'Unauthorized' ? refused(node, o.token !== undefined) : unreachable(kept.urls, error);
  });
  const component = await componentOf(o, world, bus);
  const presence = announce(bus, world, { component: 'node-agent', id: node, state: () => component.state() });
  let serves = false;
  component.ready.then(
    () => (serves = true),
    () => undefined,
  );
  let connected = true;
  const connection = bus.onConnection((is) => (connected = is));
  return {
    ready: component.ready,
    health: () => ({
      healthy: serves && connected,
      components: [{ name: 'nodes', state: component.state(), connected }],
    }),
    stop: async () => {
      connection.unsubscribe();
      presence.stop();
      const tell = (problem: string): void => world.log.error(problem, { state: component.state() });
      await ended('nodes', COMPONENT_MS, () => component.stop(), tell);
      await ended('the connection to the bus', GOODBYE_MS, () => bus.drain(), tell);
    },
  };
}

async function componentOf(o: JoinOptions, world: World, bus: Bus): Promise<Component> {
  const { node, dir, machine, proxyMode, credentialProviders } = o;
  if (machine === undefined)
    return startNodes({
      world,
      bus,
      id: node,
      nodes: [{ name: node }],
      podCIDRs: 'byCluster',
      beside: (parts) => startCertificates({ ...parts, world, root: kubeletFolder(dir, false) }),
    });
  const { startRealNode } = await import('./real-node.ts');
  const { ip, secondIP, cgroup, cniPlugins } = machine;
  return startRealNode({
    world,
    bus,
    id: node,
    node: { name: node, ip, secondIP },
    cgroup,
    cniPlugins,
    proxyMode,
    credentialProviders,
    isWholeMachine: true,
  });
}
function keyOf({ node, dir, urls, ca }: JoinOptions): Credentials {
  const file = keyFile(dir);
  if (!existsSync(file)) {
    if (urls === undefined) throw new UserError(`where is the cluster? Say --nats URL: see kubus token create`, 2);
    const made = createNodeCredentials(node, { urls, ca });
    writePrivate(file, formatCredentials(made));
    return made;
  }
  let kept: Credentials;
  try {
    kept = parseCredentials(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}: remove it, and join again with a token`);
  }
  if (kept.node !== node) throw new UserError(`${file} is the key of node "${kept.node}": choose another --data`);
  const now = { ...kept, urls: urls ?? kept.urls, ca: ca ?? kept.ca };
  if (formatCredentials(now) !== formatCredentials(kept)) writePrivate(file, formatCredentials(now));
  return now;
}
const refused = (node: string, withToken: boolean): UserError =>
  new UserError(
    withToken
      ? `the cluster refuses node "${node}": the token may have expired, or a node of this name exists with another key. Make a token with: kubus token create; or take the old node away with: kubectl delete node ${node}`
      : `the cluster does not know the key of node "${node}" (nor a good certificate of it), or has revoked it: join again with a token from: kubus token create`,
  );
const unreachable = (urls: readonly string[], error: unknown): UserError =>
  new UserError(
    `${(error as Error).message}, or nobody there who lets nodes in (${urls.join(', ')}): check --nats, and --ca where the bus has TLS; the cluster's kubus status must name a node-authenticator`,
  );
