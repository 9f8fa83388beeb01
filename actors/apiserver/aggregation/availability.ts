import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { endpointSlices, services } from '../../runtime/resources.ts';
import { attempt, resourceOf, type Ground } from '../bootstrap/ensure.ts';
import { hostPort } from '../outbound/backend.ts';
import { API_SERVICES, type RemoteService, type RemoteServices } from './registered.ts';
import { createRetried, type Retried } from './retried.ts';
import type { Transports } from './transport.ts';

/** Source: kube-aggregator pkg/controllers/status/remote remote_available_controller.go. */
const PACE = { firstMs: 5, maxMs: 30_000, againMs: 30_000 };
const ATTEMPTS = 5;
const TIMEOUT_MS = 5_000;
const CHECKER = { name: 'system:kube-aggregator', groups: ['system:masters'] };
const SERVICE_NAME = 'kubernetes.io/service-name';

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}
const failed = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });

/** Keeps the condition `Available` of APIServices that point at a service. */
export function keepAvailability(ground: Ground, remotes: RemoteServices, transports: Transports): Retried {
  const { cache, loopback, world } = ground;
  const apis = resourceOf(ground, API_SERVICES);
  const serviceKind = resourceOf(ground, services);
  const sliceKind = resourceOf(ground, endpointSlices);
  const find = (namespace: string, name: string): Service | undefined =>
    cache.get<Service & { metadata: { name: string } }>(serviceKind, namespace, name);
  const slicesOf = (namespace: string, name: string): EndpointSlice[] =>
    [...cache.list<EndpointSlice>(sliceKind, namespace)].filter((s) => s.metadata?.labels?.[SERVICE_NAME] === name);

  async function work(name: string): Promise<void> {
    const remote = remotes.get(name);
    if (remote === undefined) return;
    const objection = configured(remote, find, slicesOf);
    // Nothing is said of one that cannot be asked at all.
    if (objection === undefined) transports.to(remote);
    const failure = objection === undefined ? await asked(remote, transports) : undefined;
    const verdict =
      objection ??
      (failure === undefined
        ? { status: 'True' as const, reason: 'Passed', message: 'all checks passed' }
        : failed('FailedDiscoveryCheck', failure.message));
    await write(name, verdict);
    if (failure !== undefined) throw failure;
  }
  async function write(name: string, verdict: Verdict): Promise<void> {
    const api = cache.get<APIService & { metadata: { name: string } }>(apis, '', name);
    if (!api?.spec?.service) return;
    const before = api.status?.conditions ?? [];
    const was = before.find((c) => c.type === 'Available');
    if (was?.status === verdict.status && was.reason === verdict.reason && (was.message ?? '') === verdict.message) return;
    const lastTransitionTime = was?.status === verdict.status && was.lastTransitionTime ? was.lastTransitionTime : formatTime(world.clock.now());
    const { status, reason, message } = verdict;
    const condition = { type: 'Available', status, lastTransitionTime, reason, message };
    const conditions = was === undefined ? [...before, condition] : before.map((c) => (c === was ? condition : c));
    await attempt(ground, () => loopback.update(apis, { ...api, status: { ...api.status, conditions } }, 'status'));
  } // prettier-ignore

  const retried = createRetried(world, PACE, work);
  const behind = (namespace: string | undefined, name: string | undefined): void => {
    for (const remote of remotes.all())
      if (remote.service.name === name && remote.service.namespace === namespace) retried.add(remote.name);
  };
  remotes.onChange((name, is, was) => {
    // What a component serves is said to be there, as all that has no service.
    if (is === undefined || is.component !== undefined) return retried.forget(name);
    // What it has written itself is no news.
    if (was === undefined || !sameBut(is, was)) retried.add(name);
  });
  const stops = [
    cache.onChange(serviceKind, (object, old) => {
      if (remotes.size > 0) behind((object ?? old)?.metadata.namespace, (object ?? old)?.metadata.name);
    }),
    cache.onChange(sliceKind, (object, old) => {
      if (remotes.size === 0) return;
      const { namespace, labels } = (object ?? old)!.metadata;
      behind(namespace, labels?.[SERVICE_NAME]);
    }),
  ];
  for (const remote of remotes.all()) if (remote.component === undefined) retried.add(remote.name);
  return {
    ...retried,
    stop() {
      for (const stop of stops) stop();
      retried.stop();
    },
  };
}
const sameBut = (is: RemoteService, was: RemoteService): boolean =>
  JSON.stringify({ ...is, available: true }) === JSON.stringify({ ...was, available: true });

/** What there is to say against it before anybody is asked. */
function configured(
  { service: { namespace, name, port } }: RemoteService,
  find: (namespace: string, name: string) => Service | undefined,
  slicesOf: (namespace: string, name: string) => readonly EndpointSlice[],
): Verdict | undefined {
  const shown = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = find(namespace, name);
  if (service === undefined) return failed('ServiceNotFound', `${shown} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const listening = service.spec?.ports?.find((p) => p.port === port);
  if (listening === undefined) return failed('ServicePortError', `${shown} is not listening on port ${port}`);
  const slices = slicesOf(namespace, name);
  if (slices.length === 0) return failed('EndpointsNotFound', `cannot find endpointslices for ${shown}`);
  const portName = listening.name ?? '';
  if (slices.some((slice) => isOpen(slice, portName))) return undefined;
  return failed('MissingEndpoints', `endpointslices for ${shown} have no addresses with port name ${JSON.stringify(portName)}`);
} // prettier-ignore
const isOpen = ({ endpoints, ports }: EndpointSlice, portName: string): boolean =>
  (endpoints ?? []).some((e) => e.conditions?.ready !== false) &&
  (ports ?? []).some((p) => (p.name ?? '') === portName && typeof p.port === 'number');

/** Asks several times at once for what every aggregated server has: one good answer will do. Resolves with why there was none. */
async function asked(remote: RemoteService, transports: Transports): Promise<Error | undefined> {
  const path = `/apis/${remote.group}/${remote.version}`;
  let last: Error | undefined;
  const once = async (): Promise<void> => {
    let url = '';
    try {
      url = `https://${hostPort(transports.locate(remote))}${path}`;
      const headers = ['User-Agent', 'Go-http-client/1.1'];
      const { status } = await transports.ask(remote, { path, as: CHECKER, headers, timeoutMs: TIMEOUT_MS }).catch((error: unknown) => {
        throw new Error(`Get ${JSON.stringify(url)}: ${(error as Error).message}`, { cause: error });
      });
      if (status < 200 || status >= 300) throw new Error(`bad status from ${url}: ${status}`);
    } catch (error) {
      const { message } = error as Error;
      last = new Error(url === '' ? message : `failing or missing response from ${url}: ${message}`, { cause: error });
      throw last;
    }
  };
  try {
    await Promise.any(Array.from({ length: ATTEMPTS }, once));
    return undefined;
  } catch {
    return last;
  }
} // prettier-ignore
