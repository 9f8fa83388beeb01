import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';
import { sinkOf, type AuditMode } from './batching.ts';
import { evaluator, readAuditPolicy } from './policy.ts';
import { auditWebhook } from './webhook.ts';

interface List {
  readonly kind: string;
  readonly apiVersion: string;
  readonly items: readonly { readonly stage: string; readonly kind?: string; readonly requestURI: string }[];
}
const folder = tempFolder();
const lists: List[] = [];
let status = 200;
let pki: TestPki;
let hook: Server;
let all: TestServers;
const policy = readAuditPolicy({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level: 'None', userGroups: ['system:authenticated'] }, { level: 'Metadata' }],
});
const MODES: readonly AuditMode[] = ['blocking-strict', 'blocking'];
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  hook = createServer({ key: pki.serverKey, cert: pki.serverCert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (status === 200) lists.push(JSON.parse(Buffer.concat(chunks).toString()) as List);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => void hook.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const batch = { bufferSize: 10, maxSize: 1, maxWaitMs: 1, throttle: undefined, parallel: true };
  all = await startServers(2, pki, (i) => ({
    audit: { evaluate: evaluator(policy), sink: sinkOf(auditWebhook({ url, ca: pki.ca }, 1), { mode: MODES[i]!, batch }) },
  })); // prettier-ignore
});
afterAll(async () => {
  await all.stop();
  hook.closeAllConnections();
  await new Promise((resolve) => hook.close(resolve));
  folder.remove();
});
const ask = (server: number, path: string, as: object = {}) =>
  httpsCall({ port: all.servers[server]!.port, ca: pki.ca, method: 'GET', path, ...as });

it('events are there before the answer is, in lists', async () => {
  const answer = await ask(0, '/livez?strict');
  expect(answer.status).toBe(200);
  const about = lists.filter(({ items }) => items[0]!.requestURI === '/livez?strict');
  expect(about.map(({ items }) => items.map(({ stage }) => stage))).toEqual([['RequestReceived'], ['ResponseComplete']]); // prettier-ignore
  expect(about[0]).toMatchObject({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {} });
  expect(about[0]!.items[0]).not.toHaveProperty('kind');
});
it('what cannot be noted is refused where that was asked for, and counted', async () => {
  status = 503;
  const refused = await ask(0, '/livez');
  expect([refused.status, refused.text]).toEqual([500, 'Internal Server Error: "/livez": failed to store audit event\n']); // prettier-ignore
  expect((await ask(1, '/livez')).status).toBe(200);
  const as = { cert: pki.adminCert, key: pki.adminKey };
  // Of whom nothing is noted, nobody has to wait.
  const metrics = (await ask(0, '/metrics', as)).text;
  expect(metrics).toContain('apiserver_audit_requests_rejected_total 1');
  expect(metrics).toMatch(/apiserver_audit_error_total\{plugin="webhook"\} [1-9]/);
  expect((await ask(1, '/metrics', as)).text).toContain('apiserver_audit_requests_rejected_total 0');
});
