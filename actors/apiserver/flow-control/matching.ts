import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../../schemas/generated/flowcontrol-v1.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

const ALL = '*';
const SERVICE_ACCOUNT = 'system:serviceaccount:';

/** One rule of a FlowSchema, in the form in which it is asked. Source: apiserver pkg/util/flowcontrol rule.go. */
export interface Rule {
  subjects(user: UserInfo): boolean;
  request(info: RequestInfo): boolean;
}
type Test<T> = (value: T) => boolean;
const any =
  <T>(tests: readonly Test<T>[]): Test<T> =>
  (value) =>
    tests.some((test) => test(value));
const always = (): boolean => true;

export function compileRule({ subjects, resourceRules, nonResourceRules }: PolicyRulesWithSubjects): Rule {
  const resources = any((resourceRules ?? []).map(resourceTest));
  const paths = any((nonResourceRules ?? []).map(pathTest));
  return {
    subjects: any(subjects.map(subjectTest)),
    request: (info) => (info.isResource ? resources(info) : paths(info)),
  };
}
function subjectTest({ kind, user, group, serviceAccount }: Subject): Test<UserInfo> {
  if (kind === 'User' && user !== undefined) return user.name === ALL ? always : ({ name }) => name === user.name;
  if (kind === 'Group' && group !== undefined)
    return group.name === ALL ? always : ({ groups }) => groups.includes(group.name);
  if (kind !== 'ServiceAccount' || serviceAccount === undefined) return () => false;
  const prefix = `${SERVICE_ACCOUNT}${serviceAccount.namespace}:`;
  if (serviceAccount.name === ALL) return ({ name }) => name.startsWith(prefix);
  return ({ name }) => name === `${prefix}${serviceAccount.name}`;
}
/** A star stands for all only where it stands alone. */
function member(list: readonly string[] = []): Test<string> {
  if (list.length === 1 && list[0] === ALL) return always;
  const set = new Set(list);
  return (value) => set.has(value);
}
function resourceTest(rule: ResourcePolicyRule): Test<RequestInfo> {
  const [verbs, groups] = [member(rule.verbs), member(rule.apiGroups)];
  const [resources, namespaces] = [member(rule.resources), member(rule.namespaces)];
  const { clusterScope = false } = rule;
  return ({ verb, group, resource, subresource, namespace }) =>
    verbs(verb) &&
    groups(group) &&
    resources(subresource === '' ? resource : `${resource}/${subresource}`) &&
    (namespace === '' ? clusterScope : namespaces(namespace));
}
function pathTest({ verbs, nonResourceURLs }: NonResourcePolicyRule): Test<RequestInfo> {
  const wanted = member(verbs);
  const paths = any(nonResourceURLs.map(urlTest));
  return ({ verb, path }) => wanted(verb) && paths(path);
}
/** `/healthz` is also what lies below it; so is `/healthz/*`, which is not `/healthz` itself. */
function urlTest(url: string): Test<string> {
  if (url === ALL) return always;
  const stem = url.endsWith('*') ? url.slice(0, -1) : url;
  const prefix = stem.endsWith('/') ? stem : `${stem}/`;
  return (path) => path === url || path.startsWith(prefix);
}

export const precedence = (a: FlowSchema, b: FlowSchema): number =>
  (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0) ||
  ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
