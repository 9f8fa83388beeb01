import type { Service } from '../../schemas/generated/core-v1.ts';
import { parseCidr } from '../../schemas/meta/ip.ts';
import { formatIp } from '../../schemas/networking/strict-ip.ts';

/** The tenth address of the first range of services; undefined where it has not so many. Source: kubeadm constants GetDNSIP. */
export function serviceAddress(serviceCidr: string): string | undefined {
  const range = parseCidr(serviceCidr);
  if (range === undefined || (range.family === 4 ? 32 : 128) - range.bits < 4) return undefined;
  return formatIp(range.family, range.base + 10n);
}
export const NAMESPACE = 'kube-system';
export const SERVICE = 'kube-dns';
/** By which name servers of clusters are found. `ofPods`: they are pods with the usual label. Source: kubeadm CoreDNSService. */
export const dnsService = (clusterIP: string, ofPods: boolean): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: SERVICE,
    namespace: NAMESPACE,
    labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
  },
  spec: {
    clusterIP,
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
      { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
    ],
    ...(ofPods && { selector: { 'k8s-app': 'kube-dns' } }),
  },
});
