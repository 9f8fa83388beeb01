/**
 * What a fresh API server makes: `startBootstrap(options)` returns at once; `ready` resolves when namespaces, RBAC,
 * priority, flow control, the service `kubernetes` and the rest exist, or after 30 s without them: it is tried on until they
 * do. Idempotent; several servers may do it at once.
 * Afterwards it renews this server's identity lease, keeps the endpoints of `kubernetes`, makes again what was deleted of
 * the system namespaces, and keeps conditions of FlowSchemas and APIServices. `stop()` takes this server out of them.
 */
import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import { within } from '../../../bus/within.ts';
import { delay } from '../../../bus/world.ts';
import { configMaps, namespaces, priorityClasses, services } from '../../runtime/resources.ts';
import { formatAddress, parseRange } from '../allocation/ip.ts';
import { ensureAll, resourceOf, type Ground } from './ensure.ts';
import { contains, keepFlow } from './flow.ts';
import { createIdentity, RENEW_MS, type Identity } from './identity.ts';
import { metricsService } from './metrics.ts';
import * as objects from './objects.ts';
import { ensureRbac } from './rbac.ts';
import { keepServiceCidr } from './service-cidr.ts';
import { keepConditions } from './status.ts';

const LEAVE_MS = 1_000;
/** After the first failure; twice that after each further one. */
const RETRY_MS = 100;
/** Whoever asks is answered then, whatever is missing yet. Source: registry/rbac/rest PostStartHook. */
const PATIENCE_MS = 30_000;
/** Every three minutes, as the real server looks after addresses and ports. */
const REPAIR_ROUNDS = 18;
/** Every minute. */
const FLOW_ROUNDS = 6;

export interface BootstrapOptions extends Ground, Identity, objects.TrustedCas {
  /** `['10.96.0.0/16']`, of each family at most one; the service `kubernetes` gets the first address of the first. */
  readonly serviceCidrs: readonly string[];
  /** A component of the cluster serves metrics.k8s.io. */
  readonly servesMetrics?: boolean | undefined;
  /** Run once all is made, and every few minutes: puts claims of services in order. */
  readonly repair?: (() => Promise<void>) | undefined;
}
export interface Bootstrap {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** First usable address: `10.96.0.0/16` -> `10.96.0.1`. */
export function firstAddress(cidr: string): string {
  const range = parseRange(cidr);
  if (range === undefined) throw new Error(`${JSON.stringify(cidr)} is no range of addresses`);
  return formatAddress(range.family, range.base + 1n);
}

export function startBootstrap(options: BootstrapOptions): Bootstrap {
  const { world } = options;
  const identity = createIdentity(options, options);
  let conditions: ReturnType<typeof keepConditions> | undefined;
  let timer: ReturnType<typeof world.clock.setTimeout> | undefined;
  let stopped = false;
  let rounds = 0;

  const make = async (): Promise<void> => {
    await clusterScoped(options);
    await Promise.all([namespaced(options), identity.renew()]);
    await identity.publish();
    if (stopped) return;
    conditions = keepConditions(options);
  };
  const again = (): void => {
    timer = world.clock.setTimeout(() => {
      const round = async (): Promise<void> => {
        await ensureAll(options, resourceOf(options, namespaces), objects.namespaces());
        await keepServiceCidr(options, options.serviceCidrs);
        await ensureAll(options, resourceOf(options, services), [ownService(options)]);
        await identity.renew();
        await identity.publish();
        await identity.collect();
        rounds++;
        if (rounds % FLOW_ROUNDS === 0) await keepFlow(options);
        if (rounds % REPAIR_ROUNDS === 0) await options.repair?.();
      };
      round()
        .catch((error: unknown) => world.log.warn('upkeep of system objects failed', { err: error }))
        .finally(() => {
          if (!stopped) again();
        });
    }, RENEW_MS);
  };
  /** A store that is slow, or away for a moment, must not leave a cluster without its roles. */
  const makeAll = async (): Promise<void> => {
    for (let failures = 0; !stopped; failures++)
      try {
        return await make();
      } catch (error) {
        world.log.warn('system objects are not all made: trying again', { err: error });
        await delay(world.clock, Math.min(RETRY_MS * 2 ** failures, RENEW_MS), ending.signal).catch(() => undefined);
      }
  };
  const begin = async (): Promise<void> => {
    await makeAll();
    if (stopped) return;
    again();
    void options
      .repair?.()
      .catch((error: unknown) => world.log.warn('claims of services could not be repaired', { err: error }));
  };
  const ending = new AbortController();
  const begun = begin();
  return {
    ready: within(world.clock, PATIENCE_MS, begun),
    async stop() {
      if (stopped) return;
      stopped = true;
      ending.abort();
      if (timer !== undefined) world.clock.clearTimeout(timer);
      conditions?.stop();
      await begun;
      const leaving = identity.leave().catch((error: unknown) => world.log.warn('leaving failed', { err: error }));
      // The store may be gone already; the lease then runs out by itself.
      const patience = new AbortController();
      await Promise.race([leaving, delay(world.clock, LEAVE_MS, patience.signal).catch(() => undefined)]);
      patience.abort();
    },
  };
}

async function clusterScoped(options: BootstrapOptions): Promise<void> {
  const apis = resourceOf(options, { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' });
  await Promise.all([
    ensureAll(options, resourceOf(options, namespaces), objects.namespaces()),
    ensureRbac(options, 'cluster'),
    ensureAll(options, resourceOf(options, priorityClasses), objects.priorityClasses()),
    keepFlow(options),
    ensureAll(options, apis, objects.apiServices(), specOf),
    ensureAll(options, apis, options.servesMetrics ? [metricsService()] : []),
    keepServiceCidr(options, options.serviceCidrs),
  ]);
}
const ownService = (options: BootstrapOptions) =>
  objects.kubernetesService(firstAddress(options.serviceCidrs[0]!), options.port || 443);
async function namespaced(options: BootstrapOptions): Promise<void> {
  const now = options.world.clock.now();
  const trust = objects.authenticationConfigMap(options);
  const maps = resourceOf(options, configMaps);
  await Promise.all([
    ensureRbac(options, 'namespaced'),
    ensureAll(options, resourceOf(options, services), [ownService(options)]),
    ensureAll(options, maps, [trust], (present) =>
      Object.entries(trust.data ?? {}).every(([key, value]) => present.data?.[key] === value)
        ? undefined
        : { ...present, data: { ...present.data, ...trust.data } },
    ),
    ensureAll(options, maps, [objects.legacyTokenConfigMap(now)]),
  ]);
}

/** Puts the spec back to what it should be. */
const specOf = (present: APIService, wanted: APIService): APIService | undefined =>
  contains(present.spec, wanted.spec) ? undefined : { ...present, spec: wanted.spec };
