import type { KubeObject } from '../../../../schemas/meta/object.ts';
import type { AdmissionContext } from '../common.ts';

/** Those of both sorts. */
type Policy = KubeObject;
type Binding = KubeObject & { readonly spec?: { readonly policyName?: string | undefined } | undefined };
export interface Bound<P extends Policy, B extends Binding> {
  readonly policy: P;
  readonly bindings: readonly B[];
}
/**
 * Policies that are bound to something, and by what, each sorted by name; read from this server's own cache when
 * something has changed. Source: apiserver pkg/admission/plugin/policy/generic/policy_source.go.
 */
export function policySource<P extends Policy, B extends Binding>(
  context: AdmissionContext,
  names: { readonly policies: string; readonly bindings: string },
): () => readonly Bound<P, B>[] {
  const of = (resource: string) =>
    context.registry.lookup({ group: 'admissionregistration.k8s.io', version: 'v1', resource })!;
  const [policies, bindings] = [of(names.policies), of(names.bindings)];
  let known: readonly Bound<P, B>[] | undefined;
  const forget = (): void => void (known = undefined);
  context.cache.onChange(policies, forget);
  context.cache.onChange(bindings, forget);
  const byName = (a: KubeObject, b: KubeObject): number => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
  const read = (): readonly Bound<P, B>[] => {
    const all = [...context.cache.list<B>(bindings)].sort(byName);
    if (all.length === 0) return [];
    return [...context.cache.list<P>(policies)]
      .sort(byName)
      .map((policy) => ({ policy, bindings: all.filter((b) => b.spec?.policyName === policy.metadata.name) }))
      .filter((bound) => bound.bindings.length > 0);
  };
  return () => (known ??= read());
}
