import { fromWorkedOn, whenConverted } from '../../../schemas/convert.ts';
import { copyJson } from '../../../schemas/meta/copy.ts';
import { apiVersionOf, type DynamicObject } from '../../../schemas/meta/object.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { applyServerSide, resetFieldsOf, type ServerSideApply } from '../../../schemas/patch/managed-fields/index.ts';
import { storageKey } from '../../../schemas/resource.ts';
import { decode } from '../../../schemas/structural/decode.ts';
import type { Answer, Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, conflict, notFound, plain } from '../errors.ts';
import { fieldValidation } from '../stages/decode.ts';
import type { Patch } from '../stages/parse-patch.ts';
import { entryTime, versionsOf, withinOf } from '../stages/managed-fields.ts';
import { givesWay } from '../stages/gives-way.ts';
import { matchName, matchNamespace } from '../stages/metadata.ts';
import { guaranteed, present } from '../stages/persist.ts';
import { createObject } from './create.ts';
import { parseVersion } from './get.ts';
import { isForced, unnamed } from './options.ts';
import { readPath, writePath } from './paths.ts';
import { isRecord } from './records.ts';
import { replace } from './update.ts';

/** Server-side apply. Source: apiserver pkg/endpoints/handlers/patch.go applyPatcher. */
export async function apply(
  core: Core,
  request: ResourceRequest,
  patch: Patch,
  options: Readonly<Record<string, unknown>>,
  printedVersion?: string,
): Promise<Answer> {
  const { resource, info, query } = request;
  const manager = query.get('fieldManager') ?? '';
  const config = patch.value;
  const given = isRecord(config) && isRecord(config['metadata']) ? config['metadata'] : {};
  const key = storageKey(resource, info.namespace, info.name);
  const subresource = request.subresource?.name ?? '';
  return guaranteed(core, key, resource, async (known) => {
    if (known.entry === undefined && subresource !== '') throw notFound(resource, info.name);
    const live = known.entry && (fromWorkedOn(resource, await present(resource, known.entry)) as Draft);
    const merge: ServerSideApply = {
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
      force: isForced(request),
      printedVersion,
      within: withinOf(request),
    };
    const giveWay = givesWay(core.world.clock);
    const isRemote = resource.definition.custom?.versions.isRemote === true;
    const { object, managedFields } = isRemote
      ? await whenConverted(() => applyServerSide(merge))
      : applyServerSide(merge);
    await giveWay();
    tellDuplicates(request, patch);
    if (live !== undefined && object === live) {
      // Nothing but ownership may have changed.
      const draft = copyJson(live);
      setManaged(draft, managedFields);
      return replace(core, request, known, draft, options, 'apply');
    }
    const draft = converted(core, request, object, given);
    zeroOfScale(request, draft);
    setManaged(draft, managedFields);
    await giveWay();
    if (!draft.metadata.name) throw unnamed(info.name);
    if (live === undefined) {
      if (typeof given['uid'] === 'string' && given['uid'] !== '')
        throw conflict(
          resource,
          info.name,
          `uid mismatch: the provided object specified uid ${given['uid']}, and no existing object was found`,
        );
      const version = draft.metadata.resourceVersion;
      parseVersion(version ?? null);
      delete draft.metadata.resourceVersion;
      matchNamespace(resource, info.namespace, draft);
      matchName(info.name, draft);
      const answer = await createObject(core, request, draft, { ...options, kind: 'CreateOptions' }, true);
      // Where nothing is stored nothing takes the place of the version that was sent.
      if (answer.type === 'object' && version) (answer.object as Draft).metadata.resourceVersion = version;
      return answer;
    }
    matchNamespace(resource, info.namespace, draft);
    matchName(info.name, draft);
    const version = parseVersion(typeof given['resourceVersion'] === 'string' ? given['resourceVersion'] : null) ?? 0;
    if (version !== 0 && version !== parseVersion(live.metadata.resourceVersion ?? null))
      throw conflict(resource, info.name);
    if (version === 0) delete draft.metadata.resourceVersion;
    return replace(core, request, known, draft, options, 'apply');
  });
}
/** A scale without replicas asks for none, whatever the default is elsewhere. */
function zeroOfScale({ resource, subresource }: ResourceRequest, draft: Draft): void {
  const path = resource.definition.scale?.specReplicas;
  if (subresource?.name === 'scale' && path !== undefined && readPath(draft, path) === undefined)
    writePath(draft, path, 0);
}
/** The merged object as one of its kind. Source: managedfields structuredMergeManager.Apply. */
function converted(
  core: Core,
  request: ResourceRequest,
  object: DynamicObject,
  given: Readonly<Record<string, unknown>>,
): Draft {
  const { resource } = request;
  try {
    const decoded = decode(object, resource.schema, core.schemasOf(resource), { fromMap: true });
    if (decoded.empties) request.saysEmpties = true;
    const draft = decoded.object;
    draft.metadata ??= {};
    return draft;
  } catch (error) {
    if (statusOf(error)?.reason !== 'BadRequest') throw error;
    const version = apiVersionOf(resource);
    const kind = `${version.includes('/') ? version : `/${version}`}, Kind=${resource.kind}`;
    const of = ['namespace', 'name'].map((key) => (typeof given[key] === 'string' ? given[key] : ''));
    throw plain(
      `failed to convert new object (${of.join('/')}; ${kind}) to proper version: unable to convert unstructured object to ${kind}: ${(error as Error).message}`,
    );
  }
}
/** Keys set twice in YAML: the last one counts. Source: apiserver pkg/endpoints/handlers/patch.go applyPatcher. */
function tellDuplicates(request: ResourceRequest, { strict }: Patch): void {
  if (strict.length === 0) return;
  const mode = fieldValidation(request);
  if (mode === 'Warn') request.warnings.push(...strict);
  else if (mode === 'Strict')
    throw badRequest(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n${strict.map((d) => `  ${d}`).join('\n')}`,
    );
}
function setManaged(draft: Draft, entries: NonNullable<Draft['metadata']['managedFields']>): void {
  if (entries.length > 0) draft.metadata.managedFields = entries;
  else delete draft.metadata.managedFields;
}
