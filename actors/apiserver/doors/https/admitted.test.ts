import { request as httpsRequest, type RequestOptions } from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../../../bus/testing/until.ts';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { httpsCall, type HttpsAnswer } from '../../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

let all: TestServers;
let pki: TestPki;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  // One seat or two for each priority level.
  all = await startServers(1, pki, () => ({ maxRequestsInFlight: 1, maxMutatingRequestsInFlight: 1 }));
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
const options = (): RequestOptions => ({ port: all.servers[0]!.port, ca: pki.ca, cert: pki.adminCert, key: pki.adminKey }); // prettier-ignore
const call = (path: string, more: Record<string, string> = {}): Promise<HttpsAnswer> =>
  httpsCall({ ...options(), path, headers: more });
const AS = { 'impersonate-user': 'alice' };
const PATH = '/api/v1/namespaces/default/configmaps/x';
/** How many of that level wait, and how many are served, as the server says. */
async function counted(): Promise<{ readonly waiting: number; readonly served: number }> {
  const { text } = await call('/debug/api_priority_and_fairness/dump_priority_levels');
  const [, waiting, served] = /^global-default,(?:[^,]*,){3}\s*(\d+),\s*(\d+),/m.exec(text)!;
  return { waiting: Number(waiting), served: Number(served) };
}
const waiting = async (): Promise<number> => (await counted()).waiting;
/** A request that has a seat for as long as its body is missing. */
function seat(): { end(): void } {
  const headers = { ...AS, 'content-type': 'application/json', 'content-length': '2' };
  const held = httpsRequest({ ...options(), host: '127.0.0.1', agent: false, method: 'POST', path: '/api/v1/namespaces/default/configmaps', headers }); // prettier-ignore
  held.on('error', () => {});
  held.flushHeaders();
  return { end: () => held.end('{}') };
}

it('whose turn does not come is refused as kube-apiserver refuses; who goes leaves the queue; the rest is served', async () => {
  const seats = [seat()];
  // As many as there are: then one waits.
  for (; (await waiting()) === 0; seats.push(seat()))
    await until(async () => {
      const now = await counted();
      return now.waiting + now.served >= seats.length;
    });
  const refused = await call(`${PATH}?timeout=200ms`, AS);
  expect([refused.status, refused.text]).toEqual([429, 'Too many requests, please try again later.\n']);
  expect(refused.headers).toMatchObject({
    'retry-after': '1',
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-kubernetes-pf-flowschema-uid': expect.stringMatching(/^[-\da-f]{36}$/),
    'x-kubernetes-pf-prioritylevel-uid': expect.stringMatching(/^[-\da-f]{36}$/),
  });

  const before = await waiting();
  const gone = httpsRequest({ ...options(), host: '127.0.0.1', agent: false, path: PATH, headers: AS });
  gone.on('error', () => {});
  gone.end();
  await until(async () => (await waiting()) === before + 1);
  gone.destroy();
  await until(async () => (await waiting()) === before);

  const late = call(PATH, AS);
  await until(async () => (await waiting()) === before + 1);
  const dump = await call('/debug/api_priority_and_fairness/dump_requests?includeRequestDetails=1');
  expect(dump.text).toMatch(/^global-default, +global-default, +\d+, +\d+, +alice, .* alice, +get, +\/api\/v1\/namespaces\/default\/configmaps\/x, +default, +x, +v1, +configmaps,\s*$/m); // prettier-ignore
  // Those who are exempt have not waited at any time; now the others need not either.
  for (const one of seats) one.end();
  expect((await late).status).toBe(403);
  const { text } = await call('/metrics');
  expect(text).toMatch(/apiserver_flowcontrol_rejected_requests_total\{flow_schema="global-default",priority_level="global-default",reason="time-out"\} [1-9]/); // prettier-ignore
});
it('the dumps are for those who may see them', async () => {
  const { status } = await call('/debug/api_priority_and_fairness/dump_queues', AS);
  expect(status).toBe(403);
});
