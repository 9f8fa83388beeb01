import { defineResource, type Errors } from '../define.ts';
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  ResourcePolicyRule,
  Subject,
} from '../generated/flowcontrol-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { duplicate, forbidden, invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { dnsLabel, dnsSubdomain } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { mandatorySpec } from './mandatory.ts';

const DEFAULT_PRECEDENCE = 1000;
const MAX_PRECEDENCE = 10_000;
const METHODS = ['ByNamespace', 'ByUser'];
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const NAMESPACE_RULE = "each member of this list must be '*' or a DNS-1123 label; ";

export const flowSchema = defineResource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: 'flowschemas',
  metadataChecks: ['whole'],

  defaults(draft) {
    (draft.spec ??= {} as FlowSchemaSpec).matchingPrecedence ||= DEFAULT_PRECEDENCE;
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },

  *validate({ metadata, spec, status }, at) {
    const name = metadata.name ?? '';
    yield* validateSpec(name, spec ?? ({} as FlowSchemaSpec), at('spec'));
    const fixed = mandatorySpec('FlowSchema', name);
    if (fixed !== undefined && !equal(spec, fixed)) yield invalid(at('spec'), goStruct(spec, 'io.k8s.api.flowcontrol.v1.FlowSchemaSpec'), `spec of '${name}' must equal the fixed value`);
    yield* validateConditionTypes(status?.conditions ?? [], at('status')('conditions'));
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateConditionTypes(status?.conditions ?? [], at('status')('conditions'));
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name ?? '', spec?.priorityLevelConfiguration?.name ?? '', spec?.matchingPrecedence ?? 0, spec?.distinguisherMethod?.type ?? '<none>',
    age(metadata.creationTimestamp, now), status?.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?',
  ],
}); // prettier-ignore

export function* validateConditionTypes(conditions: readonly { readonly type?: string | undefined }[], at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { type = '' }] of conditions.entries()) {
    if (seen.has(type)) yield duplicate(at(i)('type'), type);
    seen.add(type);
    if (type === '') yield required(at(i)('type'));
  }
} // prettier-ignore

