import type { Service } from '../generated/core-v1.ts';

/** What a Service needs by its type. Source: pkg/api/service util.go, pkg/registry/core/service strategy.go. */
export const isHeadless = ({ spec }: Service): boolean =>
  spec?.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
export const needsClusterIp = ({ spec }: Service): boolean => spec?.type !== 'ExternalName';
export const needsNodePort = ({ spec }: Service): boolean => spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
export const needsHealthCheckPort = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
export const isExternallyAccessible = ({ spec }: Service): boolean =>
  spec?.type === 'NodePort' ||
  spec?.type === 'LoadBalancer' ||
  (spec?.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
