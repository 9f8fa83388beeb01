import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, upForTest, type TestCluster } from '../../testing/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await upForTest(['--nodes', '3', '--ephemeral', '--addons', 'cloud']);
}, 60_000);
afterAll(() => cluster.stop());

const jsonpath = async (path: string, ...what: string[]): Promise<string> =>
  (await cluster.kubectl(['get', ...what, '-o', `jsonpath=${path}`])).trim();
const ipOf = (service: string): Promise<string> =>
  eventually('it has an address', async () => (await jsonpath('{.status.loadBalancer.ingress[0].ip}', 'service', service)) || undefined); // prettier-ignore
/** The pod that answers there. */
const ask = (host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ host, port: 8080, path: '/hostname', agent: false }, (response) => void text(response).then(resolve, reject)); // prettier-ignore
    asked.on('error', reject).end();
  });
const askUntil = (host: string, pods: number): Promise<Set<string>> => {
  const seen = new Set<string>();
  return eventually('all pods have answered', async () => {
    seen.add(await ask(host).catch(() => ''));
    seen.delete('');
    return seen.size === pods ? seen : undefined;
  });
};

describe('a cluster with a cloud', () => {
  it('has nodes that the cloud says where they are', async () => {
    const path =
      '{range .items[*]}{.metadata.name} {.spec.providerID} {.metadata.labels.topology\\.kubernetes\\.io/zone} {.spec.taints} {.status.addresses[0].type} {.status.conditions[?(@.type=="NetworkUnavailable")].reason}{"\\n"}{end}';
    const wanted = ['a', 'b', 'c'].map((zone, i) => `test-node-${i + 1} local://test-node-${i + 1} local-${zone}  InternalIP RouteCreated`); // prettier-ignore
    await eventually('all are the cloud’s', async () => {
      const lines = (await jsonpath(path, 'nodes')).split('\n').toSorted();
      return JSON.stringify(lines) === JSON.stringify(wanted) || undefined;
    });
    const routes = await jsonpath('{.data}', 'configmap', 'kubus-routes', '-n', 'kube-system');
    expect(Object.values(JSON.parse(routes) as Record<string, string>)).toHaveLength(3);
  });
  it('gives Services addresses that work, and takes them back', async () => {
    await cluster.kubectl(['create', 'deployment', 'hello', '--image=hello', '--replicas=2', '--port=80']);
    await cluster.kubectl(['expose', 'deployment', 'hello', '--type=LoadBalancer', '--port=8080', '--target-port=80']);
    const ip = await ipOf('hello');
    expect(await cluster.kubectl(['get', 'service', 'hello'])).toContain(ip);
    expect([...(await askUntil(ip, 2))].every((pod) => pod.startsWith('hello-'))).toBe(true);
    await cluster.kubectl(['create', 'service', 'loadbalancer', 'other', '--tcp=8080:80']);
    expect(await ipOf('other')).not.toBe(ip);
    await cluster.kubectl(['delete', 'service', 'other']);
  });
  it('keeps addresses while another replica takes over, and another', async () => {
    const ip = await ipOf('hello');
    const scaled = await cluster.kubus('scale', 'cloud-controller-manager=2', '--wait', '--name', cluster.name);
    expect(scaled).toMatchObject({ status: 0 });
    const before = await jsonpath('{.spec.holderIdentity}', 'lease', 'cloud-controller-manager', '-n', 'kube-system');
    const restarted = await cluster.kubus('restart', 'cloud-controller-manager', '--name', cluster.name);
    expect(restarted).toMatchObject({ status: 0 });
    await askUntil(ip, 2);
    expect(await jsonpath('{.spec.holderIdentity}', 'lease', 'cloud-controller-manager', '-n', 'kube-system')).not.toBe(before); // prettier-ignore
    expect(await ipOf('hello')).toBe(ip);
    await cluster.kubectl(['create', 'service', 'loadbalancer', 'third', '--tcp=8080:80']);
    expect(await ipOf('third')).not.toBe(ip);
    const metrics = await cluster.kubectl(['get', '--raw', '/metrics?component=cloud-controller-manager']);
    expect(metrics).toMatch(/^service_controller_loadbalancer_sync_total/m);
  });
  it('holds a Service until its load balancer is gone', async () => {
    const ip = await ipOf('hello');
    expect(await jsonpath('{.metadata.finalizers}', 'service', 'hello')).toContain('load-balancer-cleanup');
    await cluster.kubectl(['delete', 'service', 'hello', '--timeout=20s']);
    await expect(ask(ip)).rejects.toThrow('ECONNREFUSED');
    const events = await cluster.kubectl(['get', 'events', '-o', 'custom-columns=R:.reason']);
    expect(events).toContain('DeletedLoadBalancer');
  });
  it('lets its controllers do no more than upstream does', async () => {
    const can = async (user: string, ...args: string[]): Promise<string> =>
      (await cluster.kubectl(['auth', 'can-i', ...args, '--as', user]).catch((error: Error) => error.message)).trim();
    const [own, services] = ['system:cloud-controller-manager', 'system:serviceaccount:kube-system:service-controller'];
    expect(await can(services, 'patch', 'services', '--subresource=status', '-A')).toBe('yes');
    expect(await can(own, 'list', 'endpointslices.discovery.k8s.io', '-A')).toBe('yes');
    for (const [verb, what] of [['get', 'secrets'], ['create', 'pods'], ['update', 'services'], ['delete', 'nodes'], ['update', 'leases.coordination.k8s.io/other'], ['patch', 'configmaps/other']])
      expect(await can(own, verb!, what!, '-n', 'kube-system'), `${verb} ${what}`).toMatch(/no$/);
  }); // prettier-ignore
});
