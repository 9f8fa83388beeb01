import knownKinds from './facts/known-kinds.json' with { type: 'json' };
import { apiVersionOf } from './meta/object.ts';

/** Kinds that Go's decoder knows beyond those served: lists, options, old versions. By apiVersion. */
const KNOWN = knownKinds as Readonly<Record<string, readonly string[]>>;
/** In every group version. Source: apimachinery pkg/apis/meta/v1 register.go AddToGroupVersion. */
const EVERYWHERE: ReadonlySet<string> = new Set(['WatchEvent', 'ListOptions', 'GetOptions', 'DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions']); // prettier-ignore
const UNVERSIONED: ReadonlySet<string> = new Set(['Status', 'APIVersions', 'APIGroupList', 'APIGroup', 'APIResourceList']); // prettier-ignore
/** Servers of their own, with schemes of their own. */
const APART: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

interface Named {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
/** Whether the server of the kinds of `by` can read the kind at all. */
export function isKnownKind(of: Named, by: { readonly group: string }): boolean {
  if (of.version === 'v1' && of.group === '' && UNVERSIONED.has(of.kind)) return true;
  const apart = APART.has(by.group) || APART.has(of.group);
  if (apart && of.group !== by.group) return false;
  const kinds = KNOWN[apiVersionOf(of)];
  return kinds !== undefined && (kinds.includes(of.kind) || EVERYWHERE.has(of.kind));
}
/** Kinds of one name that have moved from group to group are the same inside. */
export function areSameInside(a: Named, b: Named): boolean {
  return a.kind === b.kind && insideOf(a) === insideOf(b);
}
const EXTENSIONS: Readonly<Record<string, string>> = { Ingress: 'networking', NetworkPolicy: 'networking' };
function insideOf({ group, kind }: Named): string {
  if (kind === 'Event') return 'core';
  if (kind === 'Scale') return 'autoscaling';
  if (group === 'extensions') return EXTENSIONS[kind] ?? 'apps';
  return packageOf({ group });
}
const PACKAGES: Readonly<Record<string, string>> = { '': 'core', 'events.k8s.io': 'core', 'internal.apiserver.k8s.io': 'apiserverinternal' }; // prettier-ignore
/** Go's package of a group's internal types. */
export const packageOf = ({ group }: { readonly group: string }): string => PACKAGES[group] ?? group.split('.')[0]!;
