import type { ApiRequest } from '../request.ts';
import type { Draft, ResourceRequest } from '../core.ts';
import { badRequest, invalidKind } from '../errors.ts';
import { fieldPath, forbidden, notSupported, required, type FieldError } from '../../../schemas/meta/field.ts';
import { validateFieldManager } from '../../../schemas/meta/metadata.ts';

type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';

/** The write options of the query, checked. Throws Invalid. Source: apimachinery pkg/apis/meta/v1/validation. */
export function writeOptions(request: ApiRequest, kind: OptionsKind): Readonly<Record<string, unknown>> {
  const { query } = request;
  const options: Record<string, unknown> = { kind, apiVersion: 'meta.k8s.io/v1' };
  if (query.size === 0 && request.patchType !== 'apply') return options;
  const errors: FieldError[] = [];
  const manager = query.get('fieldManager') ?? '';
  if (kind === 'PatchOptions') {
    if (query.has('force')) options['force'] = isForced(request);
    if (request.patchType === 'apply') {
      if (manager === '') errors.push(required(fieldPath('fieldManager'), 'is required for apply patch'));
    } else if (query.has('force'))
      errors.push(forbidden(fieldPath('force'), 'may not be specified for non-apply patch'));
  }
  if (manager !== '') {
    options['fieldManager'] = manager;
    errors.push(...validateFieldManager(manager, fieldPath('fieldManager')));
  }
  const dryRun = query.getAll('dryRun');
  if (dryRun.length > 0) {
    options['dryRun'] = dryRun;
    if (dryRun.some((v) => v !== 'All')) errors.push(notSupported(fieldPath('dryRun'), dryRun, ['All']));
  }
  const validation = query.get('fieldValidation') ?? '';
  if (validation !== '') {
    options['fieldValidation'] = validation;
    if (!['Ignore', 'Warn', 'Strict'].includes(validation))
      errors.push(notSupported(fieldPath('fieldValidation'), validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  if (errors.length > 0) throw invalidKind('meta.k8s.io', kind, '', errors);
  return options;
}
/** Whatever does not say no. Source: apimachinery pkg/runtime conversion.go Convert_Slice_string_To_Pointer_bool. */
export function isForced({ query }: ApiRequest): boolean {
  const given = query.get('force');
  return given !== null && given !== '0' && given.toLowerCase() !== 'false';
}
/** Source: apiserver pkg/endpoints/handlers/create.go managerOrUserAgent. */
export function managerOf(request: ApiRequest): string {
  const given = request.query.get('fieldManager') ?? '';
  if (given !== '') return given;
  const agent = request.userAgent.split('/')[0] ?? '';
  return [...agent].filter((c) => c >= ' ' && c !== '\u007f').join('').slice(0, 128) || 'unknown'; // prettier-ignore
}
/** Source: apiserver pkg/endpoints/handlers/rest.go dedupOwnerReferences. */
export function dedupOwners(request: ResourceRequest, draft: Draft): void {
  const owners = draft.metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const kept = owners.filter((o) => {
    const id = JSON.stringify([
      o.apiVersion,
      o.kind,
      o.name,
      o.uid,
      o.controller ?? null,
      o.blockOwnerDeletion ?? null,
    ]);
    return !seen.has(id) && seen.add(id);
  });
  if (kept.length === owners.length) return;
  draft.metadata.ownerReferences = kept;
  request.warnings.push(
    '.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ' +
      [...new Set(owners.filter((o, i) => owners.findIndex((p) => p.uid === o.uid) !== i).map((o) => o.uid))].join(
        ', ',
      ),
  );
}
/** Of the result of a patch. Source: apiserver pkg/endpoints/handlers/rest.go checkName. */
export const unnamed = (name: string): Error =>
  badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
/** Metadata that the store never holds. */
export function dropUnserved(draft: Draft): Draft {
  delete draft.metadata.selfLink;
  return draft;
}
