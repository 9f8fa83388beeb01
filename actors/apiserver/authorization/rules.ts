import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import type { RequestInfo } from '../request.ts';

const has = (set: readonly string[] | undefined, value: string): boolean => set !== undefined && set.includes(value);

/** Whether one policy rule allows a request. Source: kubernetes pkg/apis/rbac/v1/evaluation_helpers.go. */
export function ruleAllows(rule: PolicyRule, info: RequestInfo): boolean {
  if (!has(rule.verbs, '*') && !has(rule.verbs, info.verb)) return false;
  if (!info.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, info.path));
  if (!has(rule.apiGroups, '*') && !has(rule.apiGroups, info.group)) return false;
  if (!resourceMatches(rule.resources ?? [], info.resource, info.subresource)) return false;
  const names = rule.resourceNames;
  return names === undefined || names.length === 0 || names.includes(info.name);
}

function resourceMatches(resources: readonly string[], resource: string, subresource: string): boolean {
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  for (const r of resources) {
    if (r === '*' || r === combined) return true;
    if (subresource !== '' && r.length === subresource.length + 2 && r === `*/${subresource}`) return true;
  }
  return false;
}

/** `*` at the end of a path covers all that begins with what precedes it. */
export const urlCovers = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));

/** A rule of at most one group, resource, verb, name or URL. */
interface AtomicRule extends PolicyRule {
  readonly verbs: [string];
}

/** The atomic rights of `wanted` that `held` does not contain. Source: component-helpers auth/rbac/validation Covers. */
export function missingRights(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap((rule) => [...breakDown(rule)]).filter((part) => !held.some((rule) => covers(rule, part)));
}

function* breakDown(rule: PolicyRule): Generator<AtomicRule> {
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs ?? []) {
        const part: AtomicRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if ((rule.resourceNames ?? []).length === 0) yield part;
        else for (const name of rule.resourceNames!) yield { ...part, resourceNames: [name] };
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs ?? []) yield { nonResourceURLs: [url], verbs: [verb] };
}

function covers(owner: PolicyRule, part: AtomicRule): boolean {
  const verb = part.verbs[0];
  if (!has(owner.verbs, '*') && !has(owner.verbs, verb)) return false;
  for (const url of part.nonResourceURLs ?? [])
    if (!(owner.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, url))) return false;
  for (const group of part.apiGroups ?? [])
    if (!has(owner.apiGroups, '*') && !has(owner.apiGroups, group)) return false;
  for (const resource of part.resources ?? []) {
    const slash = resource.indexOf('/');
    const ok =
      has(owner.resources, '*') ||
      has(owner.resources, resource) ||
      (slash >= 0 && has(owner.resources, `*/${resource.slice(slash + 1)}`));
    if (!ok) return false;
  }
  const names = owner.resourceNames ?? [];
  if (names.length === 0) return true;
  return (part.resourceNames ?? []).length > 0 && part.resourceNames!.every((name) => names.includes(name));
}

/**
 * Rules that differ in their verbs alone as one, so that a refusal names each right once.
 * Source: kubernetes pkg/registry/rbac/validation CompactRules.
 */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  const out: PolicyRule[] = [];
  for (const rule of rules) {
    const simple =
      rule.apiGroups?.length === 1 && rule.resources?.length === 1 && (rule.nonResourceURLs ?? []).length === 0;
    if (!simple) {
      out.push(rule);
      continue;
    }
    const id = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []]);
    const known = merged.get(id);
    if (known === undefined) {
      const copy = { ...rule, verbs: [...rule.verbs] };
      merged.set(id, copy);
      out.push(copy);
    } else for (const verb of rule.verbs) if (!known.verbs.includes(verb)) known.verbs.push(verb);
  }
  return out;
}

const quoteList = (values: readonly string[]): string => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. Source: CompactString of evaluation_helpers.go. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const shown = parts.filter(([, values]) => (values ?? []).length > 0);
  return `{${shown.map(([name, values]) => `${name}:${quoteList(values!)}`).join(', ')}}`;
}