/** Source: pkg/apis/flowcontrol/validation ValidateFlowSchemaSpec. */
function* validateSpec(name: string, spec: FlowSchemaSpec, at: FieldPath): Errors {
  const precedence = spec.matchingPrecedence ?? 0;
  const here = at('matchingPrecedence');
  if (precedence <= 0) yield invalid(here, precedence, 'must be a positive value');
  if (precedence > MAX_PRECEDENCE) yield invalid(here, precedence, `must not be greater than ${MAX_PRECEDENCE}`);
  if (precedence === 1 && name !== 'exempt')
    yield invalid(here, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  if (spec.distinguisherMethod && !METHODS.includes(spec.distinguisherMethod.type))
    yield notOneOf({ Type: spec.distinguisherMethod.type ?? '' }, METHODS, at('distinguisherMethod')('type'));
  const level = spec.priorityLevelConfiguration?.name;
  if (!level) yield required(at('priorityLevelConfiguration')('name'), 'must reference a priority level');
  else yield* problems(dnsSubdomain(level), level, at('priorityLevelConfiguration')('name'));
  for (const [i, { subjects, resourceRules = [], nonResourceRules = [] }] of (spec.rules ?? []).entries()) {
    const rule = at('rules')(i);
    if (!subjects?.length) yield required(rule('subjects'), 'subjects must contain at least one value');
    for (const [n, subject] of (subjects ?? []).entries()) yield* validateSubject(subject, rule('subjects')(n));
    if (resourceRules.length === 0 && nonResourceRules.length === 0)
      yield required(rule, 'at least one of resourceRules and nonResourceRules has to be non-empty');
    for (const [n, r] of resourceRules.entries()) yield* validateResourceRule(r, rule('resourceRules')(n));
    for (const [n, r] of nonResourceRules.entries()) yield* validateNonResourceRule(r, rule('nonResourceRules')(n));
  }
}

/** The field that goes with each kind of subject; the other two must be absent. */
const SUBJECT_FIELDS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
function* validateSubject(subject: Subject, at: FieldPath): Errors {
  if (!Object.hasOwn(SUBJECT_FIELDS, subject.kind)) {
    yield notOneOf(subject.kind, SUBJECT_KINDS, at('kind'));
    return;
  }
  const field = SUBJECT_FIELDS[subject.kind as keyof typeof SUBJECT_FIELDS];
  const value = subject[field];
  if (!value) yield required(at(field), `${field} is required when subject kind is '${subject.kind}'`);
  else if (!value.name) yield required(at(field)('name'));
  else if (field === 'serviceAccount' && value.name !== '*')
    yield* problems(dnsSubdomain(value.name), value.name, at(field)('name'));
  if (field === 'serviceAccount' && subject.serviceAccount) {
    const { namespace } = subject.serviceAccount;
    if (!namespace) yield required(at(field)('namespace'), 'must specify namespace for service account');
    else yield* problems(dnsLabel(namespace), namespace, at(field)('namespace'));
  }
  for (const [kind, other] of Object.entries(SUBJECT_FIELDS))
    if (other !== field && subject[other])
      yield forbidden(at(other), `${other} is forbidden when subject kind is not '${kind}'`);
}
function* validateVerbs(verbs: readonly string[], at: FieldPath): Errors {
  if (verbs.length === 0) yield required(at, 'verbs must contain at least one value');
  else if (verbs.includes('*')) {
    if (verbs.length > 1) yield invalid(at, verbs, "if '*' is present, must not specify other verbs");
  } else if (!verbs.every((verb) => VERBS.includes(verb))) yield notAll(verbs, VERBS, at);
}
const notAll = (values: readonly string[], supported: readonly string[], at: FieldPath): FieldError => ({
  ...notOneOf('', supported, at),
  message: `Unsupported value: ${JSON.stringify(values)}: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}`,
});
function* validateResourceRule(rule: ResourcePolicyRule, at: FieldPath): Errors {
  const { apiGroups, resources } = rule;
  const namespaces = rule.namespaces ?? [];
  yield* validateVerbs(rule.verbs ?? [], at('verbs'));
  if (!apiGroups?.length) yield required(at('apiGroups'), 'resource rules must supply at least one api group');
  else if (apiGroups.length > 1 && apiGroups.includes('*'))
    yield invalid(at('apiGroups'), apiGroups, "if '*' is present, must not specify other api groups");
  if (!resources?.length) yield required(at('resources'), 'resource rules must supply at least one resource');
  else if (resources.length > 1 && resources.includes('*'))
    yield invalid(at('resources'), resources, "if '*' is present, must not specify other resources");
  if (namespaces.length === 0 && !rule.clusterScope)
    yield required(at('namespaces'), 'resource rules that are not cluster scoped must supply at least one namespace');
  else if (namespaces.includes('*')) {
    if (namespaces.length > 1)
      yield invalid(at('namespaces'), namespaces, "if '*' is present, must not specify other namespaces");
  } else
    for (const [i, namespace] of namespaces.entries())
      for (const why of dnsLabel(namespace)) yield invalid(at('namespaces')(i), namespace, NAMESPACE_RULE + why);
} // prettier-ignore
function* validateNonResourceRule({ verbs, nonResourceURLs }: NonResourcePolicyRule, at: FieldPath): Errors {
  yield* validateVerbs(verbs ?? [], at('verbs'));
  const urls = nonResourceURLs ?? [];
  const here = at('nonResourceURLs');
  if (urls.length === 0) yield required(here, 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) {
    if (urls.length > 1) yield invalid(here, urls, "if '*' is present, must not specify other non-resource URLs");
  } else
    for (const [i, url] of urls.entries()) {
      const problem = urlProblem(url);
      if (problem !== undefined) yield invalid(here(i), url, problem);
    }
}
function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  return /^[^*]*(\/\*)?$/.test(url) ? undefined : 'wildcard can only do suffix matching';
}
