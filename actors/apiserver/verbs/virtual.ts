import { apiVersionOf } from '../../../schemas/meta/object.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { methodNotAllowed } from '../errors.ts';
import { decodeObject } from '../stages/decode.ts';
import { asPrinted } from '../stages/empties.ts';
import { trackManagedFields } from '../stages/managed-fields.ts';
import { matchNamespace, wipeSystemFields } from '../stages/metadata.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { expectedKind } from '../subresources/expected.ts';
import { writeOptions } from './options.ts';

/** Reviews and tokens: made for the answer, stored nowhere. */
export async function createVirtual(core: Core, request: ResourceRequest): Promise<Answer> {
  const { resource, subresource } = request;
  const key = subresource === undefined ? resource.resource : `${resource.resource}/${subresource.name}`;
  const make = core.virtualCreates.get(key);
  if (make === undefined) throw methodNotAllowed();
  const group = subresource?.responseGroup ?? resource.group;
  const version = subresource?.responseVersion ?? resource.version;
  const expected =
    subresource === undefined ? resource : expectedKind(apiVersionOf({ group, version }), subresource.kind);
  const object = await decodeObject(core, request, expected);
  // A request for a token may say of which account, by its uid.
  if (subresource === undefined) wipeSystemFields(object);
  matchNamespace(resource, request.info.namespace, object);
  make.defaults?.(object);
  const tracked = subresource === undefined ? resource : { ...resource, group, version, schema: expected.schema };
  await trackManagedFields(core, { ...request, resource: tracked }, undefined, object);
  const { name } = request.info;
  const input: AdmissionInput = {
    operation: 'CREATE', resource, subresource, name, object, old: undefined, options: writeOptions(request, 'CreateOptions'),
  }; // prettier-ignore
  await mutate(core, request, input);
  await validateAdmission(core, request, input);
  return {
    type: 'object',
    code: 201,
    object: await make(request, asPrinted(core, request, tracked, object)),
    resource,
  };
}
