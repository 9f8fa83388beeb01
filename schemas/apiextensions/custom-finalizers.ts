import type { KubeObject } from '../meta/object.ts';
import { qualifiedName } from '../meta/names.ts';

const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Source: apiextensions-apiserver customresource validator.go validateKubeFinalizerName. */
export function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const out: string[] = [];
  for (const name of [...(object.metadata.finalizers ?? [])].sort()) {
    if (old?.metadata.finalizers?.includes(name)) continue;
    for (const why of qualifiedName(name)) out.push(`metadata.finalizers: ${JSON.stringify(name)}: ${why}`);
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) continue;
    const path = name.includes('.') ? ' including a path (/)' : '';
    out.push(
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
    );
  }
  return out;
}
