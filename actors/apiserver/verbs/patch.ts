import { fromStorage } from '../../../schemas/convert.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { applyJsonPatch } from '../../../schemas/patch/json-patch.ts';
import { applyMergePatch } from '../../../schemas/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../../schemas/patch/strategic-merge.ts';
import { storageKey } from '../../../schemas/resource.ts';
import type { Answer, Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { decodePatched, parsePatch } from '../stages/decode-patch.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed, retry } from '../stages/persist.ts';
import { apply } from './apply.ts';
import { parseVersion } from './get.ts';
import { writeOptions } from './options.ts';
import { replace } from './update.ts';

/** Source: apiserver pkg/endpoints/handlers/patch.go. */
export async function patch(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'PatchOptions');
  const { resource, info, patchType } = request;
  if (patchType === 'strategic' && core.isCustom(resource)) throw strategicOnCustom();
  const value = await parsePatch(request);
  if (patchType === 'apply') return apply(core, request, value, options);
  const key = storageKey(resource, info.namespace, info.name);
  let conflicts = 0;
  return guaranteed(core, key, resource, async (known) => {
    if (known.entry === undefined) throw notFound(resource, info.name);
    const old = fromStorage(resource, known.entry.object) as Draft;
    const patched = applyPatch(core, request, old, value);
    const draft = decodePatched(core, request, patched, old, value, resource);
    if (!draft.metadata.name) throw unnamed(info.name);
    matchNamespace(resource, info.namespace, draft);
    matchName(info.name, draft);
    const version = parseVersion(draft.metadata.resourceVersion ?? null) ?? 0;
    if (version !== 0 && version !== known.entry.revision) throw conflict(resource, info.name);
    delete draft.metadata.resourceVersion;
    const answer = await replace(core, request, known, draft, options, 'patch');
    if (answer === retry && ++conflicts > 100) throw conflict(resource, info.name);
    return answer;
  });
}
/** Source: apiserver pkg/endpoints/handlers/negotiation errors.go NewUnsupportedMediaTypeError. */
const strategicOnCustom = (): Error =>
  new ApiError(
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  );
const unnamed = (name: string): Error =>
  badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);

/** The patched object, not decoded yet. Throws what the patch's kind refuses. */
export function applyPatch(core: Core, request: ResourceRequest, old: Draft, value: unknown): unknown {
  switch (request.patchType) {
    case 'json':
      return applyJsonPatch(old, value);
    case 'merge':
      return applyMergePatch(old, value);
    case 'strategic':
      return applyStrategicMergePatch(old, value, request.resource.schema, core.schemasOf(request.resource));
    default:
      throw new ApiError('UnsupportedMediaType', '415: Unsupported Media Type', { details: {} });
  }
}
