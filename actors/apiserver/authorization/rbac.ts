import { aggregate } from '../../../schemas/meta/aggregate.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../../schemas/generated/rbac-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { CacheReader, Decision, RequestInfo, UserInfo } from '../request.ts';
import { ruleAllows } from './rules.ts';

type Binding = ClusterRoleBinding | RoleBinding;
/** What a user holds in one namespace, and why. */
export interface GrantedRule {
  readonly rule: PolicyRule;
  readonly source: string;
}
export interface Rbac {
  authorize(user: UserInfo, info: RequestInfo): Decision;
  /** All rules that apply to the user in the namespace ('' for cluster-wide alone). `called`: what errors call a role that is missing. */
  rulesFor(
    user: UserInfo,
    namespace: string,
    called?: string,
  ): { readonly rules: readonly GrantedRule[]; readonly errors: string[] };
  /** Rules behind a role reference; throws text when the role is missing. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
  /** Rises with every change of a role or binding: decisions made under an older one are void. */
  readonly generation: number;
}

const GROUP = 'rbac.authorization.k8s.io';
const SERVICE_ACCOUNT = 'system:serviceaccount:';
const NONE: Decision = { allowed: 'noOpinion', reason: '' };

/** Key under which a binding is filed for one of its subjects. */
function subjectKey(subject: Subject, namespace: string): string {
  switch (subject.kind) {
    case 'User':
      return `u:${subject.name}`;
    case 'Group':
      return `g:${subject.name}`;
    case 'ServiceAccount': {
      const home = subject.namespace || namespace;
      return home === '' ? '' : `u:${SERVICE_ACCOUNT}${home}:${subject.name}`;
    }
    default:
      return '';
  }
}
const keysOf = (user: UserInfo): string[] => [`u:${user.name}`, ...user.groups.map((g) => `g:${g}`)];

/** Bindings by subject, one for the cluster and one for each namespace. */
class BindingIndex {
  readonly #bySubject = new Map<string, Map<string, { binding: Binding; subject: Subject }>>();
  put(binding: Binding, namespace: string): void {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      if (key === '') continue;
      let bindings = this.#bySubject.get(key);
      if (bindings === undefined) this.#bySubject.set(key, (bindings = new Map()));
      // The first subject that applies is the one that reasons name.
      if (bindings.get(binding.metadata.name!)?.binding !== binding)
        bindings.set(binding.metadata.name!, { binding, subject });
    }
  }
  drop(binding: Binding, namespace: string): void {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      const bindings = this.#bySubject.get(key);
      if (bindings?.delete(binding.metadata.name!) && bindings.size === 0) this.#bySubject.delete(key);
    }
  }
  of(key: string): Iterable<{ binding: Binding; subject: Subject }> {
    return this.#bySubject.get(key)?.values() ?? [];
  }
}

/**
 * Role-based access over the watch cache: bindings are filed by subject, and refiled one at a time as they change, so a
 * decision looks only at what concerns the user. Source: kubernetes plugin/pkg/auth/authorizer/rbac.
 */
export function createRbac(registry: Registry, cache: CacheReader): Rbac {
  const resource = (name: string) => registry.lookup({ group: GROUP, version: 'v1', resource: name })!;
  const [roles, clusterRoles] = [resource('roles'), resource('clusterroles')];
  const [roleBindings, clusterRoleBindings] = [resource('rolebindings'), resource('clusterrolebindings')];
  const cluster = new BindingIndex();
  const namespaces = new Map<string, BindingIndex>();
  const filed = new Map<string, Binding>();
  let generation = 0;

  const indexOf = (namespace: string): BindingIndex => {
    if (namespace === '') return cluster;
    let index = namespaces.get(namespace);
    if (index === undefined) namespaces.set(namespace, (index = new BindingIndex()));
    return index;
  };
  const file = (binding: Binding | undefined, old: Binding | undefined): void => {
    generation++;
    const meta = (binding ?? old)!.metadata;
    const namespace = meta.namespace ?? '';
    const key = `${namespace}/${meta.name!}`;
    const before = filed.get(key);
    if (before !== undefined) indexOf(namespace).drop(before, namespace);
    filed.delete(key);
    if (binding === undefined) return;
    filed.set(key, binding);
    indexOf(namespace).put(binding, namespace);
  };
  for (const kind of [clusterRoleBindings, roleBindings]) {
    for (const binding of cache.list<Binding>(kind)) file(binding, undefined);
    cache.onChange(kind, (binding, old) => file(binding as Binding | undefined, old as Binding | undefined));
  }
  for (const kind of [clusterRoles, roles]) cache.onChange(kind, () => void generation++);

  const rulesOf = (ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined =>
    ref.kind === 'ClusterRole'
      ? rulesIn(cache.get<ClusterRole>(clusterRoles, '', ref.name))
      : ref.kind === 'Role'
        ? rulesIn(cache.get<Role>(roles, namespace, ref.name))
        : undefined;

  function* granted(
    user: UserInfo,
    namespace: string,
    errors: string[],
    called?: string,
  ): Generator<[Binding, Subject, PolicyRule]> {
    const keys = keysOf(user);
    const seen = new Set<Binding>();
    for (const index of namespace === '' ? [cluster] : [cluster, namespaces.get(namespace)]) {
      if (index === undefined) continue;
      for (const key of keys)
        for (const { binding, subject } of index.of(key)) {
          if (seen.has(binding)) continue;
          seen.add(binding);
          const rules = rulesOf(binding.roleRef, binding.metadata.namespace ?? '');
          if (rules === undefined) errors.push(notFoundText(binding.roleRef, called));
          else for (const rule of rules) yield [binding, subject, rule];
        }
    }
  }

  return {
    rulesOf,
    get generation() {
      return generation;
    },
    authorize(user, info) {
      const errors: string[] = [];
      for (const [binding, subject, rule] of granted(user, info.isResource ? info.namespace : '', errors))
        if (ruleAllows(rule, info)) return { allowed: 'yes', reason: `RBAC: allowed by ${describe(binding, subject)}` };
      return errors.length === 0 ? NONE : { allowed: 'noOpinion', reason: `RBAC: ${aggregate(errors)}` };
    },
    rulesFor(user, namespace, called) {
      const errors: string[] = [];
      const rules: GrantedRule[] = [];
      for (const [binding, subject, rule] of granted(user, namespace, errors, called))
        rules.push({ rule, source: describe(binding, subject) });
      return { rules, errors };
    },
  };
}

const rulesIn = (role: Role | ClusterRole | undefined): readonly PolicyRule[] | undefined =>
  role === undefined ? undefined : (role.rules ?? []);
const notFoundText = (ref: RoleRef, called = ref.kind.toLowerCase()): string =>
  ref.kind === 'Role' || ref.kind === 'ClusterRole'
    ? `${called}.${GROUP} "${ref.name}" not found`
    : `unsupported role reference kind: "${ref.kind}"`;

function describe(binding: Binding, subject: Subject): string {
  const { name, namespace } = binding.metadata;
  const who =
    subject.kind === 'ServiceAccount'
      ? `${subject.kind} "${subject.name}/${subject.namespace || (namespace ?? '')}"`
      : `${subject.kind} "${subject.name}"`;
  const what = namespace ? `RoleBinding "${name!}/${namespace}"` : `ClusterRoleBinding "${name!}"`;
  return `${what} of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${who}`;
}
