import { NODE_SILENCE_MS, type PortForwardRequest } from '../../../bus/protocol/node.ts';
import { SessionStream } from '../../../bus/session-stream.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { endpoints, pods } from '../../runtime/resources.ts';
import type { Core, ForwardAnswer, ResourceRequest } from '../core.ts';
import { badRequest, methodNotAllowed, notFound } from '../errors.ts';
import { hostPort, type Backend, type BackendLocation } from '../outbound/backend.ts';
import { overBus } from '../outbound/over-bus.ts';
import { assertReachableName } from '../outbound/names.ts';
import { joinPaths } from '../outbound/rewrite.ts';
import { parsePath } from '../stages/request-info.ts';
import { kubeletLocation } from './kubelet-location.ts';
import { isOnBus, presenceOf } from './node-presence.ts';
import { locatePod, splitName } from './pod-location.ts';

type Located = BackendLocation & { readonly over?: Backend; readonly node?: string };
type Locate = (core: Core, request: ResourceRequest) => Located | Promise<Located>;
const unavailable = (why: string): ApiError => new ApiError('ServiceUnavailable', why);

/**
 * `name`, `name:port` or `scheme:name:port`, the port by number or by name; a pod that serves it.
 * Source: pkg/registry/core/service/storage ResourceLocation.
 */
const locateService: Locate = (core, { resource, info }) => {
  const { scheme, name, port: given } = splitName(info.name, 'service');
  let port = given;
  if (/^[+-]?\d+$/.test(given)) {
    const service = core.cache.get<Service & { metadata: { name: string } }>(resource, info.namespace, name);
    if (service === undefined) throw notFound(resource, name);
    const declared = (service.spec?.ports ?? []).find((p) => p.port === Number(given));
    if (declared === undefined) throw unavailable(`no service port ${Number(given)} found for service ${JSON.stringify(name)}`);
    port = declared.name ?? '';
  }
  const found = core.cache.get<Endpoints>(core.registry.lookup(endpoints)!, info.namespace, name);
  if (found === undefined) throw notFound(resource, name);
  if ((found.subsets ?? []).length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  for (const subset of found.subsets ?? []) {
    const open = (subset.ports ?? []).find((p) => (p.name ?? '') === port);
    if (open === undefined) continue;
    for (const { ip, targetRef } of subset.addresses ?? []) {
      // Only to pods, so that nobody reaches through here what he may not.
      if (targetRef?.namespace !== info.namespace) continue;
      const pod = core.cache.get<Pod>(core.registry.lookup(pods)!, info.namespace, targetRef.name ?? '');
      if (pod?.status?.podIPs?.some((own) => own.ip === ip)) return reached(core, pod, { scheme, host: ip, port: open.port });
    }
  }
  throw unavailable(`no endpoints available for service ${JSON.stringify(info.name)}`);
}; // prettier-ignore

/** The kubelet of the node, or whatever listens on another port there. Source: pkg/registry/core/node ResourceLocation. */
const locateNode: Locate = async (core, { resource, info }) => {
  const { scheme, name, port } = splitName(info.name, 'node');
  const node = kubeletLocation(core, name, resource);
  const own = port === '' || port === String(node.port);
  if (own && (await isOnBus(core.bus, name)))
    return { ...node, node: name, over: overBus(core.bus, subjects.node(name, 'http'), `the agent of node ${name}`) };
  await assertReachableName(node.host);
  return own ? node : { scheme, host: node.host, port: portOf(port) };
};
const portOf = (text: string): number => {
  if (!/^\d+$/.test(text)) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return Number(text);
};

const locatePodReached: Locate = (core, request) => {
  const to = locatePod(core, request);
  const { name } = splitName(request.info.name, 'pod');
  return reached(core, core.cache.get<Pod>(request.resource, request.info.namespace, name), to);
};

const LOCATORS: Readonly<Record<string, Locate>> = {
  services: locateService,
  pods: locatePodReached,
  nodes: locateNode,
};

/** All methods. */
export async function proxy(core: Core, request: ResourceRequest): Promise<ForwardAnswer> {
  const locate = LOCATORS[request.resource.resource];
  if (locate === undefined) throw methodNotAllowed();
  await core.barrier();
  const { over, node, ...to } = await locate(core, request);
  return { type: 'forward', to, path: pathOf(request), upgradeOnly: false, ...(over && { over }), ...(node && { node }) }; // prettier-ignore
}
/** What follows `/proxy`. Source: apiserver pkg/endpoints/handlers getRequestOptions, JoinPreservingTrailingSlash. */
function pathOf({ info }: ResourceRequest): string {
  const { rest } = parsePath(info.path);
  const slash = info.path.endsWith('/') ? '/' : '';
  return rest === '' ? slash : joinPaths('', `${decoded(rest)}${slash}`);
}
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The address of a pod that is only said to run may be a stranger's: its node's agent is asked for a connection. */
const throughAgent =
  (core: Core, node: string, { metadata }: Pod): Backend =>
  async (request) => {
    const { to } = request;
    const refused = `dial tcp ${hostPort(to)}: connect: connection refused`;
    if (to.scheme === 'https') throw new Error(refused);
    const { namespace = '', name = '' } = metadata;
    const wanted: PortForwardRequest = { namespace, name, ip: to.host, port: to.port };
    const session = await core.bus
      .open(subjects.node(node, 'portforward'), wanted, { silenceMs: NODE_SILENCE_MS })
      .catch((cause: unknown) => {
        throw new Error(refused, { cause });
      });
    return core.backend({ ...request, connection: new SessionStream(session) });
  };
async function reached(core: Core, pod: Pod | undefined, to: BackendLocation): Promise<Located> {
  const node = pod?.spec?.nodeName ?? '';
  const agent = node === '' ? undefined : await presenceOf(core.bus, node);
  return pod !== undefined && agent?.reachable === false ? { ...to, over: throughAgent(core, node, pod) } : to;
}
