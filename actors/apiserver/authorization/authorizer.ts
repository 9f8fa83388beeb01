import type { World } from '../../../bus/world.ts';
import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import rbacFacts from '../../../schemas/facts/rbac.json' with { type: 'json' };
import { isOfFormerNode, KEY_LABEL, REVOKED_LABEL } from '../../runtime/node-labels.ts';
import type { Authorizer, CacheReader, Decision, RequestInfo, UserInfo } from '../request.ts';
import type { Metrics, Sample } from '../metrics/index.ts';
import type { AuthorizerConfiguration } from './configuration.ts';
import { createNodeAuthorizer, nodeOf } from './node.ts';
import { createNodeGraph } from './node-graph.ts';
import { createRbac, type Rbac } from './rbac.ts';

/** What a user may do in a namespace, as far as authorizers can say without being asked of each thing. */
export interface KnownRules {
  readonly rules: readonly PolicyRule[];
  /** Somebody could not. */
  readonly incomplete: boolean;
  readonly errors: readonly string[];
}
/** One of several that are asked in turn. */
export interface ChainedAuthorizer extends Authorizer {
  rulesFor(user: UserInfo, namespace: string): KnownRules;
}
export interface ClusterAuthorizer extends ChainedAuthorizer {
  /** For escalation checks, whoever decides otherwise. */
  readonly rbac: Rbac;
}
/** The two that know the cluster's own objects. */
export interface OwnAuthorizers {
  readonly Node: ChainedAuthorizer;
  readonly RBAC: ChainedAuthorizer;
}
export interface BaseAuthorizer extends ClusterAuthorizer {
  /** Always at once. */
  authorize(user: UserInfo, info: RequestInfo): Decision;
  readonly own: OwnAuthorizers;
  /** Its decisions so far, for metrics. */
  readonly decisions: () => Iterable<Sample>;
}
/** Who decides instead of Node and RBAC, in this order. */
export interface AuthorizationOptions {
  readonly authorizers: readonly AuthorizerConfiguration[];
  /** `createChains`, which nobody loads who has configured nothing. */
  readonly chains: (
    world: Pick<World, 'clock' | 'random'>,
    metrics: Pick<Metrics, 'section'>,
    own: OwnAuthorizers,
  ) => (configured: readonly AuthorizerConfiguration[]) => Chain;
  /** SHA-256 of the file, in hex, if there is one. */
  readonly hash?: string | undefined;
  /** Told of another configuration, after start, or that it is of no use (undefined); the result ends that. */
  readonly onChange?: ((listener: (change: ConfigurationChange | undefined) => void) => () => void) | undefined;
}
export interface ConfigurationChange {
  readonly authorizers: readonly AuthorizerConfiguration[];
  readonly hash: string;
}
export interface Chain extends ChainedAuthorizer {
  /** Closes connections. */
  close(): void;
}

const MASTERS: Decision = { allowed: 'yes', reason: '' };
/** Decisions remembered per user before the oldest are forgotten. */
const LIMIT = 4096;
const NODE_RULES = 'node authorizer does not support user rule resolution';

/**
 * Decides for each request in microseconds: what a user was told by RBAC stays told until a role or binding changes. Nodes
 * are not remembered, their rights move with their pods. Make it once the cache holds roles and bindings, or before: it
 * follows changes either way.
 */
export function createAuthorizer({
  registry,
  cache,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
}): BaseAuthorizer {
  const rbac = createRbac(registry, cache);
  const nodes = registry.lookup({ group: '', version: 'v1', resource: 'nodes' });
  const distrust = (name: string, { certifiedSince }: UserInfo): string | undefined => {
    const node = nodes && cache.get(nodes, '', name);
    const { labels } = node?.metadata ?? {};
    if (node === undefined || labels === undefined) return undefined;
    if (labels[REVOKED_LABEL] !== undefined) return `node '${name}' was revoked`;
    const isForeign = labels[KEY_LABEL] !== undefined && certifiedSince !== undefined && isOfFormerNode(certifiedSince, node); // prettier-ignore
    return isForeign ? `the certificate is older than node '${name}', which joined since` : undefined;
  };
  const node = createNodeAuthorizer(createNodeGraph(registry, cache), nodeRules(), distrust);
  const counts = { node: 0, rbac: 0 };
  const remembering = remember(rbac);
  const byRbac = (user: UserInfo, info: RequestInfo): Decision => {
    const decision = remembering(user, info);
    if (decision.allowed === 'yes') counts.rbac++;
    return decision;
  };
  const rules = (user: UserInfo, namespace: string): KnownRules => {
    const { rules: granted, errors } = rbac.rulesFor(user, namespace);
    return { rules: granted.map((g) => g.rule), incomplete: false, errors };
  };
  return {
    rbac,
    own: {
      Node: {
        authorize: (user, info) => node.authorize(user, info),
        rulesFor: (user) =>
          nodeOf(user) === undefined
            ? { rules: [], incomplete: false, errors: [] }
            : { rules: [], incomplete: true, errors: [NODE_RULES] },
      },
      RBAC: { authorize: remembering, rulesFor: rules },
    },
    authorize(user, info) {
      if (isMaster(user)) return MASTERS;
      if (nodeOf(user) === undefined) return byRbac(user, info);
      const first = node.authorize(user, info);
      if (first.allowed === 'yes') {
        counts.node++;
        return first;
      }
      if (first.allowed === 'no') return first;
      const second = byRbac(user, info);
      if (second.allowed === 'yes') return second;
      const reason = [first.reason, second.reason].filter((r) => r !== '').join('\n');
      return { allowed: 'noOpinion', reason };
    },
    rulesFor(user, namespace) {
      const held = rules(user, namespace);
      if (nodeOf(user) === undefined) return held;
      return { rules: held.rules, incomplete: true, errors: [NODE_RULES, ...held.errors] };
    },
    *decisions() {
      if (counts.node > 0) yield [{ decision: 'allowed', name: 'node', type: 'Node' }, counts.node];
      if (counts.rbac > 0) yield [{ decision: 'allowed', name: 'rbac', type: 'RBAC' }, counts.rbac];
    },
  };
}
export const isMaster = (user: UserInfo): boolean => user.groups.includes('system:masters');

