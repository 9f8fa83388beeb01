/** Which requests the rules of webhooks and policies speak of. Source: apiserver pkg/admission/plugin/webhook/predicates/rules. */
import type { RuleWithOperations } from '../../../../schemas/generated/admissionregistration-v1.ts';
import type { Registry, Resource } from '../../../../schemas/resource.ts';
import type { AdmissionAttributes } from '../../request.ts';

type Names = Pick<Resource, 'group' | 'version' | 'resource'>;
const anyOf = (items: readonly string[] | undefined, wanted: string): boolean =>
  items !== undefined && (items.includes('*') || items.includes(wanted));

/** `as`: the resource under the name of one of its versions. */
export function ruleMatches(rule: RuleWithOperations, a: AdmissionAttributes, as: Names): boolean {
  return (
    inScope(rule.scope, a, as) &&
    anyOf(rule.operations, a.operation) &&
    anyOf(rule.apiGroups, as.group) &&
    anyOf(rule.apiVersions, as.version) &&
    (rule.resources ?? []).some((text) => resourceMatches(text, as.resource, a.subresource?.name ?? ''))
  );
}
function inScope(scope: string | undefined, a: AdmissionAttributes, as: Names): boolean {
  if (scope === undefined || scope === '*') return true;
  // A request for a namespace names it as its own.
  const isCluster = a.namespace === '' || (as.group === '' && as.version === 'v1' && as.resource === 'namespaces');
  return scope === 'Cluster' ? isCluster : scope === 'Namespaced' && !isCluster;
}
function resourceMatches(text: string, resource: string, subresource: string): boolean {
  const slash = text.indexOf('/');
  const [main, sub] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  return (main === '*' || main === resource) && (sub === '*' || sub === subresource);
}

const EXEMPT: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding',
]); // prettier-ignore
/** What decides about admission is not subject to it: nobody could mend it otherwise. */
export const isExempt = ({ resource }: AdmissionAttributes): boolean =>
  resource.group === 'admissionregistration.k8s.io' && EXEMPT.has(resource.kind);

/** Resources that are the same objects under another group or version. */
export interface Equivalents {
  of(resource: Resource, subresource: string): readonly Resource[];
}
export function createEquivalents(registry: Registry): Equivalents {
  let known = new Map<string, readonly Resource[]>();
  registry.onChange(() => (known = new Map()));
  return {
    of(resource, subresource) {
      const key = `${resource.storagePrefix} ${subresource}`;
      let found = known.get(key);
      if (found === undefined) {
        found = registry
          .all()
          .filter(
            (r) =>
              r.storagePrefix === resource.storagePrefix && (subresource === '' || r.subresources.has(subresource)),
          );
        known.set(key, found);
      }
      return found;
    },
  };
}
/** Under which of its names a rule speaks of the resource; undefined: under none. Rules before names. */
export function matchedAs(
  rules: readonly RuleWithOperations[] | undefined,
  matchPolicy: string | undefined,
  a: AdmissionAttributes,
  equivalents: Equivalents,
  matches: typeof ruleMatches = ruleMatches,
): Resource | undefined {
  if (rules === undefined) return undefined;
  if (rules.some((rule) => matches(rule, a, a.resource))) return a.resource;
  if (matchPolicy !== undefined && matchPolicy !== 'Equivalent') return undefined;
  const others = equivalents.of(a.resource, a.subresource?.name ?? '');
  if (others.length < 2) return undefined;
  for (const rule of rules)
    for (const other of others) {
      const same = other.group === a.resource.group && other.version === a.resource.version;
      if (!same && matches(rule, a, other)) return other;
    }
  return undefined;
}
