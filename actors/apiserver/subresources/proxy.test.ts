import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../schemas/meta/status.ts';
import type { Core, ResourceRequest } from '../core.ts';
import { fakeCluster } from '../testing/fake-cluster.ts';
import { proxy } from './proxy.ts';

const cluster = () => {
  const c = fakeCluster();
  const meta = (name: string) => ({ name, namespace: 'd' });
  c.put({ kind: 'Service', apiVersion: 'v1', metadata: meta('web'), spec: { ports: [{ name: 'http', port: 80 }] } });
  c.put({ kind: 'Service', apiVersion: 'v1', metadata: meta('bare'), spec: { ports: [{ port: 80 }] } });
  c.put({ kind: 'Pod', apiVersion: 'v1', metadata: meta('p'), status: { podIPs: [{ ip: '10.1.2.3' }] } });
  const subsets = (targetRef?: object) => [{ addresses: [{ ip: '10.1.2.3', targetRef }], ports: [{ name: 'http', port: 8080 }] }];
  c.put({ kind: 'Endpoints', apiVersion: 'v1', metadata: meta('web'), subsets: subsets({ kind: 'Pod', ...meta('p') }) });
  c.put({ kind: 'Endpoints', apiVersion: 'v1', metadata: meta('free'), subsets: subsets() });
  c.put({ kind: 'Endpoints', apiVersion: 'v1', metadata: meta('bare') });
  return c;
}; // prettier-ignore

const to = (name: string, rest = ''): Promise<unknown> => {
  const c = cluster();
  const resource = c.resource('', 'services');
  const core = { ...c, barrier: () => Promise.resolve() } as unknown as Core;
  const path = `/api/v1/namespaces/d/services/${name}/proxy${rest}`;
  return proxy(core, { resource, info: { namespace: 'd', name, path } } as unknown as ResourceRequest);
};
describe('a way to a service', () => {
  it.each([
    ['web', 503, 'no endpoints available for service "web"'],
    ['web:81', 503, 'no service port 81 found for service "web"'],
    ['free:http', 503, 'no endpoints available for service "free:http"'],
    ['bare:80', 503, 'no endpoints available for service "bare"'],
    ['none', 404, 'services "none" not found'],
    ['none:80', 404, 'services "none" not found'],
    ['ftp:web:80', 400, 'invalid service request "ftp:web:80"'],
    ['a:b:c:d', 400, 'invalid service request "a:b:c:d"'],
    [':80', 400, 'invalid service request ":80"'],
  ])('%s: %i', async (name, code, message) => {
    const error: unknown = await to(name).catch((e: unknown) => e);
    expect(statusOf(error)).toMatchObject({ code, message });
  });
  it.each([
    ['web:http', 'http', '', ''],
    ['http:web:80', 'http', '/', '/'],
    ['https:web:80', 'https', '/a/../b%20c/', '/b c/'],
  ])('%s leads to the pod by %s', async (name, scheme, rest, path) => {
    expect(await to(name, rest)).toEqual({
      type: 'forward',
      to: { scheme, host: '10.1.2.3', port: 8080 },
      path,
      upgradeOnly: false,
    });
  });
});
