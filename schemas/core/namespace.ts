import { defineResource, type Errors } from '../define.ts';
import type { Namespace } from '../generated/core-v1.ts';
import { invalid, type FieldPath } from '../meta/field.ts';
import { nameIsLabel, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const STANDARD: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

export const namespace = defineResource<Namespace>({
  group: '', version: 'v1', resource: 'namespaces',
  metadataChecks: ['whole', 'changes'],
  deletesByItself: true,
  deleteReturnsObject: true,
  validateName: nameIsLabel,
  tracksGeneration: false,

  /** Source: pkg/apis/core/v1 SetDefaults_Namespace. */
  defaults(draft) {
    labelWithName(draft);
    (draft.status ??= {}).phase ??= 'Active';
    return draft;
  },
  /** Source: pkg/registry/core/namespace strategy.go: the finalizer by which content is deleted first. */
  prepareForCreate(draft) {
    labelWithName(draft);
    draft.status = { phase: 'Active' };
    const finalizers = draft.spec?.finalizers ?? [];
    draft.spec = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
    return draft;
  },
  prepareForUpdate(draft, old) {
    labelWithName(draft);
    draft.spec = { ...draft.spec, ...old.spec };
    draft.status = old.status ?? {};
    return draft;
  },

  doors: {
    finalize: {
      prepare(draft, old) {
        const { finalizers: _, ...spec } = old.spec ?? {};
        const { finalizers } = draft.spec ?? {};
        // Metadata may change here too; the status may not.
        return { ...old, metadata: draft.metadata, spec: { ...spec, ...(finalizers && { finalizers }) } };
      },
      *validate({ spec }, _old, at) {
        for (const [i, finalizer] of (spec?.finalizers ?? []).entries())
          yield* validateFinalizer(finalizer, at('spec')('finalizers')(i));
      },
    },
  },

  *validate({ spec }, at, old) {
    // An update keeps those that are there.
    if (old !== undefined) return;
    for (const finalizer of spec?.finalizers ?? []) yield* validateFinalizer(finalizer, at('spec')('finalizers'));
  },
  *validateStatusUpdate({ metadata, status }, _old, at) {
    const phase = status?.phase ?? '';
    const here = at('status')('Phase');
    if (!metadata.deletionTimestamp) {
      if (phase !== 'Active') yield invalid(here, phase, "may only be 'Active' if `deletionTimestamp` is empty");
    } else if (phase !== 'Terminating') yield invalid(here, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  },

  selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
  cells: ({ metadata, status }, now) => [metadata.name ?? '', status?.phase ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore

function labelWithName({ metadata }: Namespace): void {
  if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
}
function* validateFinalizer(finalizer: string, at: FieldPath): Errors {
  for (const why of qualifiedName(finalizer)) yield invalid(at, finalizer, why);
  if (!finalizer.includes('/') && !STANDARD.has(finalizer))
    yield invalid(at, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
}
