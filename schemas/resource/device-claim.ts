import type { Errors } from '../define.ts';
import type {
  DeviceClaim, DeviceClaimConfiguration, DeviceConstraint, DeviceRequest, DeviceSubRequest, DeviceToleration, ExactDeviceRequest,
} from '../generated/resource-v1.ts'; // prettier-ignore
import { notOneOf, problems } from '../helpers/checks.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts';
import {
  eachOf,
  fullyQualifiedName,
  MAX_CONFIGS,
  MAX_REQUESTS,
  labelName,
  setOf,
  validateConfig,
  validateSelectors,
} from './checks.ts';

const MAX_CONSTRAINTS = 32;
const MAX_ALTERNATIVES = 8;
const MODES = ['All', 'ExactCount'];
const OPERATORS = ['Equal', 'Exists'];
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
const ONE_KIND = 'exactly one of `exactly` or `firstAvailable` is required';
const NOT_A_REQUEST =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

export function defaultDeviceClaim(claim: DeviceClaim | undefined): void {
  for (const request of claim?.requests ?? [])
    for (const asked of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (asked === undefined) continue;
      asked.allocationMode ||= 'ExactCount';
      if (asked.allocationMode === 'ExactCount') asked.count ||= 1;
      for (const toleration of asked.tolerations ?? []) toleration.operator ||= 'Equal';
    }
}

/** Names that constraints, configurations and allocations may refer to. */
export type RequestNames = (name: string) => boolean;
export function requestNames(claim: DeviceClaim | undefined): RequestNames {
  const names = new Set<string>();
  for (const { name, firstAvailable } of claim?.requests ?? []) {
    names.add(name);
    for (const sub of firstAvailable ?? []) names.add(`${name}/${sub.name}`);
  }
  return (name) => names.has(name);
}
export function* requestReference(name: string, known: RequestNames, at: FieldPath): Errors {
  const segments = name.split('/');
  if (segments.length <= 2) for (const segment of segments) yield* labelName(segment, at);
  if (segments.length > 2 || !known(name)) yield invalid(at, name, NOT_A_REQUEST);
}

/** Source: pkg/apis/resource/validation validateDeviceClaim. */
export function* validateDeviceClaim(claim: DeviceClaim, at: FieldPath): Errors {
  const known = requestNames(claim);
  yield* setOf(claim.requests ?? [], MAX_REQUESTS, validateRequest, ({ name }) => name, at('requests'));
  yield* eachOf(claim.constraints ?? [], MAX_CONSTRAINTS, (c, here) => validateConstraint(c, known, here), at('constraints')); // prettier-ignore
  yield* eachOf(claim.config ?? [], MAX_CONFIGS, (c, here) => validateClaimConfig(c, known, here), at('config'));
}
function* validateRequest({ name, exactly, firstAvailable }: DeviceRequest, at: FieldPath): Errors {
  yield* labelName(name, at('name'));
  const hasAlternatives = (firstAvailable?.length ?? 0) > 0;
  if (!exactly && !hasAlternatives) yield required(at, ONE_KIND);
  else if (exactly && hasAlternatives) yield invalid(at, null, `${ONE_KIND}, but multiple fields are set`);
  else if (exactly) yield* validateAsked(exactly, at('exactly'));
  else yield* setOf(firstAvailable!, MAX_ALTERNATIVES, validateAlternative, (sub) => sub.name, at('firstAvailable'));
}
function* validateAlternative(sub: DeviceSubRequest, at: FieldPath): Errors {
  yield* labelName(sub.name, at('name'));
  yield* validateAsked(sub, at);
}
function* validateAsked(asked: ExactDeviceRequest | DeviceSubRequest, at: FieldPath): Errors {
  const { deviceClassName, selectors, allocationMode: mode = '', count = 0, tolerations } = asked;
  if (!deviceClassName) yield required(at('deviceClassName'));
  else yield* problems(dnsSubdomain(deviceClassName), deviceClassName, at('deviceClassName'));
  yield* validateSelectors(selectors ?? [], at('selectors'));
  if (mode === 'All') {
    if (count !== 0) yield invalid(at('count'), count, "must not be specified when allocationMode is 'All'");
  } else if (mode === 'ExactCount') {
    if (count <= 0) yield invalid(at('count'), count, 'must be greater than zero');
  } else yield notOneOf(mode, MODES, at('allocationMode'));
  for (const [i, toleration] of (tolerations ?? []).entries())
    yield* validateToleration(toleration, at('tolerations')(i));
}
function* validateToleration({ key, operator, value = '', effect }: DeviceToleration, at: FieldPath): Errors {
  if (key) yield* problems(qualifiedName(key), key, at('key'));
  if (operator === 'Exists') {
    if (value !== '') yield invalid(at('value'), value, 'must be empty for operator `Exists`');
  } else if (operator === 'Equal') yield* problems(labelValue(value), value, at('value'));
  else if (!operator) yield required(at('operator'));
  else yield notOneOf(operator, OPERATORS, at('operator'));
  if (effect && !EFFECTS.includes(effect)) yield notOneOf(effect, EFFECTS, at('effect'));
}
function* validateConstraint({ requests, matchAttribute, distinctAttribute }: DeviceConstraint, known: RequestNames, at: FieldPath): Errors {
  yield* references(requests ?? [], known, at('requests'));
  if (matchAttribute !== undefined) yield* fullyQualifiedName(matchAttribute, at('matchAttribute'));
  else if (distinctAttribute !== undefined) yield* fullyQualifiedName(distinctAttribute, at('distinctAttribute'));
  else yield required(at, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set');
} // prettier-ignore
function* validateClaimConfig(config: DeviceClaimConfiguration, known: RequestNames, at: FieldPath): Errors {
  yield* references(config.requests ?? [], known, at('requests'));
  yield* validateConfig(config, at);
}
export const references = (names: readonly string[], known: RequestNames, at: FieldPath): Errors =>
  setOf(names, MAX_REQUESTS, (name, here) => requestReference(name, known, here), (name) => name, at); // prettier-ignore
