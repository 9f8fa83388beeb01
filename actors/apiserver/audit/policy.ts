import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { fieldPath, invalid, notSupported, required, type FieldError } from '../../../schemas/meta/field.ts';
import { dnsSubdomain } from '../../../schemas/meta/names.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

export type Level = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';
const LEVELS: readonly Level[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const STAGES: readonly Stage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];
const GROUP_VERSION = 'audit.k8s.io/v1';

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}
interface Rule {
  readonly level?: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}
/** audit.k8s.io/v1 Policy. */
export interface AuditPolicy {
  readonly rules: readonly Rule[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}
/** What is to be noted of one request. */
export interface AuditRule {
  readonly level: Level;
  readonly omitStages: ReadonlySet<Stage>;
  readonly omitManagedFields: boolean;
}
const rank = (level: Level): number => LEVELS.indexOf(level);
export const isAtLeast = (level: Level, other: Level): boolean => rank(level) >= rank(other);

/** Thrown: Error in the words of kube-apiserver. Source: apiserver pkg/audit/policy reader.go, pkg/apis/audit/validation. */
export function readAuditPolicy(value: unknown): AuditPolicy {
  const policy = (value ?? {}) as Partial<AuditPolicy> & { readonly apiVersion?: string; readonly kind?: string };
  if (typeof policy !== 'object' || policy.apiVersion === undefined || policy.kind === undefined)
    throw new Error(
      policy.kind === undefined
        ? "failed decoding: Object 'Kind' is missing in the policy"
        : "failed decoding: Object 'apiVersion' is missing in the policy",
    );
  if (policy.apiVersion !== GROUP_VERSION || policy.kind !== 'Policy')
    throw new Error(
      `failed decoding: no kind ${JSON.stringify(policy.kind)} is registered for version ${JSON.stringify(policy.apiVersion)} in scheme "pkg/audit/scheme.go:30"`,
    );
  const rules = policy.rules ?? [];
  const errors = [...stageErrors(policy.omitStages, 'omitStages'), ...rules.flatMap((r, i) => [...ruleErrors(r, i)])];
  if (errors.length > 0) throw new Error(aggregate(errors.map((e) => `${e.field}: ${e.message}`)));
  if (rules.length === 0) throw new Error('loaded illegal policy with 0 rules');
  return { ...policy, rules };
}
function* stageErrors(stages: readonly string[] | undefined, at: string): Generator<FieldError> {
  for (const [i, stage] of (stages ?? []).entries())
    if (!(STAGES as readonly string[]).includes(stage))
      yield invalid(fieldPath(at)(i), stage, `allowed stages are ${STAGES.join(',')}`);
}
function* ruleErrors(rule: Rule, index: number): Generator<FieldError> {
  const at = fieldPath('rules')(index);
  if (!rule.level) yield required(at('level'), '');
  else if (!LEVELS.includes(rule.level)) yield notSupported(at('level'), rule.level, LEVELS);
  const { nonResourceURLs: urls = [], resources = [], namespaces = [] } = rule;
  for (const [i, url] of urls.entries()) {
    if (url === '*') continue;
    if (!url.startsWith('/'))
      yield invalid(at('nonResourceURLs')(i), url, "non-resource URL rules must begin with a '/' character");
    if (url.slice(0, -1).includes('*'))
      yield invalid(at('nonResourceURLs')(i), url, "non-resource URL wildcards '*' must be the final character of the rule"); // prettier-ignore
  }
  for (const { group = '', resources: names = [], resourceNames = [] } of resources) {
    const problems = group === '' || group === '*' ? [] : dnsSubdomain(group);
    if (problems.length > 0) yield invalid(at('resources')('group'), group, problems.join(','));
    if (resourceNames.length > 0 && names.length === 0)
      yield invalid(at('resources')('resourceNames'), resourceNames, 'using resourceNames requires at least one resource'); // prettier-ignore
  }
  yield* stageErrors(rule.omitStages, `rules[${index}].omitStages`);
  if (urls.length > 0 && (resources.length > 0 || namespaces.length > 0))
    yield invalid(at('nonResourceURLs'), urls, 'rules cannot apply to both regular resources and non-resource URLs');
}

/** Decides by the first rule that fits; none fits: nothing is noted. Source: apiserver pkg/audit/policy checker.go. */
export function evaluator(policy: AuditPolicy): (user: UserInfo | undefined, info: RequestInfo) => AuditRule {
  const made = policy.rules.map((rule): AuditRule => ({
    level: rule.level ?? 'None',
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule.omitStages ?? [])]),
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
  }));
  return (user, info) => made[policy.rules.findIndex((rule) => matches(rule, user, info))] ?? NOTHING;
}
const NOTHING: AuditRule = { level: 'None', omitStages: new Set(), omitManagedFields: false };
const allows = (list: readonly string[] | undefined, value: string): boolean => !list?.length || list.includes(value);

function matches(rule: Rule, user: UserInfo | undefined, info: RequestInfo): boolean {
  if (rule.users?.length && (user === undefined || !rule.users.includes(user.name))) return false;
  if (rule.userGroups?.length && !user?.groups.some((g) => rule.userGroups!.includes(g))) return false;
  if (!allows(rule.verbs, info.verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length)
    return (
      info.isResource &&
      allows(rule.namespaces, info.namespace) &&
      (!rule.resources?.length || rule.resources.some((r) => covers(r, info)))
    );
  if (rule.nonResourceURLs?.length) return !info.isResource && rule.nonResourceURLs.some((url) => reaches(url, info.path)); // prettier-ignore
  return true;
}
const reaches = (spec: string, path: string): boolean =>
  spec === '*' || spec === path || (spec.endsWith('*') && path.startsWith(spec.replace(/\*+$/, '')));

function covers({ group = '', resources = [], resourceNames }: GroupResources, info: RequestInfo): boolean {
  if (group !== info.group && group !== '*') return false;
  if (resources.length === 0) return true;
  if (!allows(resourceNames, info.name)) return false;
  const { resource, subresource } = info;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some(
    (r) => r === '*' || r === whole || (subresource !== '' && r === `*/${subresource}`) || r === `${resource}/*`,
  );
}
