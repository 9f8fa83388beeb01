import { get } from 'node:http';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import { ask, nodesOf, toolsOn, type Check } from './checks.ts';

/** Where pods and services get addresses: of both families. */
export const DUAL_STACK = ['--cluster-cidr', '10.244.0.0/16,fd00:10:244::/48', '--service-cluster-ip-range', '10.96.0.0/16,fd00:10:96::/112']; // prettier-ignore
const NAME = 'balanced';
const service = (externalTrafficPolicy: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME },
  spec: {
    type: 'LoadBalancer',
    externalTrafficPolicy,
    ipFamilyPolicy: 'RequireDualStack',
    selector: { app: 'store' },
    ports: [{ port: 80, targetPort: 8080 }],
  },
});
const urlOf = (ip: string, port = 80): string => `http://${ip.includes(':') ? `[${ip}]` : ip}:${port}/value`;
/** As this machine sees it; '' where nobody answers. */
const page = (url: string): Promise<string> =>
  new Promise((resolve) => {
    const request = get(url, { timeout: 3_000, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text));
    }); // prettier-ignore
    request.on('timeout', () => request.destroy()).on('error', () => resolve(''));
  });

/** Services of both families, from everywhere; for an app whose store is one pod, and a cluster with the add-on cloud. */
export function networkChecks(cluster: TestCluster): Check[] {
  const { kubectl } = cluster;
  const addresses = async (path: string): Promise<string[]> =>
    (await kubectl(['get', 'service', NAME, '-o', `jsonpath={${path}}`])).split(' ').filter((ip) => ip !== '');
  return ['Cluster', 'Local'].map((policy) => ({
    name: `a load balancer of both families, externalTrafficPolicy ${policy}, from this machine and from pods`,
    work: async () => {
      await kubectl(['apply', '-f', '-'], JSON.stringify(service(policy)));
      const balancers = await eventually('it has two addresses', async () => {
        const ips = await addresses('.status.loadBalancer.ingress[*].ip');
        return ips.length === 2 ? ips : undefined;
      });
      const own = await addresses('.spec.clusterIPs[*]');
      for (const ip of balancers)
        await eventually(`this machine reaches ${ip}`, async () => (await page(urlOf(ip))).includes('forty-two') || undefined); // prettier-ignore
      const pods = (await nodesOf(cluster)).map(toolsOn);
      for (const ip of [...balancers, ...own])
        for (const pod of pods)
          await eventually(`${pod} reaches ${ip}`, async () => (await ask(cluster, pod, urlOf(ip)).catch(() => '')).includes('forty-two') || undefined); // prettier-ignore
      if (policy === 'Cluster') {
        const port = Number((await addresses('.spec.ports[0].nodePort'))[0]);
        const nodes = (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'])).split(' '); // prettier-ignore
        for (const ip of nodes) if (!(await page(urlOf(ip, port))).includes('forty-two')) throw new Error(`nobody answers at ${urlOf(ip, port)}`); // prettier-ignore
      } else await kubectl(['delete', 'service', NAME]);
      return [...balancers, ...own].join(', ');
    },
  }));
}
