import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { AttachRequest } from '../../../bus/protocol/node.ts';
import type { Answer, Core, ForwardAnswer, ResourceRequest } from '../core.ts';
import type { Connecting } from '../../runtime/streaming/connecting.ts';
import { badRequest, forbidden, internalError, notFound } from '../errors.ts';
import { kubeletLocation } from './kubelet-location.ts';
import { containerOf, flag } from './log.ts';

/** As the kubelet calls it. Source: pkg/registry/core/pod/rest/subresources.go. */
const PATHS: Readonly<Record<string, string>> = { exec: 'exec', attach: 'attach', portforward: 'portForward' };

/**
 * Exec, attach and port-forward: the connection is passed on to the kubelet, once it speaks another protocol.
 * Source: pkg/registry/core/pod/strategy.go ExecLocation, PortForwardLocation.
 */
export async function connect(core: Core, request: ResourceRequest): Promise<Answer> {
  const { resource, info, query } = request;
  const what = request.subresource?.name ?? '';
  await assertMayCreate(core, request);
  if (what === 'portforward') checkPorts(query);
  await core.barrier();
  const pod = core.cache.get<Pod & { metadata: { name: string } }>(resource, info.namespace, info.name);
  if (pod === undefined) throw notFound(resource, info.name);
  const container = what === 'portforward' ? '' : `/${containerOf(pod, query.get('container') ?? '')}`;
  const node = pod.spec?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${info.name} does not have a host assigned`);
  const otherwise: ForwardAnswer = {
    type: 'forward',
    to: kubeletLocation(core, node, resource),
    path: `/${PATHS[what] ?? what}/${info.namespace}/${info.name}${container}`,
    query: parameters(what, query),
    upgradeOnly: true,
    ...(what !== 'portforward' && { output: { stdout: flag(query, 'stdout'), stderr: flag(query, 'stderr') } }),
  };
  const named = { namespace: info.namespace, name: info.name, uid: pod.metadata.uid };
  const asks =
    what === 'portforward'
      ? ({ op: what, pod: named, ports: query.getAll('ports').map(Number) } as const)
      : asksOf(what, named, container.slice(1), query);
  return { type: 'connect', node, asks, otherwise };
}
type Named = Pick<AttachRequest, 'namespace' | 'name' | 'uid'>;
/** Source: cri-streaming remotecommand NewOptions. */
function asksOf(what: string, pod: Named, container: string, query: URLSearchParams): Connecting {
  const tty = flag(query, 'tty');
  const streams = { stdin: flag(query, 'stdin'), stdout: flag(query, 'stdout'), stderr: flag(query, 'stderr') && !tty, tty }; // prettier-ignore
  const request = { ...pod, container, ...streams };
  return what === 'exec' ? { op: 'exec', request: { ...request, command: query.getAll('command') } } : { op: 'attach', request }; // prettier-ignore
}
/** Who may only get may look, and not run. Source: pkg/registry/core/pod/rest/authorize.go ensureAuthorizedForVerb. */
async function assertMayCreate({ authorizer }: Core, { info, user }: ResourceRequest): Promise<void> {
  if (info.verb === 'create') return;
  const { allowed, reason, error } = await authorizer.authorize(user, { ...info, verb: 'create' });
  if (allowed === 'yes') return;
  if (error !== undefined) throw internalError(error);
  throw forbidden({ group: info.group, resource: info.resource }, info.name, reason);
}
/** Source: streamParams. */
function parameters(what: string, query: URLSearchParams): string {
  const out = new URLSearchParams();
  if (what === 'portforward') {
    const ports = query.getAll('ports');
    if (ports.length > 0) out.set('port', ports.join(','));
    return out.toString();
  }
  for (const [name, there] of [['stdin', 'input'], ['stdout', 'output'], ['stderr', 'error'], ['tty', 'tty']] as const)
    if (flag(query, name)) out.set(there, '1');
  for (const command of query.getAll('command')) out.append('command', command);
  out.sort();
  return out.toString();
} // prettier-ignore
const MAX_PORT = 65_535;
/** Source: apimachinery pkg/conversion/queryparams, of the options' []int32. */
function checkPorts(query: URLSearchParams): void {
  for (const port of query.getAll('ports')) {
    const why = !/^\d+$/.test(port) ? 'invalid syntax' : Number(port) > MAX_PORT ? 'value out of range' : '';
    if (why !== '')
      throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(port)}: ${why}`);
  }
}
