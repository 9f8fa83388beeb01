/** Policies that may refuse. Source: apiserver pkg/admission/plugin/policy/validating/dispatcher.go. */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../../schemas/generated/admissionregistration-v1.ts';
import { ApiError, statusOf } from '../../../../schemas/meta/status.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { forbid, operations } from '../common.ts';
import { isExempt } from '../dynamic/rules.ts';
import { seenBoth, type Seen } from '../dynamic/versioned.ts';
import { namespaceOf, requestOf } from '../dynamic/request.ts';
import { matches } from './match.ts';
import { collectParams, unknownParamKind } from './params.ts';
import { policySource, type Bound } from './source.ts';
import type { PolicyGround } from './index.ts';
import type { Verdict } from './validator.ts';

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;
interface Denial {
  readonly binding: Binding | undefined;
  readonly policy: Policy;
  readonly message: string;
  readonly reason: string;
}
const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };
const MAX_ANNOTATION = 10 * 1024;

export function validatingPolicies(ground: PolicyGround): AdmissionPlugin {
  const hooks = policySource<Policy, Binding>(ground, { policies: 'validatingadmissionpolicies', bindings: 'validatingadmissionpolicybindings' });
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: operations('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    validate(a) {
      const bound = hooks();
      if (bound.length === 0 || isExempt(a)) return undefined;
      return new Dispatch(ground, a).run(bound);
    },
  };
} // prettier-ignore

class Dispatch {
  private readonly ground: PolicyGround;
  private readonly a: AdmissionAttributes;
  private readonly denials: Denial[] = [];
  constructor(ground: PolicyGround, a: AdmissionAttributes) {
    this.ground = ground;
    this.a = a;
  }
  async run(bound: readonly Bound<Policy, Binding>[]): Promise<void> {
    for (const { policy, bindings } of bound) await this.ask(policy, bindings);
    const [first] = this.denials;
    if (first !== undefined) throw refusal(this.a, first);
  }
  /** Of what is wrong with the policy itself. */
  private misconfigured(policy: Policy, binding: Binding | undefined, why: string): void {
    if (policy.spec?.failurePolicy === 'Ignore') return;
    const message = `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${why}`;
    this.denials.push({ policy, binding, message, reason: '' });
  }
  private async ask(policy: Policy, bindings: readonly Binding[]): Promise<void> {
    const { ground, a } = this;
    const as = await matches(ground, ground.equivalents, policy.spec?.matchConstraints, a);
    if (as === undefined) return;
    if (as instanceof Error) return this.misconfigured(policy, undefined, as.message);
    const unknown = unknownParamKind(ground, policy.spec?.paramKind);
    if (unknown !== undefined) return this.misconfigured(policy, undefined, unknown);
    const annotations = new Map<string, string[]>();
    let seen: Seen | undefined;
    for (const binding of bindings) {
      const matched = await matches(ground, ground.equivalents, binding.spec?.matchResources, a);
      if (matched === undefined) continue;
      try {
        if (matched instanceof Error) throw matched;
        const params = await collectParams(ground, policy.spec?.paramKind, binding.spec?.paramRef, a.namespace);
        if (params.length === 0) continue;
        seen ??= await seenBoth(a, as);
        await this.evaluate(policy, binding, as, seen, params, annotations);
      } catch (error) {
        if (statusOf(error) !== undefined && error !== matched) throw error;
        this.misconfigured(policy, binding, (error as Error).message);
      }
    }
    for (const [key, values] of annotations) a.annotate?.(`${policy.metadata.name}/${key}`, values.join(', '));
  }
  private async evaluate(policy: Policy, binding: Binding, as: Resource, seen: Seen, params: readonly (object | undefined)[], annotations: Map<string, string[]>): Promise<void> {
    const { ground, a } = this;
    const namespace = await namespaceOf(ground, a);
    const { validator, shared } = await ground.validatorOf(policy, a);
    const request = requestOf(a, as);
    for (const one of params) {
      const verdict = await validator.validate({ ...seen, request, params: one, namespace, ...shared, a });
      this.note(policy, binding, verdict, annotations);
    }
  } // prettier-ignore
  private note(policy: Policy, binding: Binding, { decisions, annotations }: Verdict, collected: Map<string, string[]>): void {
    const name = policy.metadata.name ?? '';
    const bindingName = binding.metadata.name ?? '';
    for (const [i, { denies, failed, message, reason }] of decisions.entries()) {
      if (!denies) {
        if (failed) this.ground.notes.checked(name, bindingName, 'allow', message);
        continue;
      }
      for (const action of binding.spec?.validationActions ?? []) {
        this.ground.notes.checked(name, bindingName, ({ Deny: 'deny', Audit: 'audit', Warn: 'warn' } as const)[action as 'Deny'], failed ? message : '');
        if (action === 'Deny') this.denials.push({ policy, binding, message, reason });
        if (action === 'Warn')
          this.a.warnings.push(`Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${bindingName}': ${message}`);
        if (action === 'Audit')
          this.a.annotate?.('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([
            { message, policy: name, binding: bindingName, expressionIndex: i, validationActions: binding.spec?.validationActions },
          ]));
      }
    }
    for (const annotation of annotations) {
      if ('error' in annotation) {
        this.denials.push({ policy, binding, message: annotation.error, reason: '' });
        continue;
      }
      const values = collected.get(annotation.key) ?? [];
      const value = annotation.value.slice(0, MAX_ANNOTATION);
      if (!values.includes(value)) collected.set(annotation.key, [...values, value]);
    }
  } // prettier-ignore
}
function refusal(a: AdmissionAttributes, { policy, binding, message, reason }: Denial): ApiError {
  const by = binding === undefined ? '' : ` with binding '${binding.metadata.name}'`;
  const text = `ValidatingAdmissionPolicy '${policy.metadata.name}'${by} denied request: ${message}`;
  const { status } = forbid(a, text);
  const said = (reason || 'Invalid') as 'Invalid';
  return new ApiError(said, status.message ?? text, {
    code: CODES[said] ?? 422,
    details: { ...status.details, causes: [{ message: text }] },
  });
}
