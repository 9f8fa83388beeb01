import { isRuled } from './custom-rules.ts';
import { steppedValidation } from '../helpers/stepped-validation.ts';
import { loadRules } from './rule-loading.ts';
import { defineResource, type Errors } from '../define.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
} from '../generated/apiextensions-v1.ts';
import { caBundleProblem } from '../helpers/ca-bundle.ts';
import { immutable } from '../meta/field-checks.ts';
import { fieldPath, invalid, required, type FieldPath } from '../meta/field.ts';
import { isKnownFormat } from '../structural/formats.ts';
import { approval, APPROVED } from './approval.ts';
import { isConditionTrue, withCondition } from './naming.ts';
import { namesProblems, schemasIn, specProblems } from './spec-rules.ts';

const DEFAULT_PORT = 443;
/** The finalizer under which a deleted definition waits until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export const customResourceDefinition = defineResource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions', storedAsJson: true,
  keptEncoded: true,
  anyFinalizers: true,
  deletesByItself: true,
  tracksGeneration: true,
  requiresResourceVersionOnUpdate: true,
  deleteReturnsObject: true,

  /** Source: apiextensions/v1 SetDefaults_CustomResourceDefinitionSpec. */
  defaults(draft) {
    const { spec } = draft;
    if (!spec) return draft;
    if (spec.names) {
      spec.names.singular ||= (spec.names.kind ?? '').toLowerCase();
      if (spec.names.kind) spec.names.listKind ||= `${spec.names.kind}List`;
    }
    spec.conversion ??= { strategy: 'None' };
    if (!draft.status?.storedVersions?.length) draft.status = withStored(draft.status ?? {}, spec);
    // A webhook of which nothing is said is lost in the form that is checked.
    const { webhook } = spec.conversion;
    if (webhook && !webhook.clientConfig && !webhook.conversionReviewVersions?.length) delete spec.conversion.webhook;
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= DEFAULT_PORT;
    return draft;
  },
  prepareForCreate(draft) {
    // The list of conditions is always printed.
    draft.status = withStored({ conditions: null as never, acceptedNames: { plural: '', kind: '' } }, draft.spec);
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = withStored(old.status ?? {}, draft.spec);
    return draft;
  },

  /** Source: apiextensions-apiserver pkg/registry/customresourcedefinition etcd.go Delete. */
  prepareForDelete(draft, now) {
    const finalizers = draft.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP)) draft.metadata.finalizers = [...finalizers, CLEANUP];
    const terminating = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon' };
    draft.status = { ...draft.status, conditions: withCondition(draft.status?.conditions, terminating, now) };
    return draft;
  },

  /** Source: apiextensions validation ValidateCustomResourceDefinition. */
  beforeValidation: (crd, giveWay, old) => {
    const find = (): Promise<void> | undefined => validation.before(crd, giveWay, old);
    const isLoaded = (crd.spec?.versions ?? []).every(({ schema }) => !isRuled(schema?.openAPIV3Schema ?? {}));
    const loading = isLoaded ? undefined : loadRules();
    return loading ? loading.then(find) : find();
  },
  *validate(crd, _at, old) {
    yield* validation.now(crd, old);
  },
  *validateStatusUpdate({ status }, _old, path) {
    yield* namesProblems(status?.acceptedNames ?? {}, path('status')('acceptedNames'), false);
  },
  /** Formats that mean nothing to this server. */
  warnings(object, old) {
    const known = new Set(old ? formatsOf(old.spec) : []);
    return formatsOf(object.spec).filter((format) => !known.has(format)).map((format) => `unrecognized format ${JSON.stringify(format)}`);
  },

  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? null],
}); // prettier-ignore

/** In steps: megabytes of schemas, or many long rules, take seconds. */
const validation = steppedValidation<CustomResourceDefinition>(function* ({ metadata, spec, status }, old) {
  const path = fieldPath();
  const name = `${spec.names?.plural ?? ''}.${spec.group ?? ''}`;
  if (!metadata.resourceVersion && metadata.name && metadata.name !== name) yield invalid(path('metadata')('name'), metadata.name, 'must be spec.names.plural+"."+spec.group');
  yield* specProblems(spec, path('spec'), old?.spec);
  if (old) yield* changeProblems(spec, old, path('spec'));
  yield* namesProblems(status?.acceptedNames ?? {}, path('status')('acceptedNames'), false);
  yield* storedProblems(status?.storedVersions ?? [], spec, path('status')('storedVersions'));
  yield* approvalProblems(spec.group ?? '', metadata.annotations?.[APPROVED] ?? '', path('metadata')('annotations').key(APPROVED));
  if (spec.preserveUnknownFields) yield invalid(path('spec')('preserveUnknownFields'), true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead');
}); // prettier-ignore
/** What may not change once it is there. Source: validateCustomResourceDefinitionSpecUpdate. */
function* changeProblems(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinition, at: FieldPath): Errors {
  if (isConditionTrue(old, 'Established')) {
    yield* immutable(spec.scope, old.spec.scope, at('scope'));
    yield* immutable(spec.names.kind, old.spec.names.kind, at('names')('kind'));
  }
  yield* immutable(spec.group, old.spec.group, at('group'));
  yield* immutable(spec.names.plural, old.spec.names.plural, at('names')('plural'));
  const bundle = spec.conversion?.webhook?.clientConfig?.caBundle;
  const before = old.spec.conversion?.webhook?.clientConfig?.caBundle;
  if (bundle && isConditionTrue(old, 'Established') && (!before || caBundleProblem(before) === undefined)) {
    const why = caBundleProblem(bundle);
    if (why !== undefined) yield invalid(at('conversion')('webhookClientConfig')('caBundle'), bundle, why);
  }
} // prettier-ignore
/** The storage version joins those that objects may be stored in. */
function withStored(
  status: CustomResourceDefinitionStatus,
  spec: CustomResourceDefinitionSpec | undefined,
): CustomResourceDefinitionStatus {
  const name = spec?.versions?.find((v) => v.storage)?.name;
  const stored = status.storedVersions ?? [];
  return { ...status, ...(name !== undefined && !stored.includes(name) && { storedVersions: [...stored, name] }) };
}
function* storedProblems(stored: readonly string[], spec: CustomResourceDefinitionSpec, at: FieldPath): Errors {
  const versions = spec.versions ?? [];
  if (stored.length === 0) {
    yield invalid(at, null, 'must have at least one stored version');
    return;
  }
  // A version that is there twice is found once.
  const left = new Set(stored);
  for (const v of versions) {
    if (v.storage && !left.has(v.name)) yield invalid(at, stored, `must have the storage version ${v.name}`);
    left.delete(v.name);
  }
  for (const [i, name] of stored.entries())
    if (!versions.some((v) => v.name === name))
      yield invalid(
        at(i),
        name,
        `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
      );
}
/** Groups of the Kubernetes project need a note that they were approved. */
function* approvalProblems(group: string, note: string, at: FieldPath): Errors {
  const { reason, message } = approval(group, note) ?? {};
  if (reason === 'MissingAnnotation') yield required(at, message);
  else if (reason === 'InvalidAnnotation') yield invalid(at, note, message!);
}
function formatsOf(spec: CustomResourceDefinitionSpec | undefined): string[] {
  const schemas = (spec?.versions ?? []).flatMap((v) =>
    v.schema?.openAPIV3Schema ? [...schemasIn(v.schema.openAPIV3Schema)] : [],
  );
  return schemas.flatMap(({ format, type = '' }) => (format && !isKnownFormat(format, type) ? [format] : []));
}
