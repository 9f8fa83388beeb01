import { hostname, networkInterfaces } from 'node:os';
import {
  createAuthenticator,
  createIdentityReviews,
  createOpenIdHandler,
  createServiceAccountTokens,
  createTokenUses,
  tokenCacheCounts,
  createTokenRequest,
  readTokenKey,
} from './authentication/index.ts';
import { createAdmission } from './admission/index.ts';
import { DEFAULT_ISSUER } from './authentication/issuer.ts';
import type { AuthenticationOptions } from './authentication/options.ts';
import { createAllocation, storeClaims, type Allocation } from './allocation/index.ts';
import {
  createAuthorizer,
  createConfiguredAuthorizer,
  createReviews,
  type AuthorizationOptions,
} from './authorization/index.ts';
import { startBootstrap, type Bootstrap } from './bootstrap/index.ts';
import type { CustomResourceDefinition } from '../../schemas/generated/apiextensions-v1.ts';
import type { Resource } from '../../schemas/resource.ts';
import type { Core } from './core.ts';
import { conversionWebhook } from './custom/conversion-webhook.ts';
import { startCustomKinds } from './custom/index.ts';
import type { HttpsOptions } from './doors/https/server.ts';
import { customResources } from '../../schemas/apiextensions/custom-resources.ts';
import { createAggregation } from './aggregation/index.ts';
import type { FrontProxy } from './aggregation/transport.ts';
import { createDiscoveryHandler } from './discovery/index.ts';
import { createFlowDebugHandler } from './flow-control/debug.ts';
import { flowMetrics } from './flow-control/metrics.ts';
import { flagsOf } from './health/flags.ts';
import { createHealthHandler } from './health/index.ts';
import { createZpages } from './health/zpages.ts';
import { createLoopback } from './loopback.ts';
import { createMetricsHandler } from './metrics/index.ts';
import { createOpenApiHandler } from './discovery/openapi.ts';
import { createOutbound, type SourceOf } from '../runtime/outbound/outbound.ts';
import { resolveService } from './outbound/services.ts';
import { createTableRenderer } from './tables/index.ts';
import { createPool } from '../../schemas/helpers/pool.ts';
import { customResourceDefinitions } from '../runtime/kinds.ts';
import { namespaces } from '../runtime/resources.ts';

export interface PluginOptions {
  /** PEM of the key that signs service account tokens. */
  readonly serviceAccountKey?: string | undefined;
  /** PEM of the public key of those who make the tokens that are kept in Secrets; good for no others. */
  readonly secretTokensKey?: string | undefined;
  readonly serviceAccountIssuer?: string | undefined;
  readonly enableAdmission?: readonly string[] | undefined;
  readonly disableAdmission?: readonly string[] | undefined;
  /** Who decides what users may; default: the node rules and RBAC. */
  readonly authorization?: AuthorizationOptions | undefined;
  /** Static bearer tokens. */
  readonly tokens?:
    Readonly<Record<string, { readonly name: string; readonly groups?: readonly string[] }>> | undefined;
  /** Where addresses of services come from, of each family at most one; the first is the default. */
  readonly serviceCidrs?: readonly string[] | undefined;
  readonly advertiseAddress?: string | undefined;
  /** Of its machine; default: what the system says. */
  readonly hostname?: string | undefined;
  /** By which address webhooks, aggregated servers and what proxies lead to are asked; default: the system chooses. */
  readonly sourceOf?: SourceOf | undefined;
  /** Tells apart API servers that have address and port in common: each has a lease of its own. */
  readonly replica?: string | undefined;
  /** By which aggregated API servers know this one; default: they are shown nothing. */
  readonly frontProxy?: FrontProxy | undefined;
  /** A component of the cluster serves metrics.k8s.io, and is asked in place of another server. */
  readonly servesMetrics?: boolean | undefined;
  /** What is not there yet is made; default true. */
  readonly bootstrap?: boolean | undefined;
  /** How else people show who they are; default: certificates and the tokens of this cluster, anybody is system:anonymous. */
  readonly authentication?: AuthenticationOptions | undefined;
}
export interface Plugged {
  /** Once the port is known. */
  begin(port: number): void;
  readonly ready: Promise<void>;
  /** Lets go what was compiled and is no longer used; called about once a minute. */
  sweep(): void;
  stop(): Promise<void>;
}

