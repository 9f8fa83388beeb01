import { fromStorage, whenConverted } from '../../schemas/convert.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { Resource } from '../../schemas/resource.ts';
import { SELF, type Answer, type Core, type ResourceRequest } from './core.ts';
import type { Loopback, RequestInfo } from './request.ts';
import { apply } from './verbs/apply.ts';
import { create } from './verbs/create.ts';
import { deleteObject } from './verbs/delete.ts';
import { writeOptions } from './verbs/options.ts';
import { update } from './verbs/update.ts';

const NO_QUERY = new URLSearchParams();
const OWN_NAME = 'kube-apiserver';

/** The same verbs as for anyone, entered behind authorization. */
export function createLoopback(core: Core, manager: string = OWN_NAME): Loopback {
  const signal = new AbortController().signal;
  const request = (
    resource: Resource,
    verb: string,
    namespace: string,
    name: string,
    object?: KubeObject,
    subresource = '',
  ): ResourceRequest => {
    const info: RequestInfo = {
      isResource: true, path: '', verb, group: resource.group, version: resource.version, resource: resource.resource,
      subresource, namespace, name,
    }; // prettier-ignore
    return {
      info, user: SELF, query: NO_QUERY, userAgent: manager, signal, warnings: [], resource,
      subresource: resource.subresources.get(subresource),
      body: object && { value: object }, fence: undefined, watchEncoding: undefined,
    }; // prettier-ignore
  };
  const result = async <T extends KubeObject>(answer: Answer): Promise<T> => {
    if (answer.type === 'entry')
      return (await whenConverted(() => fromStorage(answer.resource, answer.entry.object))) as T;
    return (answer as { object: unknown }).object as T;
  };
  return {
    create: async (resource, object) =>
      result(await create(core, request(resource, 'create', object.metadata.namespace ?? '', '', object))),
    update: async (resource, object, subresource) => {
      const { namespace = '', name = '' } = object.metadata;
      return result(await update(core, request(resource, 'update', namespace, name, object, subresource)));
    },
    apply: async (resource, config, subresource) => {
      const { namespace = '', name = '' } = config.metadata;
      const forced: ResourceRequest = {
        ...request(resource, 'patch', namespace, name, undefined, subresource),
        patchType: 'apply',
        query: new URLSearchParams({ fieldManager: manager, force: 'true' }),
      };
      return result(await apply(core, forced, { value: config, strict: [] }, writeOptions(forced, 'PatchOptions')));
    },
    as: (other) => createLoopback(core, other),
    delete: async (resource, namespace, name) => {
      await deleteObject(core, request(resource, 'delete', namespace, name), {});
    },
  };
}
