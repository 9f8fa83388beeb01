/**
 * Aggregation: groups that other API servers of the cluster serve. `createAggregation(options)` knows the APIServices that
 * point at a service; `begin()` looks after their conditions, their discovery and OpenAPI documents, and after the
 * APIServices of custom kinds. While there is none with a service, requests pay nothing.
 * Source: kube-aggregator pkg/apiserver.
 */
import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import { resourceOf, type Ground } from '../bootstrap/ensure.ts';
import type { Core } from '../core.ts';
import type { ElsewhereGroups } from '../discovery/elsewhere.ts';
import { registerCustomGroups } from './auto-register.ts';
import { keepAvailability } from './availability.ts';
import { keepDiscovery, type RemoteDiscovery } from './discovery.ts';
import { keepDocuments, type RemoteDocuments } from './openapi.ts';
import { API_SERVICES, createRemoteServices } from './registered.ts';
import type { Retried } from './retried.ts';
import { createRoute } from './route.ts';
import { createTransports, type FrontProxy } from './transport.ts';

interface Aggregation {
  /** For discovery. */
  readonly groups: ElsewhereGroups;
  readonly documents: Pick<RemoteDocuments, 'mergeIndex' | 'mergeV2'>;
  begin(): void;
  stop(): Promise<void>;
}

export function createAggregation(core: Core, ground: Ground, frontProxy: FrontProxy | undefined): Aggregation {
  const { registry, cache, world } = ground;
  const remotes = createRemoteServices(registry, cache);
  const transports = createTransports(core, { registry, cache, random: world.random }, frontProxy);
  const apis = resourceOf(ground, API_SERVICES);
  const listeners: (() => void)[] = [];
  const onNews = (): void => {
    for (const listener of listeners) listener();
  };
  let running: readonly Retried[] = [];
  let discovery: RemoteDiscovery | undefined;
  let documents: RemoteDocuments | undefined;
  const route = createRoute(remotes, transports, (path) => documents?.ownerOf(path));
  const direct = (): void => {
    core.remote = remotes.size > 0 ? route : undefined;
  };
  direct();
  remotes.onChange((name, is) => {
    direct();
    if (is === undefined) transports.forget(name);
    onNews();
  });
  return {
    groups: {
      list: () =>
        [...remotes.all()].map(({ name, group, version }) => ({ group, version, ...(discovery?.of(name) ?? UNKNOWN) })),
      priorities: () =>
        [...cache.list<APIService>(apis)].flatMap(({ spec }) => (spec === undefined ? [] : [spec])).map((spec) => ({
          group: spec.group ?? '',
          version: spec.version ?? '',
          groupPriority: spec.groupPriorityMinimum,
          versionPriority: spec.versionPriority,
        })),
      onChange: (listener) => void listeners.push(listener),
    },
    documents: {
      mergeIndex: (own) => documents?.mergeIndex(own) ?? own,
      mergeV2: (own) => documents?.mergeV2(own) ?? own,
    },
    begin() {
      discovery = keepDiscovery(world, remotes, transports, onNews);
      documents = keepDocuments(world, remotes, transports);
      running = [keepAvailability(ground, remotes, transports), discovery, documents, registerCustomGroups(ground)];
    },
    async stop() {
      for (const one of running) one.stop();
      transports.close();
      await Promise.all(running.map((one) => one.settled()));
    },
  };
} // prettier-ignore
const UNKNOWN = { resources: [], isFresh: false };
