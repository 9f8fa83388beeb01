import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { deployments } from '../../runtime/resources.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestServers } from '../testing/servers.ts';

const csinodes = { group: 'storage.k8s.io', version: 'v1', resource: 'csinodes' };

let all: TestServers;
let ca: string;
let admin: ApiClient;
const folder = tempFolder();
beforeAll(async () => {
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  ({ ca } = pki);
  all = await startServers(1, pki);
  admin = all.client('admin');
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});

/** As clients outside see them; components are told an object without. */
async function managedFieldsAt(path: string): Promise<NonNullable<DynamicObject['metadata']['managedFields']>> {
  const headers = { authorization: 'Bearer secret' };
  const { text } = await httpsCall({ port: all.servers[0]!.port, ca, path, headers });
  return (JSON.parse(text) as DynamicObject).metadata.managedFields ?? [];
}

it.each([
  ['[]', [], [{ 'f:spec': { 'f:drivers': {} } }]],
  ['null', null, []],
])('who creates with %s in a list that is always printed', async (name, drivers, owned) => {
  const made = await admin.create<DynamicObject>(csinodes, {
    apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: name === '[]' ? 'empty' : 'null' }, spec: { drivers },
  }); // prettier-ignore
  expect(made['spec']).toEqual({ drivers: null });
  const entries = await managedFieldsAt(`/apis/storage.k8s.io/v1/csinodes/${made.metadata.name}`);
  expect(entries.map((entry) => entry.fieldsV1)).toEqual(owned);
});
it('a scale is owned without a time, by whichever way it came', async () => {
  const labels = { app: 'x' };
  await admin.create(deployments, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
  }); // prettier-ignore
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' } };
  const entries = async (): Promise<unknown[]> =>
    (await managedFieldsAt('/apis/apps/v1/namespaces/default/deployments/d'))
      .filter(({ subresource }) => subresource === 'scale')
      .map(({ manager, operation, time }) => [manager, operation, time]);
  const options = { subresource: 'scale', fieldManager: 'sc' };
  await admin.patch(deployments, 'd', 'default', 'merge', { spec: { replicas: 2 } }, options);
  expect(await entries()).toEqual([['sc', 'Update', undefined]]);
  await admin.patch(
    deployments,
    'd',
    'default',
    'apply',
    { ...scale, spec: { replicas: 3 } },
    { ...options, force: true },
  );
  expect(await entries()).toEqual([['sc', 'Apply', undefined]]);
});
