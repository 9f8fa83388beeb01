import { createUser, fromSeed } from '@nats-io/nkeys';
import { ApiError } from '../schemas/meta/status.ts';
import * as subjects from './subjects.ts';

export type Role = 'etcd' | 'apiserver' | 'controller-manager' | 'scheduler' | 'nodes' | 'console';

export interface RoleSpec {
  readonly role: Role;
  /**
   * First token of its addresses: nobody else reads its inbox and sessions. Default: the role. Give each node that has
   * credentials of its own another one (`node-worker-1`); an apiserver's is always `apiserver`.
   */
  readonly id?: string | undefined;
  /** Names of the controllers that a controller manager runs: it asks as `controller:<name>` and under no other name. */
  readonly controllers?: readonly string[] | undefined;
  /** Names of the nodes that a node agent runs: it asks as `node:<name>` and serves these nodes' operations. */
  readonly nodes?: readonly string[] | undefined;
}

/**
 * A process that runs several roles on one connection (fewer sockets, fewer wake-ups at rest): it may do what any of them
 * may. `id` as in RoleSpec; `apiserver` if that is one of them.
 */
export interface JointSpec {
  readonly id: string;
  readonly roles: readonly RoleSpec[];
}
export type UserSpec = RoleSpec | JointSpec;

/** What a credential may say and hear; everything else is refused by the server. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /**
   * May answer a request to the subject that the request named, once, within this time. (Tried on 2.15.1: the server
   * forgets the right if a connection gets the request by a plain subscription as well as by its queue.)
   */
  readonly allowResponses: { readonly max: number; readonly expiresSeconds: number } | undefined;
}

/** The components that a role's processes run, and the names under which they ask the API. */
function partsOf(spec: RoleSpec): { readonly components: readonly string[]; readonly callers: readonly string[] } {
  switch (spec.role) {
    case 'etcd':
      return { components: ['etcd'], callers: [] };
    case 'apiserver':
      return { components: ['apiserver'], callers: ['apiserver'] };
    case 'scheduler':
      return { components: ['scheduler'], callers: ['scheduler'] };
    case 'console':
      return { components: ['console'], callers: ['console', 'admin'] };
    case 'controller-manager': {
      const controllers = (spec.controllers ?? []).map((name) => `controller:${name}`);
      return { components: ['controller-manager', ...controllers], callers: ['controller-manager', ...controllers] };
    }
    case 'nodes':
      return {
        components: ['kubelet', 'kube-proxy', 'node-agent'],
        callers: [...(spec.nodes ?? []).map((name) => `node:${name}`), 'kube-proxy'],
      };
  }
}

/** Least privilege for a role, or for several together, as NATS subjects. */
export function permissionsFor(spec: UserSpec): Permissions {
  const each = 'roles' in spec ? spec.roles.map((r) => permissionsOf({ ...r, id: spec.id })) : [permissionsOf(spec)];
  const union = (part: 'publish' | 'subscribe'): string[] => [...new Set(each.flatMap((p) => p[part]))];
  const allowResponses = each.find((p) => p.allowResponses)?.allowResponses;
  return { publish: union('publish'), subscribe: union('subscribe'), allowResponses };
}

function permissionsOf(spec: RoleSpec): Permissions {
  const id = subjects.escapeToken(idOf(spec));
  const { components, callers } = partsOf(spec);
  // Heartbeats, state and inspection of its own components; its own inbox and its own end of sessions.
  const publish = components.flatMap((c) => [subjects.presenceOf(c), subjects.inspectOf(c)]);
  publish.push(subjects.beat(`${id}.*`), subjects.rollCall);
  const subscribe = [`${subjects.inbox(id)}.>`, subjects.sessionAll(id), subjects.presenceOf('*'), subjects.rollCall];
  subscribe.push(...components.map((c) => subjects.controlOf(c)));
  publish.push(...callers.map((caller) => subjects.apiOf(caller)));

  switch (spec.role) {
    case 'etcd':
      publish.push('$JS.>', '$KV.>');
      subscribe.push(subjects.etcdAll, subjects.eventAll);
      break;
    case 'apiserver':
      publish.push(subjects.etcdAll, subjects.nodeAll('*'), subjects.sessionAll('*'));
      subscribe.push(subjects.apiOf('*'), subjects.eventAll, subjects.beat('*.*'));
      break;
    case 'console':
      publish.push(subjects.controlOf('*'));
      subscribe.push(subjects.inspectAll);
      break;
    case 'nodes':
      subscribe.push(...(spec.nodes ?? []).map((name) => subjects.nodeAll(name)));
      break;
    case 'controller-manager':
    case 'scheduler':
      break;
  }
  if (spec.role !== 'apiserver' && spec.role !== 'etcd') {
    publish.push(subjects.sessionAll('apiserver'));
    subscribe.push(subjects.beat('apiserver.*'));
  }
  const serves = spec.role === 'etcd' || spec.role === 'apiserver' || spec.role === 'nodes';
  return { publish, subscribe, allowResponses: serves ? { max: 1, expiresSeconds: 120 } : undefined };
}

const idOf = (spec: UserSpec): string => spec.id ?? (spec as RoleSpec).role;

/** What a process needs to get on the bus; kept as a file of JSON with mode 0600. */
export interface Credentials {
  readonly urls: readonly string[];
  /** First token of its addresses, see RoleSpec.id: its inbox is `_INBOX.<role>.>`. */
  readonly role: string;
  /** Seed of the user's nkey, `SU...`: a secret. */
  readonly seed: string;
  /** PEM of the authority that signed the server's certificate; undefined: no TLS. */
  readonly ca?: string | undefined;
}

/** A new user: what it keeps, and what the server is told. */
export function createCredentials(
  spec: UserSpec,
  server: { readonly urls: readonly string[]; readonly ca?: string | undefined },
): { readonly credentials: Credentials; readonly user: NatsUser } {
  const seed = new TextDecoder().decode(createUser().getSeed());
  const credentials = { urls: server.urls, role: idOf(spec), seed, ...(server.ca && { ca: server.ca }) };
  return { credentials, user: userOf(spec, seed) };
}
/** The user of a seed that exists already. */
export const userOf = (spec: UserSpec, seed: string): NatsUser => ({
  spec,
  publicKey: fromSeed(new TextEncoder().encode(seed)).getPublicKey(),
});

export const formatCredentials = (credentials: Credentials): string => `${JSON.stringify(credentials, null, 2)}\n`;

/** Thrown: ApiError BadRequest for text that is no such file. */
export function parseCredentials(text: string): Credentials {
  const refuse = (why: string): never => {
    throw new ApiError('BadRequest', `not a file of bus credentials: ${why}`);
  };
  let value: Partial<Credentials> | null = null;
  try {
    value = JSON.parse(text) as Partial<Credentials> | null;
  } catch {
    refuse('it is not JSON');
  }
  const { urls, role, seed, ca } = value ?? {};
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every((u) => typeof u === 'string'))
    return refuse('it has no urls');
  if (typeof role !== 'string' || role === '') return refuse('it has no role');
  if (typeof seed !== 'string' || !/^SU[A-Z2-7]{56}$/.test(seed)) return refuse('its seed is not that of a user');
  return { urls, role, seed, ...(typeof ca === 'string' && { ca }) };
}

export interface NatsUser {
  readonly spec: UserSpec;
  /** `U...` */
  readonly publicKey: string;
}
