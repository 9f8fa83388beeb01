import { testWorld } from '../../runtime/testing/world.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { Answers } from '../answering/answers.ts';
import type { PodMode } from '../answering/find.ts';
import { addressOf } from '../cluster/address.ts';
import { Cluster } from '../cluster/cluster.ts';
import { createForwarder } from '../forward/forwarder.ts';
import { dnsMetrics } from '../metrics.ts';
import { createServer } from '../server.ts';
import { parseName } from '../wire/name.ts';
import { NAMESPACES, SERVICES, SLICES } from './objects.ts';

/** The cluster of `objects.ts`, or an empty one. */
export function knownCluster(isEmpty = false): Cluster {
  const cluster = new Cluster({ now: () => 1_000_000 });
  if (isEmpty) return cluster;
  for (const name of NAMESPACES) cluster.putNamespace(name);
  for (const service of SERVICES) cluster.putService(service);
  for (const slice of SLICES) cluster.putSlice(slice);
  return cluster;
}
/** A server without doors, which asks nobody. */
export function serverOf(
  o: { readonly cluster?: Cluster; readonly pods?: PodMode; readonly isSynced?: () => boolean } = {},
) {
  const world = testWorld();
  const cluster = o.cluster ?? knownCluster();
  const registry = createRegistry();
  const metrics = dnsMetrics(registry, 'dns://test', () => 0);
  const forwarder = createForwarder({ world, upstreams: [], metrics: metrics.forward });
  const zone = parseName('cluster.local')!;
  const own = [addressOf('127.0.0.1')!];
  const answers = new Answers({ cluster, zone, ttl: 30, pods: o.pods ?? 'insecure', own }, false);
  const serve = createServer({ world, answers, forwarder, metrics, isSynced: o.isSynced ?? (() => true) });
  return { serve, world, cluster, registry, answers };
}
