import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { ComponentStatus } from '../../../schemas/generated/core-v1.ts';
import { formatMicroTime } from '../../../schemas/meta/time.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { leases } from '../../runtime/resources.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';

const componentStatuses = { group: '', version: 'v1', resource: 'componentstatuses' };
const folder = tempFolder();
let pki: TestPki;
let all: TestServers;
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki);
  const held = async (name: string, holderIdentity: string, agoMs: number): Promise<void> => {
    const spec = { holderIdentity, leaseDurationSeconds: 30, renewTime: formatMicroTime(Date.now() - agoMs) };
    const metadata = { name, namespace: 'kube-system' };
    await all.client('admin').create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }); // prettier-ignore
  };
  await held('kube-scheduler', 's-1', 0);
  await held('kube-controller-manager', 'c-1', 100_000);
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
const get = async (path: string, accept = 'application/json') => {
  const { adminCert: cert, adminKey: key, ca } = pki;
  return httpsCall({ port: all.servers[0]!.port, ca, cert, key, path: `/api/v1/componentstatuses${path}`, headers: { accept } }); // prettier-ignore
};
const named = async (path: string): Promise<string[]> =>
  (JSON.parse((await get(path)).text) as { items: ComponentStatus[] }).items.map(({ metadata }) => metadata.name!);
const LATE = 'c-1 has not renewed the Lease kube-system/kube-controller-manager in time';

it('components are well while somebody holds their Lease, the store while it answers', async () => {
  expect(JSON.parse((await get('')).text)).toEqual({
    kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {},
    items: [
      { metadata: { name: 'scheduler' }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
      { metadata: { name: 'controller-manager' }, conditions: [{ type: 'Healthy', status: 'False', message: LATE }] },
      { metadata: { name: 'etcd-0' }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
    ],
  }); // prettier-ignore
  await all.client('admin').delete(leases, 'kube-controller-manager', 'kube-system');
  const answer = JSON.parse((await get('/controller-manager')).text) as ComponentStatus;
  expect(answer).toMatchObject({ kind: 'ComponentStatus', metadata: { name: 'controller-manager' } });
  expect(answer.conditions![0]!.message).toBe('nobody holds the Lease kube-system/kube-controller-manager');
});
it('are shown as rows, and to components over the bus', async () => {
  const table = JSON.parse((await get('', 'application/json;as=Table;g=meta.k8s.io;v=v1')).text) as { metadata: object; rows: { cells: unknown[] }[] }; // prettier-ignore
  expect([table.metadata, table.rows[2]!.cells]).toEqual([{}, ['etcd-0', 'Healthy', 'ok', '']]);
  const { items } = await all.client('admin').list<ComponentStatus>(componentStatuses);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['scheduler', 'controller-manager', 'etcd-0']);
  const one = await all.client('admin').get<ComponentStatus>(componentStatuses, 'etcd-0');
  expect(one.conditions).toEqual([{ type: 'Healthy', status: 'True', message: 'ok' }]);
});
it('are selected by name, and are nothing else', async () => {
  expect(await named('?fieldSelector=metadata.name%3Detcd-0')).toEqual(['etcd-0']);
  expect(await named('?fieldSelector=metadata.name!%3Detcd-0')).toEqual(['scheduler', 'controller-manager']);
  expect(await named('?labelSelector=a')).toEqual([]);
  expect(await named('?limit=1&resourceVersion=7')).toHaveLength(3);
  expect((await get('?fieldSelector=x%3D1')).status).toBe(400);
  const refused = await all.client('admin').get(componentStatuses, 'nope').catch(statusOf); // prettier-ignore
  expect(refused).toMatchObject({ code: 404, message: 'componentstatus "nope" not found' });
});
