import type { NonResourceAttributes, ResourceAttributes } from '../../../schemas/generated/authorization-v1.ts';
import type { ObjectMeta } from '../../../schemas/generated/meta-v1.ts';
import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { fieldPath, invalid, type FieldPath } from '../../../schemas/meta/field.ts';
import type { FieldError } from '../../../schemas/meta/field.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Decision, RequestInfo, UserInfo, VirtualCreate } from '../request.ts';
import type { ClusterAuthorizer } from './authorizer.ts';
import { readSelectors, validateSelectors, type Selectors } from './selector-attributes.ts';

interface ReviewSpec {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: NonResourceAttributes;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Answers to `create` of the kinds of authorization.k8s.io, by resource. Each returns the review with its status.
 * Source: kubernetes pkg/registry/authorization.
 */
export function createReviews(authorizer: ClusterAuthorizer): ReadonlyMap<string, VirtualCreate> {
  const answer = (object: DynamicObject, user: UserInfo, spec: ReviewSpec): DynamicObject | Promise<DynamicObject> => {
    const { ignored, ...selectors } = readSelectors(spec.resourceAttributes);
    const told = ({ allowed, reason, error }: Decision): DynamicObject => {
      const problems = [...(error === undefined ? [] : [error]), ...ignored];
      const status = {
        allowed: allowed === 'yes',
        ...(allowed === 'no' && { denied: true }),
        ...(reason !== '' && { reason }),
        ...(problems.length > 0 && { evaluationError: problems.join('; ') }),
      };
      return { ...object, status };
    };
    const decision = authorizer.authorize(user, infoOf(spec, selectors));
    return decision instanceof Promise ? decision.then(told) : told(decision);
  };
  const subject: VirtualCreate = (request, object) => {
    const spec = specOf(object);
    const at = fieldPath('spec');
    const errors = [...validateSpec(spec, at), ...validateSubject(spec, at)];
    const namespace = request.info.resource === 'localsubjectaccessreviews' ? request.info.namespace : undefined;
    errors.push(...validateSelectors(spec.resourceAttributes), ...validateMetadata(object, namespace !== undefined));
    if (namespace !== undefined) errors.push(...validateLocal(spec, namespace));
    refuse(errors);
    const user: UserInfo = {
      name: spec.user ?? '',
      groups: spec.groups ?? [],
      ...(spec.uid !== undefined && { uid: spec.uid }),
      ...(spec.extra !== undefined && { extra: spec.extra }),
    };
    return answer(object, user, spec);
  };
  const self: VirtualCreate = (request, object) => {
    const spec = specOf(object);
    refuse([
      ...validateSpec(spec, fieldPath('spec')),
      ...validateSelectors(spec.resourceAttributes),
      ...validateMetadata(object, false),
    ]);
    return answer(object, request.user, spec);
  };
  const rules: VirtualCreate = (request, object) => {
    const namespace = (object['spec'] as { namespace?: string } | undefined)?.namespace ?? '';
    if (namespace === '') throw new ApiError('BadRequest', 'no namespace on request');
    const { rules: held, incomplete, errors } = authorizer.rulesFor(request.user, namespace);
    return {
      kind: 'SelfSubjectRulesReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: {},
      status: {
        resourceRules: held.filter((r) => (r.resources ?? []).length > 0).map(resourceRule),
        nonResourceRules: held
          .filter((r) => (r.nonResourceURLs ?? []).length > 0)
          .map((r) => ({ verbs: r.verbs, nonResourceURLs: r.nonResourceURLs })),
        incomplete,
        ...(errors.length > 0 && { evaluationError: aggregate(errors) }),
      },
    };
  };
  return new Map([
    ['subjectaccessreviews', subject],
    ['localsubjectaccessreviews', subject],
    ['selfsubjectaccessreviews', self],
    ['selfsubjectrulesreviews', rules],
  ]);
}

const resourceRule = (r: PolicyRule) => ({
  verbs: r.verbs,
  apiGroups: r.apiGroups,
  resources: r.resources,
  ...((r.resourceNames ?? []).length > 0 && { resourceNames: r.resourceNames }),
});
const specOf = (object: DynamicObject): ReviewSpec => object['spec'] ?? {};

function infoOf(spec: ReviewSpec, { fieldSelector, labelSelector }: Selectors): RequestInfo {
  const r = spec.resourceAttributes;
  const none = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  if (r === undefined) {
    const n = spec.nonResourceAttributes;
    return { ...none, isResource: false, path: n?.path ?? '', verb: n?.verb ?? '' };
  }
  return {
    isResource: true,
    path: '',
    verb: r.verb ?? '',
    group: r.group ?? '',
    version: r.version || '*',
    resource: r.resource ?? '',
    subresource: r.subresource ?? '',
    namespace: r.namespace ?? '',
    name: r.name ?? '',
    ...(fieldSelector !== '' && { fieldSelector }),
    ...(labelSelector !== '' && { labelSelector }),
  };
}

function* validateSpec(spec: ReviewSpec, at: FieldPath): Generator<FieldError> {
  const other = spec.nonResourceAttributes;
  if (spec.resourceAttributes !== undefined && other !== undefined)
    yield invalid(
      at('nonResourceAttributes'),
      { Path: other.path ?? '', Verb: other.verb ?? '' },
      'cannot be specified in combination with resourceAttributes',
    );
  if (spec.resourceAttributes === undefined && other === undefined)
    yield invalid(
      at('resourceAttributes'),
      null,
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
}
function* validateSubject(spec: ReviewSpec, at: FieldPath): Generator<FieldError> {
  if (!spec.user && (spec.groups ?? []).length === 0)
    yield invalid(at('user'), '', 'at least one of user or group must be specified');
}
function* validateLocal(spec: ReviewSpec, namespace: string): Generator<FieldError> {
  const given = spec.resourceAttributes;
  if (given !== undefined && (given.namespace ?? '') !== namespace)
    yield invalid(
      fieldPath('spec.resourceAttributes.namespace'),
      given.namespace ?? '',
      'must match metadata.namespace',
    );
  const other = spec.nonResourceAttributes;
  if (other !== undefined)
    yield invalid(
      fieldPath('spec.nonResourceAttributes'),
      { Path: other.path ?? '', Verb: other.verb ?? '' },
      'disallowed on this kind of request',
    );
}
function* validateMetadata(object: DynamicObject, namespaced: boolean): Generator<FieldError> {
  const set = Object.entries(object.metadata ?? {}).filter(
    ([key, value]) =>
      value !== undefined && value !== null && key !== 'managedFields' && !(namespaced && key === 'namespace'),
  );
  if (set.length > 0)
    yield invalid(
      fieldPath('metadata'),
      shown(object.metadata),
      namespaced ? 'must be empty except for namespace' : 'must be empty',
    );
}
/** Field sets are printed in the order of their keys. */
function shown(metadata: ObjectMeta | undefined): unknown {
  const { managedFields, ...rest } = metadata ?? {};
  if (managedFields === undefined) return rest;
  return {
    ...rest,
    managedFields: managedFields.map(({ fieldsV1, ...entry }) => ({ ...entry, ...(fieldsV1 !== undefined && { fieldsV1: sorted(fieldsV1) }) })), // prettier-ignore
  };
}
const sorted = (set: object): object =>
  Object.fromEntries(
    Object.entries(set)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, below]) => [key, sorted(below as object)]),
  );

/** These kinds are refused with an empty kind and name in the Status. */
function refuse(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const texts = errors.map((e) => `${e.field}: ${e.message}`);
  const list = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  throw new ApiError('Invalid', `.authorization.k8s.io "" is invalid: ${list}`, {
    details: { group: 'authorization.k8s.io', causes: errors },
  });
}
