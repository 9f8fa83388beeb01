import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import rbacFacts from '../../../schemas/facts/rbac.json' with { type: 'json' };
import type { Authorizer, CacheReader, Decision, RequestInfo, UserInfo } from '../request.ts';
import { createNodeAuthorizer, nodeOf } from './node.ts';
import { createNodeGraph } from './node-graph.ts';
import { createRbac, type Rbac } from './rbac.ts';

export interface ClusterAuthorizer extends Authorizer {
  /** For access reviews and escalation checks. */
  readonly rbac: Rbac;
}

const MASTERS: Decision = { allowed: 'yes', reason: '' };
/** Decisions remembered per user before the oldest are forgotten. */
const LIMIT = 4096;

/**
 * Decides for each request in microseconds: what a user was told stays told until a role or binding changes. Nodes are
 * not remembered, their rights move with their pods. Make it once the cache holds roles and bindings, or before: it
 * follows changes either way.
 */
export function createAuthorizer({
  registry,
  cache,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
}): ClusterAuthorizer {
  const rbac = createRbac(registry, cache);
  const node = createNodeAuthorizer(createNodeGraph(registry, cache), nodeRules());
  let remembered = new WeakMap<UserInfo, Map<string, Decision>>();
  let generation = rbac.generation;

  const decide = (user: UserInfo, info: RequestInfo): Decision => {
    if (nodeOf(user) === undefined) return rbac.authorize(user, info);
    const first = node.authorize(user, info);
    if (first.allowed === 'yes') return first;
    const second = rbac.authorize(user, info);
    if (second.allowed === 'yes') return second;
    const reason = [first.reason, second.reason].filter((r) => r !== '').join('\n');
    return { allowed: 'noOpinion', reason };
  };
  return {
    rbac,
    authorize(user, info) {
      if (user.groups.includes('system:masters')) return MASTERS;
      if (nodeOf(user) !== undefined) return decide(user, info);
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
      decision = decide(user, info);
      known.set(key, decision);
      return decision;
    },
  };
}

const nodeRules = (): readonly PolicyRule[] => {
  const roles = rbacFacts.clusterRoles as unknown as readonly { metadata: { name: string }; rules: PolicyRule[] }[];
  return roles.find((role) => role.metadata.name === 'system:node')?.rules ?? [];
};
