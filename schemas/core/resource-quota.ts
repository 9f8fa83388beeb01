import { defineResource, type Errors } from '../define.ts';
import type { ResourceQuota, ResourceQuotaSpec } from '../generated/core-v1.ts';
import type { Quantity } from '../generated/api-resource.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { roundUpList } from './pod-spec-defaults.ts';
import { isStandardQuotaName, validateQuotaResourceName, validateResourceQuantity } from './resource-names.ts';
import { own } from '../meta/own.ts';

const sorted = (s: ResourceQuotaSpec | undefined): string => [...new Set<string>(s?.scopes)].sort().join();
export const resourceQuota = defineResource<ResourceQuota>({
  group: '', version: 'v1', resource: 'resourcequotas',
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    if (draft.spec?.hard) roundUpList(draft.spec.hard);
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

  *validate({ spec, status }, at) {
    yield* validateAmounts(spec?.hard, at('spec')('hard'));
    yield* validateScopes(spec ?? {}, at('spec'));
    yield* validateSelector(spec ?? {}, at('spec')('scopeSelector')('matchExpressions'));
    yield* validateAmounts(status?.hard, at('status')('hard'));
    yield* validateAmounts(status?.used, at('status')('used'));
  },
  *validateUpdate({ spec }, old, at) {
    if (sorted(spec) !== sorted(old.spec)) yield invalid(at('spec')('scopes'), spec?.scopes, 'field is immutable');
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateAmounts(status?.hard, at('status')('hard'));
    yield* validateAmounts(status?.used, at('status')('used'));
  },

  /** Source: pkg/printers/internalversion printResourceQuota. */
  cells({ metadata, status }, now) {
    const show = (limits: boolean): string =>
      Object.entries(status?.hard ?? {}).filter(([name]) => name.startsWith('limits.') === limits).sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`).join(', ');
    return [metadata.name ?? '', show(false), show(true), age(metadata.creationTimestamp, now)];
  },
}); // prettier-ignore

function* validateAmounts(list: Readonly<Record<string, Quantity>> | undefined, at: FieldPath): Errors {
  for (const [name, quantity] of Object.entries(list ?? {})) {
    yield* validateQuotaResourceName(name, at.key(name));
    yield* validateResourceQuantity(name, quantity, at.key(name));
  }
}
const PODS = ['pods'];
const COMPUTE = [...PODS, 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** What each scope may limit. Source: pkg/apis/core/helper IsResourceQuotaScopeValidForResource. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  Terminating: COMPUTE, NotTerminating: COMPUTE, NotBestEffort: COMPUTE, PriorityClass: COMPUTE, CrossNamespacePodAffinity: COMPUTE,
  BestEffort: PODS, VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
}; // prettier-ignore
const CONFLICTS = [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']]; // prettier-ignore
const fits = (scope: string, resource: string): boolean =>
  !isStandardQuotaName(resource) || (own(SCOPES, scope)?.includes(resource) ?? true);

function* validateScopes({ scopes = [], hard = {} }: ResourceQuotaSpec, at: FieldPath): Errors {
  const here = at('scopes');
  for (const scope of scopes) {
    if (own(SCOPES, scope) === undefined) yield invalid(here, scopes, 'unsupported scope');
    for (const resource of Object.keys(hard))
      if (!fits(scope, resource)) yield invalid(here, scopes, 'unsupported scope applied to resource');
  }
  for (const pair of CONFLICTS)
    if (pair.every((s) => (scopes as string[]).includes(s))) yield invalid(here, scopes, 'conflicting scopes');
}
const ONLY_EXISTS = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];

function* validateSelector({ scopeSelector, scopes = [], hard = {} }: ResourceQuotaSpec, at: FieldPath): Errors {
  const seen: string[] = [];
  for (const { scopeName, operator, values = [] } of scopeSelector?.matchExpressions ?? []) {
    if (own(SCOPES, scopeName) === undefined) yield invalid(at('scopeName'), scopeName, 'unsupported scope');
    for (const resource of Object.keys(hard))
      if (!fits(scopeName, resource))
        yield invalid(
          at,
          goStruct(scopeSelector, 'io.k8s.api.core.v1.ScopeSelector'),
          'unsupported scope applied to resource',
        );
    if (ONLY_EXISTS.includes(scopeName) && operator !== 'Exists')
      yield invalid(
        at('operator'),
        operator,
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      );
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        yield required(
          at('values'),
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        );
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        yield invalid(
          at('values'),
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        );
    } else yield invalid(at('operator'), operator, 'not a valid selector operator');
    seen.push(scopeName);
  }
  for (const pair of CONFLICTS)
    if (pair.every((s) => seen.includes(s))) yield invalid(at, scopes, 'conflicting scopes');
}
