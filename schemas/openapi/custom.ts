import type { Resource } from '../resource.ts';
import { publishedSchema, type Publishing } from './custom-schema.ts';
import { schemaObject, type Json } from './definitions.ts';
import type { OperationFact, PathFact } from './operations.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const PRODUCES = ['application/json', 'application/yaml'];
const LIST_PARAMETERS = [
  'allowWatchBookmarks', 'continue', 'fieldSelector', 'labelSelector', 'limit', 'resourceVersion', 'resourceVersionMatch',
  'sendInitialEvents', 'shardSelector', 'timeoutSeconds', 'watch',
]; // prettier-ignore
const WRITE_PARAMETERS = ['body', 'dryRun', 'fieldManager', 'fieldValidation'];
const DELETE_PARAMETERS = ['body', 'dryRun', 'gracePeriodSeconds', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'orphanDependents', 'propagationPolicy']; // prettier-ignore

/** `example.com`, `v1`, `Widget` -> `com.example.v1.Widget`. */
export const customName = (r: { readonly group: string; readonly version: string }, kind: string): string =>
  [...r.group.split('.').reverse(), r.version, kind].join('.');

/** The paths of a custom resource, as facts/paths.json has those of the built-in ones. */
export function customPaths(r: Resource): Record<string, PathFact> {
  const root = `/apis/${r.group}/${r.version}`;
  const scoped = r.namespaced ? `${root}/namespaces/{namespace}/${r.resource}` : `${root}/${r.resource}`;
  const common = r.namespaced ? ['namespace', 'pretty'] : ['pretty'];
  const own = customName(r, r.kind);
  const list = customName(r, r.listKind);
  const status = `${META}.Status`;
  const operation = (
    verb: string,
    action: string,
    responses: Record<string, string>,
    parameters: readonly string[],
    more: Partial<OperationFact> & { readonly suffix?: string } = {},
  ): OperationFact => {
    const { suffix = '', ...rest } = more;
    const id = `${verb}${pascal(r.group)}${pascal(r.version)}${r.namespaced ? 'Namespaced' : ''}${r.kind}${suffix}`;
    return {
      id,
      action,
      gvk: `${r.group}|${r.kind}|${r.version}`,
      produces: PRODUCES,
      ...(parameters.length > 0 && { parameters }),
      responses: { ...responses, 401: '' },
      ...rest,
    };
  };
  const patch = (of: string, more?: Partial<OperationFact> & { readonly suffix?: string }): OperationFact =>
    operation('patch', 'patch', { 200: of }, [...WRITE_PARAMETERS, 'force'], {
      consumes: ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'],
      ...more,
    });
  const paths: Record<string, PathFact> = {
    [scoped]: {
      parameters: common,
      methods: {
        get: operation('list', 'list', { 200: list }, LIST_PARAMETERS),
        post: operation('create', 'post', { 200: own, 201: own, 202: own }, WRITE_PARAMETERS),
        delete: operation('deleteCollection', 'deletecollection', { 200: status }, LIST_PARAMETERS),
      },
    },
    [`${scoped}/{name}`]: {
      parameters: ['name', ...common],
      methods: {
        get: operation('read', 'get', { 200: own }, ['resourceVersion']),
        put: operation('replace', 'put', { 200: own, 201: own }, WRITE_PARAMETERS),
        delete: operation('delete', 'delete', { 200: status, 202: status }, DELETE_PARAMETERS),
        patch: patch(own),
      },
    },
  };
  for (const sub of r.subresources.values()) {
    const isScale = sub.name === 'scale';
    const body = isScale ? 'io.k8s.api.autoscaling.v1.Scale' : own;
    const more = { suffix: pascal(sub.name), ...(isScale && { gvk: 'autoscaling|Scale|v1' }) };
    paths[`${scoped}/{name}/${sub.name}`] = {
      parameters: ['name', ...common],
      methods: {
        get: operation('read', 'get', { 200: body }, ['resourceVersion'], more),
        put: operation('replace', 'put', { 200: body, 201: body }, WRITE_PARAMETERS, more),
        patch: patch(body, more),
      },
    };
  }
  if (r.namespaced)
    paths[`${root}/${r.resource}`] = {
      parameters: ['pretty', ...LIST_PARAMETERS],
      methods: { get: operation('list', 'list', { 200: list }, [], { suffix: 'ForAllNamespaces' }) },
    };
  return paths;
}
const pascal = (name: string): string => name.split(/[.-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''); // prettier-ignore

const DESCRIBED = 'io.k8s.api.core.v1.PodList';
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** Definitions of a custom resource and its list. `original` is the CRD's openAPIV3Schema. */
export function customDefinitions(
  r: Resource,
  original: Json | undefined,
  publishing: Publishing,
): Record<string, Json> {
  const { dialect, refs, describe } = publishing;
  const gvk = (kind: string): Json => ({ 'x-kubernetes-group-version-kind': [{ group: r.group, kind, version: r.version }] }); // prettier-ignore
  const about = describe?.(DESCRIBED)?.fields;
  const text = (name: string): Json => schemaObject({ type: 'string' }, dialect, refs, about?.get(name));
  return {
    [customName(r, r.kind)]: { ...publishedSchema(original, publishing), ...gvk(r.kind) },
    [customName(r, r.listKind)]: {
      description: `${r.listKind} is a list of ${r.kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: text('apiVersion'),
        kind: text('kind'),
        metadata: schemaObject(
          { ref: `${META}.ListMeta` },
          dialect,
          refs,
          `Standard list metadata. More info: ${CONVENTIONS}#types-kinds`,
        ),
        items: {
          description: `List of ${r.resource}. More info: ${CONVENTIONS}`,
          type: 'array',
          items: { $ref: dialect.prefix + customName(r, r.kind) },
        },
      },
      ...gvk(r.listKind),
    },
  };
}
