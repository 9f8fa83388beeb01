import { fromStorage } from '../../../schemas/convert.ts';
import { printYaml } from '../../../schemas/codec/yaml-print.ts';
import { apiVersionOf, type DynamicObject, type KubeObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { WholeAnswer, Core, ListAnswer } from '../core.ts';
import type { Accepted } from '../doors/https/accept.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';
import { jsonOf, listJson, listMetadata, objectJson } from './json.ts';
import { partialJson, partialListJson, partialOf, tableJson } from './transforms.ts';

/** The bytes of an answer as JSON, from the caches wherever there are any. */
export function renderJson(core: Core, answer: WholeAnswer, accepted: Accepted, query: URLSearchParams): Buffer {
  const isFailure = answer.type === 'object' && (answer.resource === undefined || isStatus(answer.object));
  if (isFailure) return line(answer.object);
  switch (accepted.as) {
    case 'Table':
      return tableJson(core, answer, accepted.version, query.get('includeObject') ?? 'Metadata');
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      if (answer.type === 'list') return partialListJson(answer, accepted.version);
      if (answer.type === 'entry')
        return Buffer.concat([partialJson(answer.resource, answer.entry, accepted.version), NEWLINE]);
      return line(partialOf(answer.resource, answer.object as KubeObject, accepted.version));
    default:
  }
  switch (answer.type) {
    case 'entry':
      return jsonOf(answer.resource, answer.entry);
    case 'list':
      return listJson(answer, core.isCustom(answer.resource));
    case 'object':
      return answer.resource !== undefined && isOf(answer.resource, answer.object)
        ? objectJson(answer.resource, answer.object as KubeObject)
        : line(answer.object);
  }
}
/** Answers of subresources are of other kinds than the resource. */
const isOf = (resource: Resource, object: object): boolean => (object as KubeObject).kind === resource.kind;
const NEWLINE = Buffer.from('\n');
const line = (object: object): Buffer => Buffer.from(`${goJson(object)}\n`);
export const isStatus = (object: object): boolean => (object as { kind?: string }).kind === 'Status';

/** The same as an object, for media types that are made from one. */
export function renderObject(core: Core, answer: WholeAnswer, accepted: Accepted, query: URLSearchParams): object {
  if (accepted.as !== '') return JSON.parse(renderJson(core, answer, accepted, query).toString()) as object;
  switch (answer.type) {
    case 'entry':
      return fromStorage(answer.resource, answer.entry.object);
    case 'object':
      return answer.object;
    case 'list':
      return listObject(answer, core.isCustom(answer.resource));
  }
}
function listObject(answer: ListAnswer, custom: boolean): object {
  const { resource } = answer;
  return {
    kind: resource.listKind,
    apiVersion: apiVersionOf(resource),
    metadata: listMetadata(answer),
    items: answer.entries.map((entry) => {
      const object = fromStorage(resource, entry.object) as DynamicObject;
      if (custom) return object;
      const { kind: _kind, apiVersion: _version, ...rest } = object;
      return rest;
    }),
  };
}
export const yamlOf = (object: object): string => printYaml(object);
