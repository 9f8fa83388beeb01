import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { fakeCluster } from '../../apiserver/testing/fake-cluster.ts';
import { startHookServer, type HookServer } from '../../apiserver/testing/hook-server.ts';
import { tempFolder, type TestPki } from '../../apiserver/testing/servers.ts';
import { createOutbound, type OutboundRequest } from './outbound.ts';
import { resolveService } from '../../apiserver/outbound/services.ts';
import { certificateProblem, dateProblem } from './verify.ts';

let pki: TestPki;
let server: HookServer;
const folder = tempFolder();
const { call, close } = createOutbound(realWorld({ level: 'silent' }));
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  server = await startHookServer({ key: pki.serverKey, cert: pki.serverCert });
});
afterAll(async () => {
  close();
  await server.stop();
  folder.remove();
});
const never = new AbortController().signal;
const get = (url: string, more: Partial<OutboundRequest> = {}) =>
  call({ method: 'POST', url, ca: pki.ca, body: new Uint8Array(0), signal: never, ...more });

describe('requests to other servers', () => {
  it('are answered, over a connection that is kept', async () => {
    const ports = new Set<number | undefined>();
    const url = server.on('/a', (_review, response, request) => {
      ports.add(request.socket.remotePort);
      response.writeHead(201, { 'x-a': 'b' }).end('text');
    });
    for (let i = 0; i < 3; i++) {
      const answer = await get(url);
      expect([answer.status, answer.headers['x-a'], Buffer.from(answer.body).toString()]).toEqual([201, 'b', 'text']);
    }
    expect(ports.size).toBe(1);
  });
  it('are made by the address that is meant for the host', async () => {
    const sources: (string | undefined)[] = [];
    const url = server.on('/source', (_review, response, request) => {
      sources.push(request.socket.remoteAddress);
      response.end();
    });
    const asked: string[] = [];
    const client = createOutbound(realWorld({ level: 'silent' }), {
      sourceOf: (host) => (asked.push(host), '127.7.7.7'),
    });
    const request = { method: 'POST', url, ca: pki.ca, body: new Uint8Array(0), signal: never };
    await client.call(request);
    await client.call({ ...request, url: url.replace('127.0.0.1', 'elsewhere'), serverName: '127.0.0.1', route: () => ({ host: '127.0.0.1', port: server.port }) }); // prettier-ignore
    client.close();
    expect([asked, sources]).toEqual([
      ['127.0.0.1', '127.0.0.1'],
      ['127.7.7.7', '127.7.7.7'],
    ]);
  });
  it('are not repeated when a kept connection ends after they went out', async () => {
    let asked = 0;
    const url = server.on('/once', (_review, response, request) => {
      asked++;
      if (asked === 1) response.end();
      else request.socket.destroy();
    });
    await get(url);
    await expect(get(url)).rejects.toThrow('/once": EOF');
    expect(asked).toBe(2);
  });
  it('go where they are routed, under the name that they have', async () => {
    const seen: unknown[] = [];
    server.on('/routed', (_review, response, request) => {
      seen.push(request.headers.host);
      response.end();
    });
    const { port } = server;
    const route = () => ({ host: '127.0.0.1', port });
    await expect(get('https://hook.default.svc:443/routed', { route })).rejects.toThrow(
      /^Post "https:\/\/hook\.default\.svc:443\/routed": tls: failed to verify certificate: x509: certificate is valid for .*, not hook\.default\.svc$/,
    );
    expect(seen).toEqual([]);
  });
  it('that find nobody say so as Go does', async () => {
    const port = server.port;
    await expect(get('https://127.0.0.1:1/x?y=z')).rejects.toThrow('Post "https://127.0.0.1:1/x?y=z": dial tcp 127.0.0.1:1: connect: connection refused');
    await expect(get(`https://127.0.0.1:${port}/x`, { ca: undefined })).rejects.toThrow('tls: failed to verify certificate: x509: certificate signed by unknown authority');
    const route = (): never => {
      throw new Error('service "x" not found');
    };
    await expect(get('https://x.y.svc:443/', { route })).rejects.toThrow('Post "https://x.y.svc:443/": service "x" not found');
  }); // prettier-ignore
  it('that meet a server without TLS say so', async () => {
    const plain = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => void plain.listen(0, '127.0.0.1', resolve));
    const { port } = plain.address() as AddressInfo;
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toThrow('http: server gave HTTP response to HTTPS client');
    plain.close();
  });
  it('are not answered by what has no end', async () => {
    const small = createOutbound(realWorld({ level: 'silent' }), { maxBytes: 1000 });
    const url = server.on('/big', (_review, response) => void response.end('y'.repeat(2000)));
    const request = { method: 'POST', url, ca: pki.ca, body: new Uint8Array(0), signal: never };
    await expect(small.call(request)).rejects.toThrow('the answer is longer than 1000 bytes');
    small.close();
  });
  it('end when they are given up, also within the answer', async () => {
    const giveUp = async (path: string, begin: (end: () => void) => void): Promise<void> => {
      const controller = new AbortController();
      const abort = (): void => controller.abort(new Error('context deadline exceeded'));
      begin(abort);
      await get(`https://127.0.0.1:${server.port}${path}`, { signal: controller.signal });
    };
    await expect(giveUp('/hang', (end) => void server.on('/hang', () => end()))).rejects.toThrow('/hang": context deadline exceeded');
    const halfway = giveUp('/half', (end) => void server.on('/half', (_review, response) => void response.writeHead(200).write('{', () => setTimeout(end, 50))));
    await expect(halfway).rejects.toThrow('unexpected error when reading response body. Please retry. Original error: context deadline exceeded');
  }); // prettier-ignore
});