function remember(rbac: Rbac): (user: UserInfo, info: RequestInfo) => Decision {
  let remembered = new WeakMap<UserInfo, Map<string, Decision>>();
  let generation = rbac.generation;
  return (user, info) => {
    // Each request of a node has a user of its own.
    if (nodeOf(user) !== undefined) return rbac.authorize(user, info);
    if (generation !== rbac.generation) {
      remembered = new WeakMap();
      generation = rbac.generation;
    }
    let known = remembered.get(user);
    if (known === undefined) remembered.set(user, (known = new Map<string, Decision>()));
    const key = info.isResource
      ? `${info.verb} ${info.group} ${info.resource}/${info.subresource} ${info.namespace} ${info.name}`
      : `${info.verb} ${info.path}`;
    let decision = known.get(key);
    if (decision !== undefined) return decision;
    if (known.size >= LIMIT) known.delete(known.keys().next().value!);
    decision = rbac.authorize(user, info);
    known.set(key, decision);
    return decision;
  };
}

/**
 * The same, with others in its place: who is asked changes while the server runs. Nobody may be asked for what
 * system:masters want. Source: kubernetes pkg/kubeapiserver/authorizer reload.go.
 */
export function createConfiguredAuthorizer(
  base: BaseAuthorizer,
  options: AuthorizationOptions,
  world: Pick<World, 'clock' | 'random'>,
  metrics: Pick<Metrics, 'section' | 'collect'>,
): ClusterAuthorizer & { close(): void } {
  const make = options.chains(world, metrics, base.own);
  let chain = make(options.authorizers);
  // Who is just asked by the one before answers to it; what it keeps open closes by itself.
  const reloads = options.onChange && reloadMetrics(metrics, world, options.hash);
  const end = options.onChange?.((change) => {
    reloads!(change?.hash);
    if (change !== undefined) chain = make(change.authorizers);
  });
  return {
    rbac: base.rbac,
    authorize: (user, info) => (isMaster(user) ? MASTERS : chain.authorize(user, info)),
    rulesFor: (user, namespace) => chain.rulesFor(user, namespace),
    close() {
      end?.();
      chain.close();
    },
  };
}

/** Source: apiserver pkg/server/options/authorizationconfig/metrics. */
function reloadMetrics(
  metrics: Pick<Metrics, 'collect'>,
  { clock }: Pick<World, 'clock'>,
  first: string | undefined,
): (hash: string | undefined) => void {
  const counts = new Map<string, { total: number; last: number }>();
  let hash = first;
  const name = (what: string): string => `apiserver_authorization_config_controller_${what}`;
  const each = (read: (of: { total: number; last: number }) => number) => (): Sample[] =>
    [...counts].map(([status, of]) => [{ status }, read(of)]);
  metrics.collect(name('automatic_reloads_total'), 'counter', 'BETA', 'Times that the file was found changed.', each(({ total }) => total)); // prettier-ignore
  metrics.collect(name('automatic_reload_last_timestamp_seconds'), 'gauge', 'BETA', 'When it was last.', each(({ last }) => last)); // prettier-ignore
  metrics.collect(name('last_config_info'), 'gauge', 'ALPHA', 'By which file is decided.', () =>
    hash === undefined ? [] : [[{ hash: `sha256:${hash}` }, 1]],
  );
  return (next) => {
    const status = next === undefined ? 'failure' : 'success';
    counts.set(status, { total: (counts.get(status)?.total ?? 0) + 1, last: clock.now() / 1000 });
    hash = next ?? hash;
  };
}
const nodeRules = (): readonly PolicyRule[] => {
  const roles = rbacFacts.clusterRoles as unknown as readonly { metadata: { name: string }; rules: PolicyRule[] }[];
  return roles.find((role) => role.metadata.name === 'system:node')?.rules ?? [];
};
