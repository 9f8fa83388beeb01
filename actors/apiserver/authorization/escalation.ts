import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from '../../../schemas/generated/rbac-v1.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, UserInfo } from '../request.ts';
import type { ClusterAuthorizer } from './authorizer.ts';
import { decided, may, type Deciding } from './deciding.ts';
import { forbiddenObject } from './forbidden.ts';
import { compactRules, describeRule, missingRights } from './rules.ts';

const GROUP = 'rbac.authorization.k8s.io';
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * Nobody hands out rights that he does not hold, unless he may `escalate` (roles) or `bind` (bindings).
 * Runs first among the validating plugins and cannot be disabled.
 * Source: kubernetes pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased.
 */
export function createEscalationCheck(authorizer: ClusterAuthorizer): AdmissionPlugin {
  const mayAs = (user: UserInfo, verb: string, resource: string, namespace: string, name: string): Deciding<boolean> =>
    may(authorizer, user, {
      isResource: true, path: '', verb, group: GROUP, version: '*', resource, subresource: '', namespace, name,
    }); // prettier-ignore

  const confirm = (a: AdmissionAttributes, rules: readonly PolicyRule[], text?: string): void => {
    // Roles are looked for on behalf of this request, and named after what it is for.
    const { rules: held, errors } = authorizer.rbac.rulesFor(a.user, a.namespace, a.resource.resource);
    const missing = missingRights(
      held.map((h) => h.rule),
      rules,
    );
    if (missing.length === 0) return;
    const name = a.object?.metadata.name ?? '';
    if (text !== undefined) throw forbiddenObject(GROUP, a.resource.resource, name, text);
    const rights = [...new Set(compactRules(missing).map(describeRule))].sort();
    const groups = a.user.groups.map((g) => JSON.stringify(g)).join(' ');
    const message = `user ${JSON.stringify(a.user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${rights.join('\n')}`;
    const unresolved = errors.length === 0 ? '' : `; resolution errors: [${aggregate(errors)}]`;
    throw forbiddenObject(GROUP, a.resource.resource, name, message + unresolved);
  };
  function* checkRole(a: AdmissionAttributes, role: ClusterRole): Deciding<void> {
    const requested = a.operation === 'CREATE' ? '' : a.name;
    if (yield* mayAs(a.user, 'escalate', a.resource.resource, a.namespace, requested)) return;
    const aggregates = (o: ClusterRole | undefined): boolean =>
      (o?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
    if (aggregates(role) || aggregates(a.old))
      confirm(a, EVERYTHING, 'must have cluster-admin privileges to use the aggregationRule');
    confirm(a, role.rules ?? []);
  }
  function* checkBinding(a: AdmissionAttributes, ref: RoleRef): Deciding<void> {
    const target = ref.kind === 'ClusterRole' ? 'clusterroles' : ref.kind === 'Role' ? 'roles' : undefined;
    if (target !== undefined && (yield* mayAs(a.user, 'bind', target, a.namespace, ref.name))) return;
    const rules = authorizer.rbac.rulesOf(ref, a.namespace);
    if (rules === undefined && target !== undefined)
      // The role is looked for on behalf of a request for bindings, and named after it.
      throw new ApiError('NotFound', `${a.resource.resource}.${GROUP} ${JSON.stringify(ref.name)} not found`, {
        details: { name: ref.name, group: GROUP, kind: a.resource.resource },
      });
    confirm(a, rules ?? []);
  }
  return {
    name: 'RBACEscalation',
    handles: new Set(['CREATE', 'UPDATE']),
    validate(a) {
      if (a.resource.group !== GROUP || a.subresource !== undefined || a.object === undefined) return;
      if (a.user.groups.includes('system:masters')) return;
      if (a.old !== undefined && sameButForCollection(a.object, a.old)) return;
      const isRole = a.resource.resource === 'roles' || a.resource.resource === 'clusterroles';
      return decided(isRole ? checkRole(a, a.object) : checkBinding(a, (a.object as unknown as RoleBinding).roleRef));
    },
  };
}

/** True if only what the garbage collector needs to change has changed. */
function sameButForCollection(object: DynamicObject, old: DynamicObject): boolean {
  const strip = (o: DynamicObject): string => {
    const {
      ownerReferences: _owners,
      finalizers: _finalizers,
      managedFields: _fields,
      resourceVersion: _version,
      ...metadata
    } = o.metadata;
    const { metadata: _metadata, ...rest } = o;
    return JSON.stringify([sortKeys(metadata), sortKeys(rest)]);
  };
  return strip(object) === strip(old);
}
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined && v !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sortKeys(v)]),
  );
}
