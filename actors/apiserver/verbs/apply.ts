import { fromStorage } from '../../../schemas/convert.ts';
import { fieldPath, required } from '../../../schemas/meta/field.ts';
import { applyServerSide, resetFieldsOf } from '../../../schemas/patch/managed-fields/index.ts';
import { storageKey } from '../../../schemas/resource.ts';
import type { Answer, Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, conflict, invalidKind, notFound } from '../errors.ts';
import { decodeParsed } from '../stages/decode.ts';
import { entryTime, versionsOf } from '../stages/managed-fields.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed } from '../stages/persist.ts';
import { createObject } from './create.ts';
import { isRecord } from './records.ts';
import { replace } from './update.ts';

/** Server-side apply. Source: apiserver pkg/endpoints/handlers/patch.go applyPatcher. */
export async function apply(
  core: Core,
  request: ResourceRequest,
  config: unknown,
  options: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { resource, info, query } = request;
  const manager = query.get('fieldManager') ?? '';
  if (manager === '')
    throw invalidKind('meta.k8s.io', 'PatchOptions', '', [
      required(fieldPath('fieldManager'), 'is required for apply patch'),
    ]);
  const given = isRecord(config) && isRecord(config['metadata']) ? config['metadata'] : {};
  const name = given['name'];
  if (typeof name === 'string' && name !== '' && name !== info.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
  const key = storageKey(resource, info.namespace, info.name);
  const subresource = request.subresource?.name ?? '';
  return guaranteed(core, key, resource, async (known) => {
    if (known.entry === undefined && subresource !== '') throw notFound(resource, info.name);
    const live = known.entry && (fromStorage(resource, known.entry.object) as Draft);
    const { object, managedFields } = applyServerSide({
      live,
      config,
      manager,
      subresource,
      now: entryTime(core, subresource),
      schema: resource.schema,
      set: core.schemasOf(resource),
      reset: resetFieldsOf(resource, subresource, core.isCustom(resource)),
      versionOf: versionsOf(core, resource),
      kind: resource,
      force: ['true', '1', 'True', 'TRUE', 't', 'T'].includes(query.get('force') ?? ''),
    });
    if (live !== undefined && object === live) {
      // Nothing but ownership may have changed.
      const draft = structuredClone(live);
      setManaged(draft, managedFields);
      return replace(core, request, known, draft, options, 'apply');
    }
    const draft = decodeParsed(core, request, { value: { ...object }, duplicates: [] }, resource);
    setManaged(draft, managedFields);
    if (live === undefined) {
      if (typeof given['uid'] === 'string' && given['uid'] !== '')
        throw conflict(
          resource,
          info.name,
          `uid mismatch: the provided object specified uid ${given['uid']}, and no existing object was found`,
        );
      delete draft.metadata.resourceVersion;
      matchNamespace(resource, info.namespace, draft);
      matchName(info.name, draft);
      return createObject(core, request, draft, { ...options, kind: 'CreateOptions' }, true);
    }
    matchNamespace(resource, info.namespace, draft);
    matchName(info.name, draft);
    const version = given['resourceVersion'];
    if (typeof version === 'string' && version !== '' && version !== live.metadata.resourceVersion)
      throw conflict(resource, info.name);
    if (version === undefined) delete draft.metadata.resourceVersion;
    return replace(core, request, known, draft, options, 'apply');
  });
}
function setManaged(draft: Draft, entries: NonNullable<Draft['metadata']['managedFields']>): void {
  if (entries.length > 0) draft.metadata.managedFields = entries;
  else delete draft.metadata.managedFields;
}
