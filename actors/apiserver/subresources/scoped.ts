import { diffOfStructs } from '../../../schemas/core/struct-diff.ts';
import { qosClass } from '../../../schemas/helpers/pod-resources.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { fieldPath, forbidden, invalid, type FieldError } from '../../../schemas/meta/field.ts';
import type { Draft } from '../core.ts';

/**
 * What each door to an object lets through: the object as it was, with that part of the writer's. `status` is not here: it
 * takes metadata as well. Source: the strategies of pkg/registry.
 */
export const SCOPED: Readonly<Record<string, (draft: Draft, old: Draft) => Draft>> = {
  ephemeralcontainers: (draft, old) =>
    withSpec(old, { ephemeralContainers: (draft['spec'] as Spec | undefined)?.['ephemeralContainers'] }),
  resize: (draft, old) => {
    const spec = (draft['spec'] ?? {}) as Spec;
    const before = (old['spec'] ?? {}) as Spec;
    return withSpec(old, {
      containers: resized(before['containers'], spec['containers']),
      initContainers: resized(before['initContainers'], spec['initContainers']),
    });
  },
  finalize: (draft, old) => withSpec(old, { finalizers: (draft['spec'] as Spec | undefined)?.['finalizers'] }),
};
type Spec = Record<string, unknown>;
interface Container {
  readonly name: string;
  readonly image?: string;
  readonly resources?: unknown;
  readonly resizePolicy?: unknown;
}
function withSpec(old: Draft, change: Spec): Draft {
  const copy = structuredClone(old);
  const spec = { ...(copy['spec'] as Spec | undefined) };
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined) delete spec[key];
    else spec[key] = value;
  }
  copy['spec'] = spec;
  return copy;
}
function resized(before: unknown, wanted: unknown): Container[] | undefined {
  if (!Array.isArray(before)) return undefined;
  const list = (wanted ?? []) as readonly Container[];
  return (before as readonly Container[]).map((container, i) => {
    const now = list[i]?.name === container.name ? list[i] : list.find((c) => c.name === container.name);
    if (now === undefined) return container;
    return {
      ...container,
      ...(now.resources !== undefined && { resources: now.resources }),
      ...(now.resizePolicy !== undefined && { resizePolicy: now.resizePolicy }),
    };
  });
}

type Rule = (draft: Draft, old: Draft) => Generator<FieldError>;
/** What these doors refuse beyond what the kind itself does. Source: pkg/apis/core/validation ValidatePodEphemeralContainersUpdate, ValidatePodResize. */
export const SCOPED_RULES: Readonly<Record<string, Rule>> = {
  *ephemeralcontainers(draft, old) {
    const at = fieldPath('spec')('ephemeralContainers');
    const now = new Map(listOf(draft, 'ephemeralContainers').map((c) => [c.name, c]));
    for (const before of listOf(old, 'ephemeralContainers')) {
      const name = JSON.stringify(before.name);
      const after = now.get(before.name);
      if (after === undefined) yield forbidden(at, `existing ephemeral containers ${name} may not be removed\n`);
      else if (!equal(after, before)) {
        const diff = diffOfStructs('io.k8s.api.core.v1.EphemeralContainer', before, after);
        yield forbidden(at, `existing ephemeral containers ${name} may not be changed\n${diff}`);
      }
    }
  },
  *resize(draft, old) {
    const [was, is] = [qos(old), qos(draft)];
    if (was !== is) yield invalid(fieldPath('spec'), was, 'Pod QOS Class may not change as a result of resizing');
  },
  *finalize() {},
};
const listOf = (object: Draft, field: string): readonly Container[] =>
  ((object['spec'] as Spec | undefined)?.[field] as readonly Container[] | undefined) ?? [];
const qos = (object: Draft): string => qosClass({ ...object, status: undefined });
