import * as subjects from './subjects.ts';

export type Role =
  | 'etcd'
  | 'apiserver'
  | 'controller-manager'
  | 'scheduler'
  | 'nodes'
  | 'node-authenticator'
  | 'certificate-signer'
  | 'cloud-controller-manager'
  | 'dns'
  | 'ingress'
  | 'local-volumes'
  | 'metrics'
  | 'supervisor'
  | 'console'
  | 'store-reader'
  | 'admin';

export interface RoleSpec {
  readonly role: Role;
  /**
   * First token of its addresses: nobody else reads its inbox and sessions. Default: the role. An etcd's is always `etcd`,
   * an apiserver's always `apiserver`.
   */
  readonly id?: string | undefined;
  /** Names of the controllers that a controller manager runs: it asks as `controller:<name>` and under no other name. */
  readonly controllers?: readonly string[] | undefined;
  /** Names of the nodes that a node agent runs: it asks as `node:<name>` and serves these nodes' operations. */
  readonly nodes?: readonly string[] | undefined;
}

/**
 * A process that runs several roles on one connection (fewer sockets, fewer wake-ups at rest): it may do what any of them
 * may. Neither `etcd` nor `apiserver` can be one of them: what those may not say, the others may not make them say.
 */
export interface JointSpec {
  readonly id: string;
  readonly roles: readonly RoleSpec[];
}
/** A node that joined by a token: it speaks and listens in its own name alone. */
export interface NodeSpec {
  readonly node: string;
}
export type UserSpec = RoleSpec | JointSpec | NodeSpec;

