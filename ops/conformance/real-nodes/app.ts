import { IMAGES } from './images.ts';

const labels = (app: string) => ({ metadata: { labels: { app } } });
const service = (name: string, port: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port, targetPort: 8080 }] },
});
/** At most one on each node, where there are as many nodes. */
const apart = (app: string) => [
  { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app } } },
]; // prettier-ignore
/** Nodes that do not answer are left at once. */
const leavesAtOnce = ['not-ready', 'unreachable'].map((why) => ({
  key: `node.kubernetes.io/${why}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 1,
}));

/** A web of three that asks a store by its name, and a pod with tools on each node. */
export const app = (nodes: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    service('store', 8080),
    service('web', 80),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'store' },
      spec: {
        selector: { matchLabels: { app: 'store' } },
        template: {
          ...labels('store'),
          spec: {
            containers: [{ name: 'store', image: IMAGES.store, readinessProbe: probe('/value') }],
            terminationGracePeriodSeconds: 1,
            tolerations: leavesAtOnce,
          },
        },
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 3,
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        selector: { matchLabels: { app: 'web' } },
        template: {
          ...labels('web'),
          spec: {
            containers: [
              {
                name: 'web',
                image: IMAGES.web,
                readinessProbe: probe('/ready'),
                // Who is asked no more is not gone at once: proxies everywhere have to hear of it.
                lifecycle: { preStop: { sleep: { seconds: 2 } } },
              },
            ],
            topologySpreadConstraints: apart('web'),
            terminationGracePeriodSeconds: 5,
            tolerations: leavesAtOnce,
          },
        },
      },
    },
    ...nodes.map((node) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `tools-${node}`, labels: { app: 'tools' } },
      spec: {
        nodeName: node,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'tools', image: IMAGES.tools }],
      },
    })),
  ],
});
const probe = (path: string) => ({ httpGet: { path, port: 8080 }, periodSeconds: 1 });

/** Only pods with this label reach the store. */
export const policy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'store' },
  spec: {
    podSelector: { matchLabels: { app: 'store' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
  },
};
