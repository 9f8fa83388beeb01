import { defineResource, type Cell, type Errors, type ResourceDefinition } from '../define.ts';
import type { ClusterRoleBinding, RoleBinding, RoleRef, Subject } from '../generated/rbac-v1.ts';
import { notOneOf, problems, requiredSegment } from '../helpers/checks.ts';
import { equal } from '../meta/equal.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { rbacName } from './role.ts';

const GROUP = 'rbac.authorization.k8s.io';
const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];
type Binding = RoleBinding | ClusterRoleBinding;

/** Both kinds of binding; they differ in which roles they may name and in subjects' namespaces. */
const binding = <T extends Binding>(resource: string, isNamespaced: boolean): ResourceDefinition<T> =>
  defineResource<T>({
    group: GROUP, version: 'v1', resource,
    metadataChecks: ['whole', 'changes'],
    allowCreateOnUpdate: true,
    validateName: rbacName,

    /** Source: pkg/apis/rbac/v1 SetDefaults_RoleBinding, SetDefaults_Subject. */
    defaults(draft) {
      if (draft.roleRef && !draft.roleRef.apiGroup) draft.roleRef.apiGroup = GROUP;
      for (const subject of draft.subjects ?? [])
        if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP;
      return draft;
    },
    *validate({ roleRef, subjects }, at) {
      yield* validateRoleRef(roleRef, isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'], at('roleRef'));
      for (const [i, subject] of (subjects ?? []).entries()) yield* validateSubject(subject, isNamespaced, at('subjects')(i));
    },
    *validateUpdate({ roleRef }, old, at) {
      if (!equal(roleRef, old.roleRef))
        yield invalid(at('roleRef'), goStruct(roleRef, 'io.k8s.api.rbac.v1.RoleRef'), 'cannot change roleRef');
    },
    cells: ({ metadata, roleRef, subjects }, now) => [
      metadata.name ?? '', `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`, age(metadata.creationTimestamp, now), ...subjectCells(subjects ?? []),
    ],
  }); // prettier-ignore
export const roleBinding = binding<RoleBinding>('rolebindings', true);
export const clusterRoleBinding = binding<ClusterRoleBinding>('clusterrolebindings', false);

function subjectCells(subjects: readonly Subject[]): Cell[] {
  const named = (kind: string): string =>
    subjects.filter((s) => s.kind === kind).map((s) => s.name).join(', '); // prettier-ignore
  const accounts = subjects.filter((s) => s.kind === 'ServiceAccount').map((s) => `${s.namespace ?? ''}/${s.name}`); // prettier-ignore
  return [named('User'), named('Group'), accounts.join(', ')];
}
function* validateRoleRef(ref: Partial<RoleRef> | undefined, kinds: readonly string[], at: FieldPath): Errors {
  const { apiGroup = '', kind = '', name = '' } = ref ?? {};
  if (apiGroup !== GROUP) yield notOneOf(apiGroup, [GROUP], at('apiGroup'));
  if (!kinds.includes(kind)) yield notOneOf(kind, kinds, at('kind'));
  yield* requiredSegment(name, at('name'));
}
/** Source: pkg/apis/rbac/validation ValidateRoleBindingSubject. */
function* validateSubject({ kind, name, namespace, apiGroup = '' }: Subject, isNamespaced: boolean, at: FieldPath): Errors {
  if (!name) yield required(at('name'));
  if (kind === 'ServiceAccount') {
    if (name) yield* problems(dnsSubdomain(name), name, at('name'));
    if (apiGroup !== '') yield notOneOf(apiGroup, [''], at('apiGroup'));
    if (!isNamespaced && !namespace) yield required(at('namespace'));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== GROUP) yield notOneOf(apiGroup, [GROUP], at('apiGroup'));
  } else yield notOneOf(kind, SUBJECT_KINDS, at('kind'));
} // prettier-ignore
