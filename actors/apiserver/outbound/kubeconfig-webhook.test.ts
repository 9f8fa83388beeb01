import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { tempFolder, type TestPki } from '../testing/servers.ts';
import { createKubeconfigWebhook, type KubeconfigWebhook, type WebhookServer } from './kubeconfig-webhook.ts';

const folder = tempFolder();
let pki: TestPki;
let server: Server;
let asked = 0;
let respond: (response: ServerResponse, request: IncomingMessage) => void;
let told: string[] = [];
const hooks: KubeconfigWebhook[] = [];
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  const tls = { key: pki.serverKey, cert: pki.serverCert, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
  server = createServer(tls, (request, response) => {
    asked++;
    request.resume().on('end', () => respond(response, request));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  asked = 0;
  told = [];
});
afterAll(async () => {
  for (const hook of hooks) hook.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  folder.remove();
});
const hook = (more: Partial<WebhookServer> = {}, maxBytes?: number): KubeconfigWebhook => {
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/review`;
  const made = createKubeconfigWebhook({
    world: realWorld({ level: 'silent' }), server: { url, ca: pki.ca, ...more }, initialBackoffMs: 1, maxBytes,
    onAttempt: ({ code }) => void told.push(code),
  }); // prettier-ignore
  hooks.push(made);
  return made;
};
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end('no');

it('shows who asks, by certificate and token, and says how long it waits', async () => {
  const seen: unknown[] = [];
  respond = (response, request) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    seen.push(request.url, request.headers.authorization, request.headers['content-type'], subject?.CN);
    response.end('{"a":1}');
  };
  const certificate = { cert: pki.adminCert, key: pki.adminKey };
  const answer = await hook({ certificate, authorization: () => 'Bearer t' }).post({});
  expect(Buffer.from(answer.body).toString()).toBe('{"a":1}');
  expect(seen).toEqual(['/review?timeout=30s', 'Bearer t', 'application/json', 'kubernetes-admin']);
  expect(told).toEqual(['200']);
});
it.each([
  [500, {}, 5, 'an error on the server ("unknown") has prevented the request from succeeding'],
  [502, {}, 5, 'an error on the server ("unknown") has prevented the request from succeeding'],
  [504, {}, 5, 'the server was unable to return a response in the time allotted, but may still be processing the request'],
  [429, { 'retry-after': '0' }, 5, 'the server has received too many requests and has asked us to try again later'],
  [503, {}, 1, 'the server is currently unable to handle the request'],
  [401, {}, 1, 'the server has asked for the client to provide credentials'],
  [404, {}, 1, 'the server could not find the requested resource'],
])('an answer of %d %j is asked for %#: %d times', async (code, headers, times, message) => {
  respond = status(code, { 'content-type': 'application/json', ...headers });
  await expect(hook().post({})).rejects.toThrow(message);
  expect(asked).toBe(times);
  expect(told).toEqual(Array(times).fill(String(code)));
}); // prettier-ignore
it('a server that recovers is heard', async () => {
  respond = (response) => void response.writeHead(asked < 3 ? 500 : 200).end('{}');
  expect((await hook().post({})).status).toBe(200);
  expect(asked).toBe(3);
});
it('nobody is asked again who does not listen, is not trusted, or ends the connection in order', async () => {
  const refused = hook({ url: 'https://127.0.0.1:1/' }).post({});
  await expect(refused).rejects.toThrow('Post "https://127.0.0.1:1/?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused');
  await expect(hook({ ca: pki.frontProxyCa ?? pki.adminCert }).post({})).rejects.toThrow('certificate signed by unknown authority');
  await expect(hook({ serverName: 'other.example' }).post({})).rejects.toThrow(', not other.example');
  respond = (_, request) => void request.socket.end();
  await expect(hook().post({})).rejects.toThrow(/: EOF$/);
  expect(asked).toBe(1);
  expect(told).toEqual(['<error>', '<error>', '<error>', '<error>']);
}); // prettier-ignore
it('a certificate that is not looked at need not be trusted', async () => {
  respond = (response) => void response.end('{}');
  expect((await hook({ ca: undefined, insecure: true }).post({})).status).toBe(200);
});
it('an answer has a size, and a wait an end', async () => {
  respond = (response) => void response.end('y'.repeat(2000));
  await expect(hook({}, 1000).post({})).rejects.toThrow('longer than 1000 bytes');
  const controller = new AbortController();
  respond = () => controller.abort(new Error('given up'));
  await expect(hook().post({}, controller.signal)).rejects.toThrow('given up');
  expect(asked).toBe(2);
});
it('who hangs is given up, and not asked again; who is closed stops asking', async () => {
  const world = realWorld({ level: 'silent' });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const open = (initialBackoffMs: number, timeoutMs?: number): KubeconfigWebhook => {
    const made = createKubeconfigWebhook({ world, server: { url, ca: pki.ca }, initialBackoffMs, timeoutMs });
    hooks.push(made);
    return made;
  };
  respond = () => undefined;
  await expect(open(1, 1000).post({})).rejects.toThrow('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'); // prettier-ignore
  expect(asked).toBe(1);
  const patient = open(60_000);
  respond = status(500);
  await expect(patient.post({}, undefined, () => setImmediate(() => patient.close()))).rejects.toThrow(
    'an error on the server',
  );
  expect(asked).toBe(2);
});
it('what shows who asks is not passed on to another server', async () => {
  const other = createServer({ key: pki.serverKey, cert: pki.serverCert }, (request, response) => {
    seen.push(request.headers.authorization);
    response.end('{}');
  });
  const seen: unknown[] = [];
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
  respond = (response, request) => {
    seen.push(request.headers.authorization);
    const location = `https://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    response.writeHead(307, { location }).end();
  };
  await hook({ authorization: () => 'Bearer t' }).post({});
  expect(seen).toEqual(['Bearer t', undefined]);
  other.closeAllConnections();
  other.close();
});
