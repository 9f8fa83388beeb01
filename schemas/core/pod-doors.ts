import type { Door, Errors } from '../define.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../generated/core-v1.ts';
import type { Quantity } from '../generated/api-resource.ts';
import { forbidden, invalid, noField, type FieldPath } from '../meta/field.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { validateAnnotationChange } from './pod-annotation-change.ts';
import { qosClass } from './pod-qos.ts';
import { MIRROR } from './pod-validation.ts';
import { diffOfStructs } from './struct-diff.ts';

const CORE = 'io.k8s.api.core.v1';
const EMPTY: PodSpec = { containers: [] };
/** The object as it was, but for the version and the spec given. */
const withSpec = (old: Pod, draft: Pod, spec: PodSpec): Pod => {
  const { managedFields } = draft.metadata;
  return { ...old, metadata: { ...old.metadata, ...(managedFields && { managedFields }) }, spec };
};
const isStatic = (pod: Pod): boolean => pod.metadata.annotations?.[MIRROR] !== undefined;

/** Containers for debugging are added and stay. Source: podEphemeralContainersStrategy, ValidatePodEphemeralContainersUpdate. */
export const ephemeralContainers: Door<Pod> = {
  prepare(draft, old) {
    const { ephemeralContainers: wanted } = draft.spec ?? EMPTY;
    const { ephemeralContainers: _, ...spec } = old.spec ?? EMPTY;
    return withSpec(old, draft, { ...spec, ...(wanted && { ephemeralContainers: wanted }) });
  },
  refuses: (old) =>
    isStatic(old) ? forbidden(noField(), 'static pods do not support ephemeral containers') : undefined,
  *validate(pod, old, root) {
    yield* validateAnnotationChange(pod, old, root('metadata')('annotations'));
    const at = root('spec')('ephemeralContainers');
    const now = new Map((pod.spec?.ephemeralContainers ?? []).map((c) => [c.name, c]));
    for (const before of old.spec?.ephemeralContainers ?? []) {
      const name = JSON.stringify(before.name);
      const after = now.get(before.name);
      if (after === undefined) yield forbidden(at, `existing ephemeral containers ${name} may not be removed\n`);
      else if (!sameStruct(after, before, `${CORE}.EphemeralContainer`)) {
        const diff = diffOfStructs(`${CORE}.EphemeralContainer`, before, after);
        yield forbidden(at, `existing ephemeral containers ${name} may not be changed\n${diff}`);
      }
    }
  },
};

