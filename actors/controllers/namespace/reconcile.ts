import type { Namespace, NamespaceCondition } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { namespaces } from '../../runtime/resources.ts';

/** What one look over all kinds found left in a namespace. */
export interface Remains {
  /** Objects by `<resource>.<group>`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Objects by finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** Texts of the errors that deletion met. */
  readonly errors: readonly string[];
  /** `group/version` of API servers that do not say what they serve. */
  readonly undiscovered: readonly string[];
}
/** Nothing is left, nor may there be anything that nobody has looked at. */
export const isEmpty = ({ counts, errors, undiscovered }: Remains): boolean =>
  counts.size === 0 && errors.length === 0 && undiscovered.length === 0;
/** [type, reason, message] when all is well. Source: pkg/controller/namespace/deletion status_condition_utils.go. */
const WELL: readonly (readonly [string, string, string])[] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  ['NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
]; // prettier-ignore

function troubles({
  counts,
  finalizers,
  errors,
  undiscovered,
}: Remains): Map<string, readonly [reason: string, message: string]> {
  const list = (of: ReadonlyMap<string, number>, text: (name: string, n: number) => string): string =>
    [...of].map(([name, n]) => text(name, n)).sort().join(', '); // prettier-ignore
  const found = new Map<string, readonly [string, string]>();
  if (undiscovered.length > 0) {
    const each = undiscovered.map((version) => `${version}: stale GroupVersion discovery: ${version}`).join(', ');
    found.set('NamespaceDeletionDiscoveryFailure', ['DiscoveryFailed', `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${each}`]); // prettier-ignore
  }
  if (errors.length > 0)
    found.set('NamespaceDeletionContentFailure', ['ContentDeletionFailed', `Failed to delete all resource types, ${errors.length} remaining: ${[...errors].sort().join(', ')}`]); // prettier-ignore
  if (counts.size > 0)
    found.set('NamespaceContentRemaining', ['SomeResourcesRemain', `Some resources are remaining: ${list(counts, (name, n) => `${name} has ${n} resource instances`)}`]); // prettier-ignore
  if (finalizers.size > 0)
    found.set('NamespaceFinalizersRemaining', ['SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${list(finalizers, (name, n) => `${name} in ${n} resource instances`)}`]); // prettier-ignore
  return found;
}

/** Writes into the status of a namespace what keeps it from going; nothing if it says so already. */
export function report(namespace: Namespace, remains: Remains, now: number): readonly Intent[] {
  const found = troubles(remains);
  const present = namespace.status?.conditions ?? [];
  let changed = namespace.status?.phase !== 'Terminating';
  const conditions: NamespaceCondition[] = [...present];
  for (const [type, okReason, okMessage] of WELL) {
    const [reason, message] = found.get(type) ?? [okReason, okMessage];
    const status = found.has(type) ? 'True' : 'False';
    const i = conditions.findIndex((c) => c.type === type);
    const old = conditions[i];
    if (old?.status === status && old.reason === reason && old.message === message) continue;
    changed = true;
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(now);
    const next = { type, status, lastTransitionTime, reason, message };
    if (i < 0) conditions.push(next);
    else conditions[i] = next;
  }
  if (!changed) return [];
  const object: Namespace = { ...namespace, status: { ...namespace.status, phase: 'Terminating', conditions } };
  return [{ op: 'update', gvr: namespaces, object, subresource: 'status', tolerate: ['NotFound', 'Conflict'] }];
}

export const FINALIZER = 'kubernetes';
/** Takes this controller's hold off the namespace; with no other left it is gone. */
export function finalize(namespace: Namespace): readonly Intent[] {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((f) => f !== FINALIZER);
  if (finalizers.length === (namespace.spec?.finalizers ?? []).length) return [];
  const object: Namespace = { ...namespace, spec: { ...namespace.spec, finalizers } };
  return [{ op: 'update', gvr: namespaces, object, subresource: 'finalize', tolerate: ['NotFound'] }];
}
