import { fromWorkedOn } from '../../../schemas/convert.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { storageKey } from '../../../schemas/resource.ts';
import type { Answer, Core, Draft, ResourceRequest } from '../core.ts';
import { conflict, notFound } from '../errors.ts';
import { applyPatch, decodePatched } from '../stages/decode-patch.ts';
import { givesWay } from '../stages/gives-way.ts';
import { parsePatch } from '../stages/parse-patch.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed, present, retry } from '../stages/persist.ts';
import { apply } from './apply.ts';
import { parseVersion } from './get.ts';
import { unnamed, writeOptions } from './options.ts';
import { replace } from './update.ts';

/** Source: apiserver pkg/endpoints/handlers/patch.go. */
export async function patch(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'PatchOptions');
  const { resource, info, patchType } = request;
  if (patchType === 'strategic' && core.isCustom(resource)) throw strategicOnCustom();
  const parsed = await parsePatch(request);
  if (patchType === 'apply') return apply(core, request, parsed, options);
  const key = storageKey(resource, info.namespace, info.name);
  let conflicts = 0;
  return guaranteed(core, key, resource, async (known) => {
    if (known.entry === undefined) throw notFound(resource, info.name);
    const old = fromWorkedOn(resource, await present(resource, known.entry)) as Draft;
    const giveWay = givesWay(core.world.clock);
    const patched = applyPatch(core, request, old, parsed.value, resource);
    await giveWay();
    const draft = decodePatched(core, request, patched, old, parsed, resource);
    await giveWay();
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