/** Fills the places that core.ts leaves open: who may do what, what is admitted, what is answered beside resources. */
export function plugIn(
  core: Core,
  options: PluginOptions & {
    readonly id: string;
    readonly https?: Pick<HttpsOptions, 'clientCa' | 'frontProxyCa' | 'host'> | undefined;
  },
  state: () => string,
): Plugged {
  const { registry, cache, world } = core;
  const { authorizer, closeAuthorizer } = authorizerOf(core, options.authorization);
  core.authorizer = authorizer;
  const issuer = options.serviceAccountIssuer ?? DEFAULT_ISSUER;
  const fresh = (): Promise<void> => core.barrier();
  const keys = options.serviceAccountKey === undefined ? [] : [readTokenKey(options.serviceAccountKey)];
  const loopback = createLoopback(core);
  const secrets = registry.lookup({ group: '', version: 'v1', resource: 'secrets' })!;
  const uses = createTokenUses({ world, metrics: core.metrics, secrets, loopback });
  const secretKeys = options.secretTokensKey === undefined ? [] : [readTokenKey(options.secretTokensKey)];
  const tokens = createServiceAccountTokens({
    registry,
    cache,
    world,
    issuer,
    audiences: [issuer],
    keys,
    secretKeys,
    fresh,
    uses,
  });
  const { id, authentication } = options;
  const remote = (authentication?.remote ?? []).map((open) =>
    open({ world, metrics: core.metrics, id, audiences: [issuer] }),
  );
  const authenticator = createAuthenticator({
    registry, cache, world, serviceAccounts: tokens, ...(options.tokens && { staticTokens: options.tokens }),
    anonymous: authentication?.anonymous, remote,
    ...(remote.length > 0 && { cacheCounts: tokenCacheCounts(core.metrics) }),
  }); // prettier-ignore
  core.authenticator = authenticator;
  core.tables = createTableRenderer();
  for (const [key, create] of createReviews(authorizer)) core.virtualCreates.set(key, create);
  for (const [key, create] of createIdentityReviews(authenticator, [issuer], world))
    core.virtualCreates.set(key, create);
  core.virtualCreates.set('serviceaccounts/token', createTokenRequest({ registry, cache, world, tokens, fresh }));
  const serviceCidrs = options.serviceCidrs ?? ['10.96.0.0/16'];
  const outbound = createOutbound(world, { sourceOf: options.sourceOf });
  core.admission = createAdmission({
    registry,
    cache,
    loopback,
    world,
    authorizer,
    fresh,
    outbound: outbound.call,
    metrics: core.metrics,
    enabled: options.enableAdmission,
    disabled: options.disableAdmission,
  });
  const allocation: Allocation = createAllocation({
    registry, cache, loopback, world, claims: storeClaims(core.store), serviceCidrs, fresh, hostname: options.hostname ?? hostname(), metrics: core.metrics,
  }); // prettier-ignore
  core.hooks.set('services', allocation);
  let port = 0;
  const server = (): string => `${options.advertiseAddress ?? options.https?.host ?? '127.0.0.1'}:${port}`;
  const aggregation = createAggregation(core, { registry, cache, loopback, world }, options.frontProxy);
  const flags = (): ReturnType<typeof flagsOf> => {
    const { enableAdmission, disableAdmission, https } = options;
    const host = https?.host ?? '127.0.0.1';
    const advertiseAddress = options.advertiseAddress ?? host;
    const hasFrontProxy = https?.frontProxyCa !== undefined;
    return flagsOf({
      host,
      port,
      advertiseAddress,
      issuer,
      serviceCidrs,
      enableAdmission,
      disableAdmission,
      hasFrontProxy,
    });
  };
  core.pathHandlers.push(
    createDiscoveryHandler({ registry, server, remote: aggregation.groups }),
    createHealthHandler({ probe: (check) => probe(core, state, check) }),
    createOpenIdHandler(tokens, server),
    createOpenApiHandler(registry, aggregation.documents),
    createMetricsHandler(core.metrics, core.bus),
    createZpages(world, flags),
    createFlowDebugHandler(core.flow),
  );
  core.metrics.section(() => flowMetrics(core.flow));
  core.flow.begin();
  let bootstrap: Bootstrap | undefined;
  const resolve = (namespace: string, name: string, at: number) =>
    resolveService({ registry, cache, random: world.random }, namespace, name, at);
  const pool = createPool();
  const definitions = registry.lookup(customResourceDefinitions)!;
  const compile = (crd: CustomResourceDefinition): readonly Resource[] => {
    const isRemote = crd.spec.conversion?.strategy === 'Webhook';
    // Its bytes are in the cache anyway.
    const entry = core.cache.entry(definitions, '', crd.metadata.name ?? '');
    return customResources(crd, {
      pool,
      ...(isRemote && { convert: conversionWebhook(crd, { world, call: outbound.call, resolve }) }),
      ...(entry && { read: () => entry.object as unknown as CustomResourceDefinition }),
    });
  };
  const custom = startCustomKinds({
    registry, cache, loopback, world, compile, beginWatches: (resource) => cache.begin(resource),
    endWatches: (resource) => cache.of(resource).endWatches(),
  }); // prettier-ignore
  custom.serveAll();
  return {
    begin(actualPort) {
      port = actualPort;
      custom.begin();
      aggregation.begin();
      if (options.bootstrap === false) return;
      bootstrap = startBootstrap({
        registry, cache, world, loopback, serviceCidrs, hostname: options.hostname ?? hostname(),
        advertiseAddress: advertised(options.advertiseAddress ?? options.https?.host), port, replica: options.replica, clientCa: options.https?.clientCa ?? '',
        requestHeaderCa: options.https?.frontProxyCa, servesMetrics: options.servesMetrics,
        repair: () => allocation.repair(),
      }); // prettier-ignore
    },
    sweep: () => pool.sweep(),
    get ready() {
      return bootstrap?.ready ?? Promise.resolve();
    },
    async stop() {
      custom.stop();
      allocation.stop();
      core.flow.stop();
      outbound.close();
      closeAuthorizer();
      for (const one of remote) one.stop();
      await aggregation.stop();
      await bootstrap?.stop();
    },
  };
}
function authorizerOf(core: Core, options: AuthorizationOptions | undefined) {
  const { registry, cache, metrics, world } = core;
  const base = createAuthorizer({ registry, cache });
  if (options !== undefined) {
    const authorizer = createConfiguredAuthorizer(base, options, world, metrics);
    return { authorizer, closeAuthorizer: () => authorizer.close() };
  }
  const help = 'Decisions that ended the chain, by authorizer.';
  metrics.collect('apiserver_authorization_decisions_total', 'counter', 'ALPHA', help, base.decisions);
  return { authorizer: base, closeAuthorizer: () => undefined };
}
function probe(core: Core, state: () => string, check: string): string | undefined {
  const now = state();
  if (check === 'etcd' || check === 'etcd-readiness' || check === 'ping')
    return now === 'degraded' ? 'the store is out of reach' : undefined;
  if (check === 'shutdown') return now === 'draining' ? 'process is shutting down' : undefined;
  if (check.startsWith('poststarthook/') || check === 'informer-sync')
    return core.registry.lookup(namespaces) === undefined ? 'not finished' : undefined;
  return undefined;
}
/**
 * Endpoints may not name the loopback: the machine's own address stands in for it, as in the real server.
 * Source: apimachinery pkg/util/net ResolveBindAddress.
 */
function advertised(address: string | undefined): string {
  if (address !== undefined && !address.startsWith('127.') && !['0.0.0.0', '::', '::1', 'localhost'].includes(address))
    return address;
  const own = Object.values(networkInterfaces())
    .flat()
    .find((i) => i !== undefined && !i.internal && i.family === 'IPv4');
  return own?.address ?? '192.0.2.1';
}
