import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';
import { approval, APPROVED } from './approval.ts';

/** Sets a condition by its type; its time moves only with its status. `now`: RFC 3339. */
export function withCondition(
  conditions: readonly CustomResourceDefinitionCondition[] | null | undefined,
  condition: CustomResourceDefinitionCondition,
  now: string,
): CustomResourceDefinitionCondition[] {
  const list = [...(conditions ?? [])];
  const i = list.findIndex((c) => c.type === condition.type);
  const old = list[i];
  const isSame = old?.status === condition.status && old.lastTransitionTime !== undefined;
  const set = { ...condition, lastTransitionTime: isSame ? old.lastTransitionTime : now };
  if (i < 0) list.push(set);
  else list[i] = set;
  return list;
}
export const conditionOf = (
  crd: CustomResourceDefinition,
  type: string,
): CustomResourceDefinitionCondition | undefined => crd.status?.conditions?.find((c) => c.type === type);
export const isConditionTrue = (crd: CustomResourceDefinition, type: string): boolean =>
  conditionOf(crd, type)?.status === 'True';

/** What of a definition others have to know. */
interface Named {
  readonly metadata: { readonly name?: string | undefined };
  readonly spec: { readonly group: string };
  readonly status?: { readonly acceptedNames?: CustomResourceDefinitionNames | undefined } | undefined;
}
/**
 * The status that says which names a definition has, given all definitions of its group: a name that another one has is
 * refused, the first one keeps it. Undefined: nothing to change. Established becomes `Installing` here; `established`
 * completes it once the kind is served. Source: apiextensions-apiserver pkg/controller/status NamingConditionController.
 */
export function acceptNames(
  crd: CustomResourceDefinition,
  group: readonly Named[],
  now: string,
): CustomResourceDefinitionStatus | undefined {
  const wanted = crd.spec.names;
  const accepted: CustomResourceDefinitionNames = crd.status?.acceptedNames ?? { plural: '', kind: '' };
  if (equal(wanted, accepted)) return undefined;
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of group) {
    const names = other.status?.acceptedNames;
    if (other.metadata.name === crd.metadata.name || other.spec.group !== crd.spec.group || !names) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const kind of [names.kind, names.listKind]) if (kind) kinds.add(kind);
  }
  const names: CustomResourceDefinitionNames = { ...accepted };
  let conflict: { reason: string; message: string } | undefined;
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  const take = (
    field: 'plural' | 'singular' | 'kind' | 'listKind',
    used: ReadonlySet<string>,
    reason: string,
  ): void => {
    const name = wanted[field] ?? '';
    if (name !== accepted[field] && used.has(name)) conflict = { reason, message: inUse(name) };
    else names[field] = name;
  };
  take('plural', resources, 'PluralConflict');
  take('singular', resources, 'SingularConflict');
  if (!equal(wanted.shortNames ?? null, accepted.shortNames ?? null)) {
    const taken = (wanted.shortNames ?? []).filter((n) => !accepted.shortNames?.includes(n) && resources.has(n));
    if (taken.length > 0)
      conflict = {
        reason: 'ShortNamesConflict',
        message: taken.length === 1 ? inUse(taken[0]!) : `[${taken.map(inUse).join(', ')}]`,
      };
    else if (wanted.shortNames) names.shortNames = wanted.shortNames;
    else delete names.shortNames;
  }
  take('kind', kinds, 'KindConflict');
  take('listKind', kinds, 'ListKindConflict');
  if (wanted.categories) names.categories = wanted.categories;
  else delete names.categories;

  const isAccepted = conflict === undefined;
  const naming: CustomResourceDefinitionCondition = {
    type: 'NamesAccepted',
    status: isAccepted ? 'True' : 'False',
    ...(conflict ?? { reason: 'NoConflicts', message: 'no conflicts found' }),
  };
  const before = conditionOf(crd, 'Established');
  let establishing: CustomResourceDefinitionCondition = before ?? {
    type: 'Established',
    status: 'False',
    reason: 'NotAccepted',
    message: 'not all names are accepted',
  };
  if (establishing.status !== 'True' && isAccepted)
    establishing = {
      type: 'Established',
      status: 'False',
      reason: 'Installing',
      message: 'the initial names have been accepted',
    };
  const old = conditionOf(crd, 'NamesAccepted');
  const isSame = old?.status === naming.status && old.reason === naming.reason && old.message === naming.message;
  if (equal(names, accepted) && isSame) return undefined;
  const conditions = withCondition(withCondition(crd.status?.conditions, naming, now), establishing, now);
  return { ...crd.status, acceptedNames: names, conditions };
}
const ENDS = {
  InstanceDeletionInProgress: ['True', 'CustomResource deletion is in progress'],
  InstanceDeletionCheck: ['True', 'could not confirm zero CustomResources remaining: context deadline exceeded'],
  InstanceDeletionCompleted: ['False', 'removed all instances'],
  NeverEstablished: ['False', 'resource was never established'],
} as const;
/** The status of a deleted definition at a stage of its end; undefined if it is at this stage, or at a later one. Source: apiextensions-apiserver crd_finalizer.go. */
export function terminating(
  crd: CustomResourceDefinition,
  reason: keyof typeof ENDS,
  now: string,
): CustomResourceDefinitionStatus | undefined {
  const [status, message] = ENDS[reason];
  const is = conditionOf(crd, 'Terminating');
  if (is?.reason === reason || (reason === 'InstanceDeletionInProgress' && is?.reason === 'InstanceDeletionCheck'))
    return undefined;
  return { ...crd.status, conditions: withCondition(crd.status?.conditions, { type: 'Terminating', status, reason, message }, now) };
} // prettier-ignore
/** The status once somebody has looked whether a group of the Kubernetes project was approved; undefined: nothing to change. Source: apiextensions-apiserver pkg/controller/apiapproval. */
export function reviewed(crd: CustomResourceDefinition, now: string): CustomResourceDefinitionStatus | undefined {
  const found = approval(crd.spec.group, crd.metadata.annotations?.[APPROVED] ?? '');
  if (found === undefined) return undefined;
  const type = 'KubernetesAPIApprovalPolicyConformant';
  const old = conditionOf(crd, type);
  if (old?.status === found.status && old.reason === found.reason && old.message === found.message) return undefined;
  return { ...crd.status, conditions: withCondition(crd.status?.conditions, { type, ...found }, now) };
}
/** The status once the kind is served; undefined if it is not its time. Source: apiextensions-apiserver pkg/controller/establish. */
export function established(crd: CustomResourceDefinition, now: string): CustomResourceDefinitionStatus | undefined {
  if (!isConditionTrue(crd, 'NamesAccepted') || isConditionTrue(crd, 'Established')) return undefined;
  const condition = {
    type: 'Established',
    status: 'True',
    reason: 'InitialNamesAccepted',
    message: 'the initial names have been accepted',
  };
  return { ...crd.status, conditions: withCondition(crd.status?.conditions, condition, now) };
}
