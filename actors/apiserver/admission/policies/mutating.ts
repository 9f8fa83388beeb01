/** Policies that change objects. Source: apiserver pkg/admission/plugin/policy (generic/policy_dispatcher.go, mutating/dispatcher.go). */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from '../../../../schemas/generated/admissionregistration-v1.ts';
import { ApiError, statusOf } from '../../../../schemas/meta/status.ts';
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { internalError } from '../../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { decodeDetail } from '../../stages/claimed-type.ts';
import { forbid, operations } from '../common.ts';
import { reinvocationOf, type Turns } from '../dynamic/reinvocation.ts';
import { isExempt } from '../dynamic/rules.ts';
import { readBack, replaceObject, seenBoth } from '../dynamic/versioned.ts';
import { namespaceOf, requestOf } from '../dynamic/request.ts';
import { matches } from './match.ts';
import { collectParams, unknownParamKind } from './params.ts';
import { policySource, type Bound } from './source.ts';
import type { PolicyGround } from './index.ts';

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;
interface Failure {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason: 'Invalid' | 'Forbidden';
}
interface Invocation {
  readonly policy: Policy;
  readonly binding: Binding;
  readonly as: Resource;
  readonly param: DynamicObject | undefined;
}
const NAME = 'MutatingAdmissionPolicy';

export function mutatingPolicies(ground: PolicyGround): AdmissionPlugin {
  const hooks = policySource<Policy, Binding>(ground, { policies: 'mutatingadmissionpolicies', bindings: 'mutatingadmissionpolicybindings' });
  return {
    name: NAME,
    handles: operations('CREATE', 'UPDATE', 'CONNECT'),
    mutate(a) {
      const bound = hooks();
      if (bound.length === 0 || isExempt(a)) return undefined;
      return dispatch(ground, bound, a);
    },
  };
} // prettier-ignore
async function dispatch(ground: PolicyGround, bound: readonly Bound<Policy, Binding>[], a: AdmissionAttributes): Promise<void> {
  const failures: Failure[] = [];
  const invocations = await select(ground, bound, a, failures);
  if (invocations.length > 0) {
    const turns = reinvocationOf(a, NAME);
    turns.begin(a.object);
    const namespace = await namespaceOf(ground, a);
    let changed = false;
    for (const invocation of invocations) changed = (await invoke(ground, invocation, a, namespace, turns, failures)) || changed;
    if (changed) turns.changed();
    turns.end(a.object);
  }
  const counted = failures.filter(({ policy }) => policy.spec?.failurePolicy !== 'Ignore');
  if (counted.length > 0) throw refusal(a, counted);
} // prettier-ignore

/** Who has something to say to the request, with which parameters. */
async function select(ground: PolicyGround, bound: readonly Bound<Policy, Binding>[], a: AdmissionAttributes, failures: Failure[]): Promise<Invocation[]> {
  const invocations: Invocation[] = [];
  for (const { policy, bindings } of bound) {
    const fail = (binding: Binding | undefined, why: string): void =>
      void failures.push({ policy, binding, message: `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${why}`, reason: 'Forbidden' });
    const as = await matches(ground, ground.equivalents, policy.spec?.matchConstraints, a);
    if (as === undefined) continue;
    const unknown = as instanceof Error ? as.message : unknownParamKind(ground, policy.spec?.paramKind);
    if (as instanceof Error || unknown !== undefined) {
      fail(undefined, unknown ?? '');
      continue;
    }
    for (const binding of bindings)
      try {
        const matched = await matches(ground, ground.equivalents, binding.spec?.matchResources, a);
        if (matched === undefined) continue;
        if (matched instanceof Error) throw matched;
        for (const param of await collectParams(ground, policy.spec?.paramKind, binding.spec?.paramRef, a.namespace))
          invocations.push({ policy, binding, as, param });
      } catch (error) {
        fail(binding, (error as Error).message);
      }
  }
  return invocations;
} // prettier-ignore

/** True if anything was done to the object. */
async function invoke(
  ground: PolicyGround,
  { policy, binding, as, param }: Invocation,
  a: AdmissionAttributes,
  namespace: object | undefined,
  turns: Turns,
  failures: Failure[],
): Promise<boolean> {
  const fail = (message: string): void => void failures.push({ policy, binding, message, reason: 'Invalid' });
  const { mutator, shared } = await ground.mutatorOf(policy, a);
  const request = requestOf(a, as);
  const bindings = async () => ({ ...(await seenBoth(a, as)), request, params: param, namespace, ...shared, a });
  const held = await mutator.holds(await bindings());
  if (held === false) return false;
  if (held !== true) {
    fail(held.error);
    return false;
  }
  const key = JSON.stringify([policy.metadata.name, binding.metadata.name, param?.metadata.namespace, param?.metadata.name]);
  if (!turns.isDue(key)) return false;
  let done = false;
  const before = a.object && JSON.stringify(a.object);
  for (const index of mutator.mutations.keys()) {
    if (a.object === undefined) break;
    try {
      const value = await mutator.apply(index, await bindings(), as);
      await replaceObject(ground, a, decoded(a, value, as, mutator.mutations[index]!.isPatch), as);
      done = true;
      ground.notes.checked(policy.metadata.name ?? '', binding.metadata.name ?? '', 'allow', '');
    } catch (error) {
      ground.notes.checked(policy.metadata.name ?? '', binding.metadata.name ?? '', 'deny', (error as Error).message);
      if (statusOf(error) !== undefined) throw error;
      fail((error as Error).message);
    }
  }
  if (before !== undefined && before !== JSON.stringify(a.object)) turns.changed();
  if (policy.spec?.reinvocationPolicy === 'IfNeeded') turns.mayComeAgain(key);
  return done;
} // prettier-ignore
/** Throws InternalError where a patch makes of an object what is none of its kind, Error where a configuration does. */
function decoded(a: AdmissionAttributes, value: unknown, as: Resource, isPatch: boolean): DynamicObject {
  try {
    return readBack(a, value, as, isPatch);
  } catch (error) {
    throw isPatch ? internalError(decodeDetail(error), error) : new Error(decodeDetail(error), { cause: error });
  }
}
/** Source: generic/policy_dispatcher.go. */
function refusal(a: AdmissionAttributes, failures: readonly Failure[]): ApiError {
  const texts = failures.map(({ policy, binding, message }) =>
    binding === undefined
      ? `policy ${JSON.stringify(policy.metadata.name)} denied request: ${message}`
      : `policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${message}`,
  );
  const { status } = forbid(a, '');
  return new ApiError(failures[0]!.reason, texts[0]!, {
    code: 403,
    details: { ...status.details, causes: texts.map((message) => ({ message })) },
  });
}
