import { roundUpList } from './pod-spec-defaults.ts';
import { defineResource, type Errors } from '../define.ts';
import type { LimitRange, LimitRangeItem } from '../generated/core-v1.ts';
import { duplicate, forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { compareQuantities, quantityMilli } from '../meta/quantity.ts';
import { isOvercommitAllowed, validateContainerResourceName, validateResourceName } from './resource-names.ts';
import { own } from '../meta/own.ts';

export const limitRange = defineResource<LimitRange>({
  group: '', version: 'v1', resource: 'limitranges',
  metadataChecks: ['whole'],
  allowCreateOnUpdate: true,

  /** A range without a name gets one. Source: pkg/registry/core/limitrange strategy.go PrepareForCreate. */
  prepareForCreate(draft) {
    if (!draft.metadata.name) draft.metadata.name = draft.metadata.uid;
    return draft;
  },

  /** Source: pkg/apis/core/v1 SetDefaults_LimitRangeItem. */
  defaults(draft) {
    for (const limit of draft.spec?.limits ?? []) {
      for (const list of [limit.max, limit.min, limit.default, limit.defaultRequest, limit.maxLimitRequestRatio])
        if (list) roundUpList(list);
      if (limit.type !== 'Container') continue;
      const limits = { ...limit.max, ...limit.default };
      const requests = { ...limit.min, ...limits, ...limit.defaultRequest };
      if (Object.keys(limits).length > 0) limit.default = limits;
      if (Object.keys(requests).length > 0) limit.defaultRequest = requests;
    }
    return draft;
  },
  *validate({ spec }, at) {
    const types = new Set<string>();
    for (const [i, limit] of (spec?.limits ?? []).entries()) {
      const here = at('spec')('limits')(i);
      yield* validateType(limit.type, here('type'));
      if (types.has(limit.type)) yield duplicate(here('type'), limit.type);
      types.add(limit.type);
      yield* validateNames(limit, here);
      yield* validateAmounts(limit, here);
    }
  },
  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? ''],
}); // prettier-ignore

const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];
function* validateType(type: string, at: FieldPath): Errors {
  const wrong = qualifiedName(type);
  for (const why of wrong) yield invalid(at, type, why);
  if (wrong.length === 0 && !type.includes('/') && !TYPES.includes(type))
    yield invalid(at, type, 'must be a standard limit type or fully qualified');
}
function* validateNames(limit: LimitRangeItem, at: FieldPath): Errors {
  const { type } = limit;
  const rule = type === 'Pod' || type === 'Container' ? validateContainerResourceName : validateResourceName;
  const names = function* (list: 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'): Errors {
    for (const name of Object.keys(limit[list] ?? {})) yield* rule(name, at(list).key(name));
  };
  yield* names('max');
  yield* names('min');
  if (type === 'Pod') {
    for (const list of ['default', 'defaultRequest'] as const)
      if (Object.keys(limit[list] ?? {}).length > 0)
        yield forbidden(at(list), "may not be specified when `type` is 'Pod'");
  } else {
    yield* names('default');
    yield* names('defaultRequest');
  }
  if (type === 'PersistentVolumeClaim' && limit.min?.['storage'] === undefined && limit.max?.['storage'] === undefined)
    yield required(at('limits'), 'either minimum or maximum storage value is required, but neither was provided');
  yield* names('maxLimitRequestRatio');
}
const above = (a: string | number | undefined, b: string | number | undefined): boolean =>
  a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
/** Source: pkg/apis/core/validation ValidateLimitRange, its second half. */
function* validateAmounts(limit: LimitRangeItem, at: FieldPath): Errors {
  const { min = {}, max = {}, maxLimitRequestRatio = {} } = limit;
  const isPod = limit.type === 'Pod';
  const defaults = isPod ? {} : (limit.default ?? {});
  const requests = isPod ? {} : (limit.defaultRequest ?? {});
  for (const name of new Set([max, min, defaults, requests, maxLimitRequestRatio].flatMap((l) => Object.keys(l)))) {
    const [low, high, byDefault, request, ratio] = [min, max, defaults, requests, maxLimitRequestRatio].map((l) =>
      own(l, name),
    );
    if (above(low, high)) yield invalid(at('min').key(name), low, `min value ${low} is greater than max value ${high}`);
    if (above(low, request))
      yield invalid(
        at('defaultRequest').key(name),
        request,
        `min value ${low} is greater than default request value ${request}`,
      );
    if (above(request, high))
      yield invalid(
        at('defaultRequest').key(name),
        request,
        `default request value ${request} is greater than max value ${high}`,
      );
    if (above(request, byDefault))
      yield invalid(
        at('defaultRequest').key(name),
        request,
        `default request value ${request} is greater than default limit value ${byDefault}`,
      );
    if (above(low, byDefault))
      yield invalid(at('default').key(name), low, `min value ${low} is greater than default value ${byDefault}`);
    if (above(byDefault, high))
      yield invalid(at('default').key(name), high, `default value ${byDefault} is greater than max value ${high}`);
    if (ratio !== undefined && compareQuantities(ratio, 1) < 0)
      yield invalid(at('maxLimitRequestRatio').key(name), ratio, `ratio ${ratio} is less than 1`);
    if (ratio !== undefined && low !== undefined && high !== undefined) {
      const most = quantityMilli(high) / quantityMilli(low);
      if (quantityMilli(ratio) / 1000 > most)
        yield invalid(
          at('maxLimitRequestRatio').key(name),
          ratio,
          `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`,
        );
    }
    if (
      !isOvercommitAllowed(name) &&
      byDefault !== undefined &&
      request !== undefined &&
      compareQuantities(byDefault, request) !== 0
    )
      yield invalid(
        at('defaultRequest').key(name),
        request,
        `default value ${byDefault} must equal to defaultRequest value ${request} in ${name}`,
      );
  }
}
