/** What belongs to the API of metrics. Source: metrics-server manifests/base. */
import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../../schemas/generated/rbac-v1.ts';
import { GROUP, VERSION } from '../../../schemas/metrics/discovery.ts';

type Unkind<T> = Omit<T, 'apiVersion' | 'kind'>;
const labels = { 'k8s-app': 'metrics-server' };
const into = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;
const READS = ['get', 'list', 'watch'];

export const METRICS_ROLES: readonly Unkind<ClusterRole>[] = [
  {
    metadata: {
      name: 'system:aggregated-metrics-reader',
      labels: { ...labels, [into('admin')]: 'true', [into('edit')]: 'true', [into('view')]: 'true' },
    },
    rules: [{ apiGroups: [GROUP], resources: ['pods', 'nodes'], verbs: READS }],
  },
  {
    metadata: { name: 'system:metrics-server', labels },
    rules: [
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs: READS },
    ],
  },
];
export const METRICS_BINDINGS: readonly Unkind<ClusterRoleBinding>[] = [
  {
    metadata: { name: 'system:metrics-server', labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:metrics-server' },
    subjects: [{ kind: 'ServiceAccount', name: 'metrics-server', namespace: 'kube-system' }],
  },
];
/**
 * Made where there is none when the server starts, and left alone then: who installs a metrics-server of his own points it
 * at that. Source: kube-aggregator pkg/controllers/autoregister.
 */
export const metricsService = (): APIService => ({
  kind: 'APIService',
  apiVersion: 'apiregistration.k8s.io/v1',
  metadata: {
    name: `${VERSION}.${GROUP}`,
    labels: { ...labels, 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
  },
  spec: { group: GROUP, version: VERSION, groupPriorityMinimum: 100, versionPriority: 100 },
});