/** What a credential may say and hear; everything else is refused by the server. */
export interface Permissions {
  readonly publish: readonly string[];
  /** Exceptions from `publish`. */
  readonly neverPublish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Name of the store's stream; those who may touch JetStream may touch this one. */
const STREAM = 'KV_kubus';
/** Where the server asks about users that it does not know. */
export const AUTH_SUBJECT = '$SYS.REQ.USER.AUTH';

const inboxes = (id: string): string => `${subjects.inbox(id)}.>`;
/** No role has a colon in its name, so no node can take one's place by its own. */
export const idOf = (spec: UserSpec): string =>
  'node' in spec ? `node:${spec.node}` : (spec.id ?? (spec as RoleSpec).role);

/** Least privilege for a role, for several together, or for one node, as NATS subjects. */
export function permissionsFor(spec: UserSpec): Permissions {
  if ('node' in spec) return ofNode(spec.node, subjects.escapeToken(idOf(spec)));
  const each = 'roles' in spec ? spec.roles.map((r) => ofRole({ ...r, id: spec.id })) : [ofRole(spec)];
  const union = (part: keyof Permissions): string[] => [...new Set(each.flatMap((p) => p[part]))];
  if ('roles' in spec && spec.roles.some((r) => r.role === 'etcd' || r.role === 'apiserver'))
    throw new Error('etcd and apiserver have connections of their own');
  return { publish: union('publish'), neverPublish: union('neverPublish'), subscribe: union('subscribe') };
}

/** One component's states, for those who watch. */
const announces = (component: string, id = '*') => ({
  publish: [presenceOf(component, id)],
  subscribe: [subjects.rollCall],
});
const watches = (component: string) => ({
  publish: [subjects.rollCall],
  subscribe: [subjects.presenceOf(component)],
});
const inspected = (component: string, id = '*') => ({
  publish: [id === '*' ? subjects.inspectOf(component) : subjects.inspect(component, id)],
  subscribe: [id === '*' ? subjects.controlOf(component) : subjects.control(component, id)],
});
const presenceOf = (component: string, id: string): string =>
  id === '*' ? subjects.presenceOf(component) : subjects.presence(component, id);
/** Competes for leadership: its rivals may ask the server whether it is still there. */
const elects = (component: string) => ({
  publish: [subjects.probeOf(component)],
  subscribe: [subjects.probeOf(component)],
});
/** Tells the API server what it counts. */
const counts = (component: string) => ({
  publish: [inboxes('apiserver')],
  subscribe: [subjects.metricsOf(component), subjects.metricsEach(component)],
});
/** Asks the API server and follows watches. */
const asks = (id: string, callers: readonly string[]) => ({
  publish: [...callers.map((c) => subjects.apiOf(c)), subjects.sessionAll('apiserver.*'), subjects.beat(`${id}.*`)],
  subscribe: [inboxes(id), subjects.sessionAll(`${id}.*`), subjects.beat('apiserver.*')],
});
/** First tokens of the addresses of those who open connections to pods over the bus, alone or beside others on one connection. */
const DIALERS = ['ingress', 'cloud-controller-manager', 'workers'];
/** And of those who bring images to nodes: people. */
const LOADERS = ['admin'];
/** Answers the API server about nodes, who measures them, who dials about pods, and who brings images. */
const serves = (node: string) => {
  const theirs = [...DIALERS, ...LOADERS];
  return {
    publish: [
      ...['apiserver', 'metrics', 'local-volumes', ...theirs].map(inboxes),
      ...theirs.map((id) => subjects.sessionAll(`${id}.*`)),
    ],
    subscribe: [subjects.nodeAll(node), ...theirs.map((id) => subjects.beat(`${id}.*`))],
  };
};
/** Opens connections to pods of any node, which may be called anything; who has no pods is left alone. */
const dials = () =>
  opensAtNodes('portforward', [
    'etcd',
    'controller-manager',
    'scheduler',
    'node-authenticator',
    'certificate-signer',
    'admin',
  ]);
/** `never`: who else has sessions, and none with nodes. */
const opensAtNodes = (operation: string, never: readonly string[]) => ({
  publish: [subjects.node('*', operation), subjects.sessionAll('*.*')],
  neverPublish: never.map((id) => subjects.sessionAll(`${id}.*`)),
  subscribe: [subjects.beat('*.*')],
});
function all(...parts: readonly Partial<Permissions>[]): Permissions {
  const union = (part: keyof Permissions): string[] => [...new Set(parts.flatMap((p) => p[part] ?? []))];
  return { publish: union('publish'), neverPublish: union('neverPublish'), subscribe: union('subscribe') };
}

/** What else a node asks as, where it is a real one: of these all nodes have the same rights, which are to read. */
const ON_NODES = ['pod-network', 'kube-proxy'];
/** A node's components go by the node's name: no node says that another is there, or gone. */
const ofNode = (node: string, id: string): Permissions =>
  all(asks(id, [`node:${node}`, ...ON_NODES]), serves(node), announces('node-agent', node), inspected('kubelet', node));

function ofRole(spec: RoleSpec): Permissions {
  const id = subjects.escapeToken(idOf(spec));
  switch (spec.role) {
    case 'etcd':
      return all(announces('etcd'), inspected('etcd'), {
        publish: [
          inboxes('apiserver'),
          inboxes('store-reader'),
          '$KV.kubus.>',
          '$JS.API.INFO',
          `$JS.API.STREAM.*.${STREAM}`,
          `$JS.API.STREAM.*.*.${STREAM}`,
          `$JS.API.DIRECT.GET.${STREAM}`,
        ],
        subscribe: [inboxes('etcd'), subjects.etcdAll, subjects.eventAll],
      });
    case 'apiserver':
      return all(announces('apiserver'), inspected('apiserver'), {
        publish: [
          subjects.etcdAll,
          subjects.nodeAll('*'),
          subjects.metricsAll,
          subjects.extensionAll,
          subjects.sessionAll('*.*'),
          subjects.beat('apiserver.*'),
          // Whoever asks names the subject of the answer: it must be an inbox, and of someone who may ask.
          inboxes('*'),
        ],
        neverPublish: [
          ...['etcd', 'apiserver', 'system'].map(inboxes),
          ...['etcd.*', 'apiserver.*'].map(subjects.sessionAll),
        ],
        subscribe: [
          inboxes('apiserver'),
          subjects.apiOf('*'),
          subjects.eventAll,
          subjects.sessionAll('apiserver.*'),
          subjects.beat('*.*'),
        ],
      });
    case 'scheduler':
      return all(
        asks(id, ['scheduler']),
        announces('scheduler'),
        watches('scheduler'),
        elects('scheduler'),
        inspected('scheduler'),
        counts('scheduler'),
      );
    case 'controller-manager':
      return all(
        asks(id, ['controller-manager', ...(spec.controllers ?? []).map((name) => `controller:${name}`)]),
        announces('controller-manager'),
        watches('controller-manager'),
        elects('controller-manager'),
        inspected('controller-manager'),
        counts('controller-manager'),
      );
    case 'nodes':
      return all(
        asks(id, [...(spec.nodes ?? []).map((name) => `node:${name}`), ...ON_NODES]),
        ...(spec.nodes ?? []).map(serves),
        announces('node-agent'),
        inspected('kubelet'),
      ); // prettier-ignore
    case 'node-authenticator':
      return all(asks(id, ['node-authenticator']), announces('node-authenticator'), inspected('node-authenticator'), {
        // nats-server's own inbox for the answer.
        publish: ['$SYS._INBOX.>'],
        subscribe: [AUTH_SUBJECT],
      });
    // One controller of those that a controller manager runs, by itself.
    case 'certificate-signer':
      return all(
        asks(id, ['controller:csr-signing']),
        announces('certificate-signer'),
        inspected('certificate-signer'),
      );
    case 'cloud-controller-manager':
      return all(
        asks(id, ['cloud-controller-manager', ...(spec.controllers ?? []).map((name) => `controller:${name}`)]),
        announces('cloud-controller-manager'),
        watches('cloud-controller-manager'),
        elects('cloud-controller-manager'),
        inspected('cloud-controller-manager'),
        counts('cloud-controller-manager'),
        dials(),
      );
    case 'ingress':
      return all(
        asks(id, ['ingress']),
        announces('ingress'),
        watches('ingress'),
        elects('ingress'),
        inspected('ingress'),
        dials(),
      );
    // Serves a group of the API, and asks nodes what they use.
    case 'metrics':
      return all(asks(id, ['metrics']), announces('metrics'), inspected('metrics'), {
        publish: [inboxes('apiserver'), subjects.node('*', 'stats')],
        subscribe: [subjects.extension('metrics')],
      });
    // Has nodes remove folders of volumes.
    case 'local-volumes':
      return all(asks(id, ['local-volumes']), announces('local-volumes'), inspected('local-volumes'), {
        publish: [subjects.node('*', 'volumes')],
      });
    case 'dns':
      return all(asks(id, ['dns']), announces('dns'), inspected('dns'), counts('dns'));
    // Starts and ends components of its machine, as people's console tells it.
    case 'supervisor':
      return all({ publish: [inboxes('console')], subscribe: [inboxes(id), subjects.controlOf('supervisor')] });
    case 'console':
      return all(watches('*'), {
        publish: [subjects.controlOf('*')],
        subscribe: [inboxes(id), subjects.inspectAll],
      });
    // Whoever looks at what the store holds, past the API: it changes nothing.
    case 'store-reader':
      return all({ publish: ['range', 'status'].map(subjects.etcd), subscribe: [inboxes(id)] });
    case 'admin':
      return all(
        asks(id, ['admin']),
        opensAtNodes('load', [
          'etcd',
          'controller-manager',
          'scheduler',
          'node-authenticator',
          'certificate-signer',
          'ingress',
          'cloud-controller-manager',
          'dns',
        ]),
      );
  }
}
