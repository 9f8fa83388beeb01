import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { ingressObstacle, ingressUrls, settleIngress } from './ingress-ports.ts';

it.each([
  [
    { ingressHttpPort: 81, ingressHttpsPort: 444 },
    { http: 1, https: 2 },
    { http: 81, https: 444 },
  ],
  [{}, { http: 7001, https: 7002 }, { http: 7001, https: 7002 }],
  [{ ingressHttpsPort: 444 }, { http: 7001, https: 7002 }, { http: 7001, https: 444 }],
])('where Ingresses are served: asked for %j, before %j', async (asked, before, expected) =>
  expect(await settleIngress(asked, before)).toEqual(expected),
);
it.each([
  [{ http: 1, https: 2 }, 'http://127.0.0.1:1 https://127.0.0.1:2'],
  [{ host: '0.0.0.0', http: 1, https: 2 }, 'http://127.0.0.1:1 https://127.0.0.1:2'],
  [{ host: '::1', http: 1, https: 2 }, 'http://[::1]:1 https://[::1]:2'],
])('how they are reached: %j', (ports, urls) => expect(Object.values(ingressUrls(ports)).join(' ')).toBe(urls));
it('is a free port where that is asked for, and one where others have the usual', async () => {
  const { http, https } = await settleIngress({ ingressHttpPort: 0, ingressHttpsPort: 0 }, undefined);
  expect(http).toBeGreaterThan(1023);
  expect(https).not.toBe(http);
  const server = createServer();
  await new Promise<void>((done) => server.listen(8080, '127.0.0.1', done).on('error', () => done()));
  expect((await settleIngress({}, undefined)).http).not.toBe(8080);
  if (server.listening) {
    expect((server.address() as AddressInfo).port).toBe(8080);
    expect(await ingressObstacle({ http: 8080, https: 8443 })).toContain('--ingress-http-port N');
  }
  await new Promise((done) => server.close(done));
});
it('is not one port for both', async () => {
  await expect(settleIngress({ ingressHttpPort: 81, ingressHttpsPort: 81 }, undefined)).rejects.toThrow(
    'cannot be the same',
  );
});