describe('a certificate', () => {
  const certificate = (subjectaltname: string | undefined, more: object = {}): PeerCertificate =>
    ({ subjectaltname, subject: { CN: 'x' }, ...more }) as unknown as PeerCertificate;
  it.each([
    ['a.example', 'DNS:a.example', undefined],
    ['b.a.example', 'DNS:*.a.example', undefined],
    ['c.b.a.example', 'DNS:*.a.example', 'certificate is valid for *.a.example, not c.b.a.example'],
    ['127.0.0.1', 'DNS:a.example, IP Address:127.0.0.1', undefined],
    ['127.0.0.1', 'DNS:a.example', "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"],
    ['127.0.0.1', 'IP Address:10.0.0.1', 'certificate is valid for 10.0.0.1, not 127.0.0.1'],
    ['::1', 'IP Address:0:0:0:0:0:0:0:1', undefined],
    ['x', undefined, 'certificate relies on legacy Common Name field, use SANs instead'],
  ])('for %s with %s', (host, names, problem) => {
    expect(certificateProblem(host, certificate(names))?.message).toBe(problem);
  });
  it('is good for a time', () => {
    const from = certificate(undefined, { valid_from: 'Jan  1 00:00:00 2025 GMT', valid_to: 'Feb  1 00:00:00 2025 GMT' });
    expect(dateProblem(from, Date.UTC(2025, 0, 15))).toBeUndefined();
    expect(dateProblem(from, Date.UTC(2026, 0, 1))?.message).toBe(
      'certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-02-01T00:00:00Z',
    );
    expect(dateProblem(from, Date.UTC(2024, 0, 1))?.message).toContain('is before 2025-01-01T00:00:00Z');
  }); // prettier-ignore
});

describe('a service', () => {
  const c = fakeCluster();
  const ground = { ...c, random: () => 0 };
  const service = (name: string, spec: object): void =>
    void c.put({ kind: 'Service', apiVersion: 'v1', metadata: { name, namespace: 'd' }, spec });
  service('web', { type: 'ClusterIP', clusterIP: '10.96.0.9', ports: [{ name: 'https', port: 443 }] });
  service('none', { type: 'ClusterIP', clusterIP: 'None', ports: [{ port: 443 }] });
  service('far', { type: 'ExternalName', externalName: 'far.example' });
  const at = (name: string, port = 443) => resolveService(ground, 'd', name, port);
  it('is reached by a ready endpoint, else it refuses', () => {
    expect(() => at('web')).toThrow('dial tcp 10.96.0.9:443: connect: connection refused');
    c.put({
      kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', addressType: 'IPv4',
      metadata: { name: 'web-1', namespace: 'd', labels: { 'kubernetes.io/service-name': 'web' } },
      ports: [{ name: 'https', port: 8443 }],
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }, { addresses: ['10.0.0.2'], conditions: { ready: true } }],
    });
    expect(at('web')).toEqual({ host: '10.0.0.2', port: 8443 });
    expect(at('far')).toEqual({ host: 'far.example', port: 443 });
  }); // prettier-ignore
  it('is missed in the words of the real server', () => {
    expect(() => at('nope')).toThrow('service "nope" not found');
    expect(() => at('web', 99)).toThrow('no service port 99 found for service "web"');
    expect(() => at('none')).toThrow('cannot route to service with ClusterIP "None"');
  });
});
