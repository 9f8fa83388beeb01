import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { badRequest, notFound } from '../errors.ts';
import { containerOf } from './log.ts';

/**
 * Exec, attach and port-forward without an upgrade of the connection: all that can be told is what is wrong.
 * Source: pkg/registry/core/pod/strategy.go ExecLocation, PortForwardLocation.
 */
export async function connect(core: Core, request: ResourceRequest): Promise<Answer> {
  const { resource, info, query, subresource } = request;
  if (subresource?.name === 'portforward') checkPorts(query);
  await core.barrier();
  const pod = core.cache.get<Pod & { metadata: { name: string } }>(resource, info.namespace, info.name);
  if (pod === undefined) throw notFound(resource, info.name);
  if (subresource?.name !== 'portforward') containerOf(pod, query.get('container') ?? '');
  const node = pod.spec?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${info.name} does not have a host assigned`);
  const nodes = core.registry.lookup({ group: '', version: 'v1', resource: 'nodes' })!;
  if (core.cache.get(nodes, '', node) === undefined) throw notFound({ group: '', resource: 'pods' }, node);
  throw new ApiError('BadRequest', 'Upgrade request required');
}
/** Source: apimachinery pkg/conversion/queryparams, of the options' []int32. */
function checkPorts(query: URLSearchParams): void {
  for (const port of query.getAll('ports'))
    if (!/^\d+$/.test(port))
      throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(port)}: invalid syntax`);
}
