import type { Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { endpoints, pods } from '../../runtime/resources.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { badRequest, methodNotAllowed, notFound } from '../errors.ts';
import { locatePod } from './pod-location.ts';

type Locate = (core: Core, request: ResourceRequest) => { readonly host: string; readonly port: number };
const SCHEMES = ['', 'http', 'https'];
const unavailable = (why: string): ApiError => new ApiError('ServiceUnavailable', why);

/**
 * `name`, `name:port` or `scheme:name:port`, the port by number or by name; a pod that serves it.
 * Source: pkg/registry/core/service/storage ResourceLocation.
 */
const locateService: Locate = (core, { resource, info }) => {
  const parts = info.name.split(':');
  const [scheme = '', name = '', given = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (parts.length > 3 || name === '' || !SCHEMES.includes(scheme))
    throw badRequest(`invalid service request ${JSON.stringify(info.name)}`);
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
      if (pod?.status?.podIPs?.some((own) => own.ip === ip)) return { host: ip, port: open.port };
    }
  }
  throw unavailable(`no endpoints available for service ${JSON.stringify(info.name)}`);
}; // prettier-ignore

const LOCATORS: Readonly<Record<string, Locate>> = { services: locateService, pods: locatePod };

/** All methods. A pod's network is not the API server's: what can be told is why nothing is reached. */
export async function proxy(core: Core, request: ResourceRequest): Promise<Answer> {
  const locate = LOCATORS[request.resource.resource];
  if (locate === undefined) throw methodNotAllowed();
  await core.barrier();
  const { host, port } = locate(core, request);
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  throw unavailable(`error trying to reach service: dial tcp ${address}: connect: no route to host`);
}