/** CPU and memory of a running pod. Source: podResizeStrategy, ValidatePodResize. */
export const resize: Door<Pod> = {
  prepare(draft, old) {
    const [now, then] = [draft.spec ?? EMPTY, old.spec ?? EMPTY];
    const lists = ['containers', 'initContainers'] as const;
    // Validation says so: nothing is dropped then, not even what else changed.
    if (lists.some((list) => (now[list] ?? []).length !== (then[list] ?? []).length)) return draft;
    const { resources: _, ...spec } = then;
    return withSpec(old, draft, {
      ...spec,
      containers: resized(now.containers ?? [], then.containers ?? []),
      ...(then.initContainers && { initContainers: resized(now.initContainers ?? [], then.initContainers) }),
      ...(now.resources && { resources: now.resources }),
    });
  },
  refuses(old) {
    if (isStatic(old)) return forbidden(noField(), 'static pods cannot be resized');
    return old.spec?.os?.name === 'windows' ? forbidden(noField(), 'windows pods cannot be resized') : undefined;
  },
  *validate(pod, old, root, wrong) {
    const at = root('spec');
    const rest = structuredClone(pod.spec ?? EMPTY);
    const errors = [...validateResize(pod, old, rest, at)];
    yield* errors;
    if (!wrong && errors.length === 0 && !sameStruct(rest, old.spec, `${CORE}.PodSpec`))
      yield forbidden(at, 'only cpu and memory resources are mutable');
  },
};
/** `rest` becomes what has changed that may not. */
function* validateResize(pod: Pod, old: Pod, rest: PodSpec, at: FieldPath): Errors {
  const [now, then] = [pod.spec ?? EMPTY, old.spec ?? EMPTY];
  if ((old.status?.qosClass ?? qosClass(then)) !== qosClass(now))
    yield invalid(at, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing');
  const running = old.status?.containerStatuses?.find((s) => s.state?.running);
  if (running && !running.resources) yield forbidden(at, 'Pod running on node without support for resize');
  if (isSet(now.resources) || isSet(then.resources)) yield* validateWhole(rest, now, then, at);
  const order = [...validateOrder(now, then, at)];
  yield* order;
  if (order.length === 0) yield* validateContainers(rest, now, then, at);
}
/** A container that was renamed or moved: validation says so of the whole list. */
function resized(now: readonly Container[], then: readonly Container[]): Container[] {
  if (now.some((c, i) => c.name !== then[i]!.name)) return [...now];
  return then.map((container, i) => {
    const { resources: _, resizePolicy: __, ...own } = container;
    const { resources, resizePolicy } = now[i]!;
    return { ...own, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
  });
}
const isSet = (resources: ResourceRequirements | undefined): boolean =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;

type Quantities = Readonly<Record<string, Quantity>> | undefined;
const lessOf = (now: Quantities, then: Quantities): boolean =>
  Object.keys(then ?? {}).length > Object.keys(now ?? {}).length ||
  Object.keys(then ?? {}).some((name) => !Object.hasOwn(now ?? {}, name));

/** Resources of the pod as a whole; `rest` then has those of `then` for cpu and memory. */
function* validateWhole(rest: PodSpec, now: PodSpec, then: PodSpec, at: FieldPath): Errors {
  const here = at('resources');
  if (then.resources && !now.resources) {
    yield forbidden(here, 'pod-level resources cannot be removed');
    return;
  }
  if (then.resources)
    for (const field of ['requests', 'limits'] as const)
      if (lessOf(now.resources?.[field], then.resources[field]))
        yield forbidden(here(field), `pod-level resource ${field} cannot be removed`);
  const masked = rest.resources && masking(rest.resources, then.resources);
  const keeps = then.resources !== undefined || isSet(masked) || (masked?.claims ?? []).length > 0;
  if (masked && keeps) rest.resources = masked;
  else delete rest.resources;
  if (!sameStruct({ resources: rest.resources }, { resources: then.resources }, `${CORE}.PodSpec`))
    yield forbidden(at, 'only cpu and memory resources are mutable at pod-level');
}
/** As `now`, but cpu and memory as they were. */
function masking(now: ResourceRequirements, then: ResourceRequirements | undefined): ResourceRequirements {
  const list = (field: 'limits' | 'requests'): Record<string, Quantity> => {
    const { cpu: _, memory: __, ...others } = now[field] ?? {};
    const { cpu, memory } = then?.[field] ?? {};
    return { ...others, ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  };
  return { ...now, limits: list('limits'), requests: list('requests') };
}
function* validateOrder(now: PodSpec, then: PodSpec, at: FieldPath): Errors {
  for (const list of ['containers', 'initContainers'] as const) {
    const [a, b] = [now[list] ?? [], then[list] ?? []];
    if (a.length !== b.length) yield forbidden(at(list), `${list} may not be added or removed on resize`);
    else
      for (const [i, { name }] of b.entries())
        if (a[i]!.name !== name)
          yield forbidden(at(list)(i)('name'), `${list} may not be renamed or reordered on resize`);
  }
}
function* validateContainers(rest: PodSpec, now: PodSpec, then: PodSpec, at: FieldPath): Errors {
  for (const list of ['initContainers', 'containers'] as const)
    for (const [i, { resources: before }] of (then[list] ?? []).entries())
      for (const field of ['requests', 'limits'] as const)
        if (lessOf(now[list]![i]!.resources?.[field], before?.[field]))
          yield forbidden(at(list)(i)('resources')(field), `resource ${field} cannot be removed`);
  for (const list of ['containers', 'initContainers'] as const)
    for (const [i, before] of (then[list] ?? []).entries()) {
      const given = now[list]![i]!;
      // Claims are dropped with the rest: the real server looks at limits and requests alone, and so takes them for a change.
      const { limits, requests } = masking(given.resources ?? {}, before.resources);
      const container: Container = { ...given, resources: { limits, requests } };
      rest[list]![i] = container;
      const same = (c: Container): boolean => sameStruct(c, before, `${CORE}.Container`);
      if (!same(container))
        yield list === 'containers'
          ? forbidden(at, 'only cpu and memory resources are mutable')
          : forbidden(at(list)(i), 'only cpu and memory resources for init or sidecar containers are mutable');
      if (list === 'containers' || given.restartPolicy === 'Always' || same(given)) continue;
      for (const { restartPolicy } of given.resizePolicy ?? [])
        if (restartPolicy === 'RestartContainer')
          yield forbidden(
            at(list)(i),
            'non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
          );
    }
}
