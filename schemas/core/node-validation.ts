import { JsonSyntaxError, parseJson } from '../codec/json.ts';
import type { Errors } from '../define.ts';
import type { Node, NodeStatus, Taint } from '../generated/core-v1.ts';
import { positive } from '../meta/field-checks.ts';
import { duplicate, forbidden, internalError, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { parseCidr, validateCidr } from '../meta/ip.ts';
import { byteLength, labelValue, qualifiedName } from '../meta/names.ts';
import { validateResourceQuantity } from './resource-names.ts';

const TAINTS_ANNOTATION = 'scheduler.alpha.kubernetes.io/taints';
const AVOID_ANNOTATION = 'scheduler.alpha.kubernetes.io/preferAvoidPods';

/** Source: pkg/apis/core/validation ValidateNode. The paths of taints and of swap are the real ones. */
export function* validateNode({ metadata, spec, status }: Node, at: FieldPath): Errors {
  const meta = at('metadata');
  yield* validateAnnotations(metadata.annotations, meta('annotations'));
  yield* validateTaints(spec?.taints ?? [], meta('taints'));
  yield* validateAmounts(status, at('status'));
  const swap = status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined) yield* positive(swap, meta('nodeSwapStatus')('capacity'));
  yield* validateFeatures(status?.declaredFeatures ?? [], at('status')('declaredFeatures'));
  const cidrs = spec?.podCIDRs ?? [];
  const here = at('spec')('podCIDRs');
  for (const [i, cidr] of cidrs.entries()) yield* validateCidr(cidr, here(i));
  if (cidrs.length < 2) return;
  const families = cidrs.map((cidr) => parseCidr(cidr)?.family);
  const bad = families.indexOf(undefined);
  if (bad >= 0)
    yield internalError(
      here,
      `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`,
    );
  if (bad >= 0 || cidrs.length > 2 || families[0] === families[1])
    yield invalid(here, cidrs, 'may specify no more than one CIDR for each IP family');
}
/** Also of the status by itself. Source: pkg/apis/core/validation ValidateNodeUpdate. */
export function* validateNodeUpdate({ metadata, spec, status }: Node, old: Node, at: FieldPath): Errors {
  yield* validateAnnotations(metadata.annotations, at('metadata')('annotations'));
  yield* validateAmounts(status, at('status'));
  yield* validateFeatures(status?.declaredFeatures ?? [], at('status')('declaredFeatures'));
  const addresses = new Set<string>();
  for (const [i, { type, address }] of (status?.addresses ?? []).entries()) {
    const key = `${type} ${address}`;
    if (addresses.has(key)) yield duplicate(at('status')('addresses')(i), { Type: type, Address: address });
    addresses.add(key);
  }
  const before = old.spec?.podCIDRs ?? [];
  const now = spec?.podCIDRs ?? [];
  const fixed = forbidden(at('spec')('podCIDRs'), 'node updates may not change podCIDR except from "" to valid');
  if (before.length > 0 && before.length !== now.length) yield fixed;
  else for (const [i, cidr] of before.entries()) if (cidr !== now[i]) yield fixed;
  if (old.spec?.providerID && old.spec.providerID !== spec?.providerID)
    yield forbidden(at('spec')('providerID'), 'node updates may not change providerID except from "" to valid');
  yield* validateTaints(spec?.taints ?? [], at('metadata')('taints'));
  if ((spec?.externalID ?? '') !== (old.spec?.externalID ?? ''))
    yield forbidden(at('spec')('externalID'), 'may not be updated');
}
function* validateAmounts(status: NodeStatus | undefined, at: FieldPath): Errors {
  for (const list of ['capacity', 'allocatable'] as const)
    for (const [name, quantity] of Object.entries(status?.[list] ?? {}))
      yield* validateResourceQuantity(name, quantity, at(list)(name));
}
const MAX_FEATURE_BYTES = 253;
const FEATURE = /^[A-Z][a-zA-Z0-9]*(?:\/[a-zA-Z][a-zA-Z0-9]*)*$/;
function* validateFeatures(features: readonly string[], at: FieldPath): Errors {
  for (const [i, feature] of features.entries()) {
    const quoted = JSON.stringify(feature);
    if (byteLength(feature) > MAX_FEATURE_BYTES)
      yield invalid(at(i), feature, `invalid feature name ${quoted}: must be no more than ${MAX_FEATURE_BYTES} characters`);
    else if (!FEATURE.test(feature))
      yield invalid(at(i), feature, `invalid feature name ${quoted}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`);
    const next = features[i + 1];
    if (next === feature) yield duplicate(at(i + 1), next);
    else if (next !== undefined && feature > next) yield invalid(at(i + 1), next, 'list must be sorted alphabetically');
  }
} // prettier-ignore
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
/** Source: pkg/apis/core/validation validateNodeTaints. */
export function* validateTaints(taints: readonly Taint[], at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, taint] of taints.entries()) {
    const here = at(i);
    for (const why of qualifiedName(taint.key)) yield invalid(here('key'), taint.key, why);
    const wrong = labelValue(taint.value ?? '');
    if (wrong.length > 0) yield invalid(here('value'), taint.value, wrong.join(';'));
    if (!taint.effect) yield required(here('effect'));
    else if (!EFFECTS.includes(taint.effect)) yield notSupported(here('effect'), taint.effect, EFFECTS);
    const key = `${taint.effect} ${taint.key}`;
    if (seen.has(key)) {
      const { key: name, value = '', effect, timeAdded = null } = taint;
      const error = duplicate(here, { Key: name, Value: value, Effect: effect, TimeAdded: timeAdded });
      yield { ...error, message: `${error.message}: taints must be unique by key and effect pair` };
    }
    seen.add(key);
  }
}
/** What was written in annotations once. Source: pkg/apis/core/validation ValidateNodeSpecificAnnotations. */
function* validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, at: FieldPath): Errors {
  const taints = annotations?.[TAINTS_ANNOTATION];
  if (taints) {
    const read = readJson<readonly Taint[]>(taints);
    if (read.error !== undefined) yield invalid(at, TAINTS_ANNOTATION, read.error);
    else yield* validateTaints(read.value ?? [], at(TAINTS_ANNOTATION));
  }
  const avoid = annotations?.[AVOID_ANNOTATION];
  if (!avoid) return;
  const read = readJson<{ readonly preferAvoidPods?: readonly AvoidEntry[] }>(avoid);
  if (read.error !== undefined) {
    yield invalid(at('AvoidPods'), AVOID_ANNOTATION, read.error);
    return;
  }
  for (const [i, entry] of (read.value?.preferAvoidPods ?? []).entries()) {
    const here = at(AVOID_ANNOTATION)(i)('PodSignature');
    const controller = entry.podSignature?.podController;
    if (!controller) yield required(here);
    else if (!controller.controller)
      yield invalid(here('PodController')('Controller'), false, 'must point to a controller');
  }
}
interface AvoidEntry {
  readonly podSignature?: { readonly podController?: { readonly controller?: boolean } };
}
function readJson<T>(text: string): { readonly value?: T; readonly error?: string } {
  try {
    return { value: parseJson(text).value as T };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { error: error.message };
    throw error;
  }
}
