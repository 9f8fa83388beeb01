/** What kube-proxy counts, by its names. Source: pkg/proxy/metrics. */
import type { Registry } from '../../actors/runtime/metrics/registry.ts';
import { exponentialBuckets, type Counter } from '../../actors/runtime/metrics/series.ts';
import { FAMILIES, familyName, type Family } from './plan/address.ts';
import type { ProxyMode } from './backend.ts';

/** Source: metrics.go NetworkProgrammingLatency. */
const PROGRAMMING = [0.25, 0.5, ...Array.from({ length: 59 }, (_, i) => i + 1), ...Array.from({ length: 12 }, (_, i) => 60 + 5 * i), ...Array.from({ length: 7 }, (_, i) => 120 + 30 * i)]; // prettier-ignore
const SYNC = exponentialBuckets(0.001, 2, 15);

export interface KubeProxyMetrics {
  synced(kind: 'full' | 'partial', seconds: number, now: number): void;
  queued(now: number): void;
  failed(): void;
  /** `seconds`: from what happened to an endpoint until rules say so. */
  programmed(seconds: number): void;
  serviceChanged(): void;
  endpointsChanged(): void;
  /** Services that have endpoints, and none here for those who must stay here. */
  readonly noLocal: Readonly<Record<Family, { internal: number; external: number }>>;
  healthz(code: 200 | 503): void;
  livez(code: 200 | 503): void;
  conntrack(family: 'IPv4' | 'IPv6', seconds: number, deleted: number): void;
}
export function kubeProxyMetrics(registry: Registry, mode: () => ProxyMode): KubeProxyMetrics {
  const of = (name: string, help: string, stability: 'ALPHA' | 'STABLE' = 'ALPHA') => ({ name: `kubeproxy_${name}`, stability, help }); // prettier-ignore
  const families = FAMILIES.map((family) => ({ ip_family: familyName(family) }));
  const all = registry.histogram(of('sync_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds'), SYNC);
  const full = registry.histogram(of('sync_full_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds for full resyncs'), SYNC); // prettier-ignore
  const partial = registry.histogram(of('sync_partial_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds for partial resyncs'), SYNC); // prettier-ignore
  const programming = registry.histogram(of('network_programming_duration_seconds', 'In Cluster Network Programming Latency in seconds'), PROGRAMMING); // prettier-ignore
  const services = registry.counter(of('sync_proxy_rules_service_changes_total', 'Cumulative proxy rules Service changes')).at({}); // prettier-ignore
  const endpoints = registry.counter(of('sync_proxy_rules_endpoint_changes_total', 'Cumulative proxy rules Endpoint changes')).at({}); // prettier-ignore
  const healthz = registry.counter(of('proxy_healthz_total', 'Cumulative proxy healthz HTTP status'));
  const livez = registry.counter(of('proxy_livez_total', 'Cumulative proxy livez HTTP status'));
  const reconciled = registry.histogram(of('conntrack_reconciler_sync_duration_seconds', 'ReconcileConntrackFlowsLatency latency in seconds'), SYNC); // prettier-ignore
  const deleted = registry.counter(of('conntrack_reconciler_deleted_entries_total', 'Cumulative conntrack flows deleted by conntrack reconciler')); // prettier-ignore
  const failures = (): Counter =>
    mode() === 'nftables'
      ? registry.counter(of('sync_proxy_rules_nftables_sync_failures_total', 'Cumulative proxy nftables sync failures'))
      : registry.counter(of('sync_proxy_rules_iptables_restore_failures_total', 'Cumulative proxy iptables restore failures')); // prettier-ignore
  const noLocal = { 4: { internal: 0, external: 0 }, 6: { internal: 0, external: 0 } };
  const pending = { services: 0, endpoints: 0 };
  let syncedAt = 0;
  let queuedAt = 0;
  registry.gauge(of('sync_proxy_rules_last_timestamp_seconds', 'The last time proxy rules were successfully synced'), () => families.map((labels) => [labels, syncedAt])); // prettier-ignore
  registry.gauge(of('sync_proxy_rules_last_queued_timestamp_seconds', 'The last time a sync of proxy rules was queued'), () => families.map((labels) => [labels, queuedAt])); // prettier-ignore
  registry.gauge(of('sync_proxy_rules_service_changes_pending', 'Pending proxy rules Service changes'), () => [[{}, pending.services]]); // prettier-ignore
  registry.gauge(of('sync_proxy_rules_endpoint_changes_pending', 'Pending proxy rules Endpoint changes'), () => [[{}, pending.endpoints]]); // prettier-ignore
  registry.gauge(of('sync_proxy_rules_no_local_endpoints_total', 'Number of services with a Local traffic policy and no endpoints'), () =>
    FAMILIES.flatMap((family) => (['external', 'internal'] as const).map((policy) => [{ ip_family: familyName(family), traffic_policy: policy }, noLocal[family][policy]] as const)),
  ); // prettier-ignore
  return {
    synced(kind, seconds, now) {
      for (const labels of families) {
        all.add(labels, seconds);
        (kind === 'full' ? full : partial).add(labels, seconds);
      }
      pending.services = pending.endpoints = 0;
      syncedAt = now / 1_000;
    },
    queued: (now) => void (queuedAt = now / 1_000),
    failed: () => families.forEach((labels) => failures().add(labels)),
    programmed: (seconds) => families.forEach((labels) => programming.add(labels, seconds)),
    serviceChanged() {
      services.n++;
      pending.services++;
    },
    endpointsChanged() {
      endpoints.n++;
      pending.endpoints++;
    },
    noLocal,
    healthz: (code) => healthz.add({ code: String(code) }),
    livez: (code) => livez.add({ code: String(code) }),
    conntrack(family, seconds, n) {
      reconciled.add({ ip_family: family }, seconds);
      deleted.at({ ip_family: family }).n += n;
    },
  };
}
