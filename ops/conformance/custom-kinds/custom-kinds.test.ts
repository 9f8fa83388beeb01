import { Agent } from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { httpsCall, type HttpsAnswer } from '../../../actors/apiserver/testing/https-call.ts';
import { startServers, tempFolder, type TestServers } from '../../../actors/apiserver/testing/servers.ts';
import { ensurePki } from '../../pki/pki.ts';
import { eventually } from '../../testing/cluster.ts';
import { definitionOf, objectOf } from './material.ts';

const COUNT = 40;
const folder = tempFolder();
const definitions = Array.from({ length: COUNT }, (_, i) => definitionOf(i, 'test'));
let all: TestServers;
let agent: Agent;
beforeAll(async () => {
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(2, pki);
  agent = new Agent({ keepAlive: true, ca: pki.ca, maxSockets: 16 });
});
afterAll(async () => {
  agent.destroy();
  await all.stop();
  folder.remove();
});
const ask = (server: number, method: string, path: string, body?: object, accept = 'application/json'): Promise<HttpsAnswer> =>
  httpsCall({ port: all.servers[server]!.port, path, method, agent, headers: { authorization: 'Bearer secret', 'content-type': 'application/json', accept } }, body); // prettier-ignore
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** Until it no longer throws. */
const soon = (look: () => Promise<void>): Promise<boolean> =>
  eventually('as it should be', async () => {
    await look();
    return true;
  });
interface Aggregated {
  readonly items: readonly { readonly metadata: { readonly name?: string }; readonly versions: readonly { readonly resources?: readonly { readonly resource: string }[] }[] }[];
} // prettier-ignore
const kindsIn = ({ text }: HttpsAnswer): string[] =>
  (JSON.parse(text) as Aggregated).items
    .filter(({ metadata }) => metadata.name?.includes('.test.'))
    .flatMap(({ versions }) => [...new Set(versions.flatMap((v) => (v.resources ?? []).map((r) => r.resource)))]);

it('many kinds are served, said and forgotten by both of two servers', async () => {
  const before = await ask(0, 'GET', '/apis', undefined, AGGREGATED);
  const made = await Promise.all(definitions.map((d, i) => ask(i % 2, 'POST', CRDS, d.body)));
  expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]));
  const wanted = definitions.map((d) => d.plural).sort();
  for (const server of [0, 1]) {
    await soon(async () => expect(kindsIn(await ask(server, 'GET', '/apis', undefined, AGGREGATED)).sort()).toEqual(wanted)); // prettier-ignore
    const { text } = await ask(server, 'GET', '/openapi/v3');
    const { paths } = JSON.parse(text) as { paths: Record<string, unknown> };
    expect(Object.keys(paths).filter((path) => path.includes('.test.example.com/'))).toHaveLength(new Set(definitions.flatMap((d) => d.versions.map((v) => `${d.group}/${v}`))).size); // prettier-ignore
  }
  // The same documents under the same tags, whichever server is asked.
  for (const [path, accept] of [
    ['/apis', AGGREGATED],
    ['/openapi/v3', '*/*'],
  ] as const) {
    const [one, other] = await Promise.all([0, 1].map((server) => ask(server, 'GET', path, undefined, accept)));
    expect([other!.headers['etag'], other!.text]).toEqual([one!.headers['etag'], one!.text]);
  }
  // What was let go while nobody used it is there again.
  const d = definitions[9]!;
  const items = `/apis/${d.group}/v1/namespaces/default/${d.plural}`;
  const create = async (name: string): Promise<number> => (await ask(0, 'POST', items, objectOf(d, name))).status;
  await soon(async () => expect(await create('first')).toBe(201));
  for (const server of all.servers) for (let minute = 0; minute < 3; minute++) server.core.cache.sweep();
  expect(await create('second')).toBe(201);
  const wrong = { ...objectOf(d, 'third'), spec: { image: 'x', minReplicas: 3, maxReplicas: 2 } };
  expect(JSON.parse((await ask(1, 'POST', items, wrong)).text)).toMatchObject({ code: 422, message: expect.stringContaining('there must not be more at the least than at the most') as string }); // prettier-ignore
  const old = await ask(1, 'GET', `/apis/${d.group}/v1beta1/namespaces/default/${d.plural}/second`);
  expect(JSON.parse(old.text)).toMatchObject({ apiVersion: `${d.group}/v1beta1`, spec: { minReplicas: 2 } });

  const gone = await Promise.all(definitions.map((one, i) => ask(i % 2, 'DELETE', `${CRDS}/${one.name}`)));
  expect(new Set(gone.map(({ status }) => status))).toEqual(new Set([200]));
  for (const server of [0, 1])
    await soon(async () => {
      const after = await ask(server, 'GET', '/apis', undefined, AGGREGATED);
      expect([kindsIn(after), after.headers['etag']]).toEqual([[], before.headers['etag']]);
    });
});
