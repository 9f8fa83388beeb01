import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import type { Bus } from '../../../bus/bus.ts';
import type { PutRequest } from '../../../bus/protocol/etcd.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { PodDisruptionBudget } from '../../../schemas/generated/policy-v1.ts';
import type { Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { type ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { pods, serviceAccounts } from '../../runtime/resources.ts';
import { startServers, tempFolder, type TestServers } from '../testing/servers.ts';

const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
const NAMESPACE = 'default';
const POD = 'a';
const ready: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
const unready: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };
const folder = tempFolder();
let all: TestServers;
let admin: ApiClient;
/** Done once, when the next eviction is about to be written. */
let meanwhile: (() => Promise<unknown>) | undefined;

/** What comes between the server's look at the pod and its write. */
const between = (bus: Bus): Bus => ({
  ...bus,
  request: async <T>(subject: string, body: unknown, options?: Parameters<Bus['request']>[2]): Promise<T> => {
    const happens = meanwhile;
    if (happens && subject === subjects.etcd('put') && (body as PutRequest).key.endsWith(`/pods/${NAMESPACE}/${POD}`)) {
      meanwhile = undefined;
      await happens();
    }
    return bus.request<T>(subject, body, options);
  },
});
const become = (status: PodStatus) => (): Promise<unknown> =>
  admin.patch(pods, POD, NAMESPACE, 'merge', { status }, { subresource: 'status' });
const evict = (): Promise<unknown> =>
  admin.create(pods, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: POD, namespace: NAMESPACE } } as never, { subresource: 'eviction', name: POD, namespace: NAMESPACE }); // prettier-ignore
const isGone = async (): Promise<boolean> =>
  (await admin.get<Pod>(pods, POD, NAMESPACE).catch(() => undefined))?.metadata.deletionTimestamp !== undefined ||
  (await admin.list<Pod>(pods, { namespace: NAMESPACE })).items.length === 0;

beforeAll(async () => {
  all = await startServers(1, await ensurePki(folder.path, ['127.0.0.1'], Date.now()), undefined, between);
  admin = all.client('admin');
  await admin.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: NAMESPACE } }); // prettier-ignore
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});

/** A pod as it is, behind a budget that has no disruption left. */
async function setUp(status: PodStatus, budget: NonNullable<PodDisruptionBudget['status']>): Promise<void> {
  await admin.delete(pods, POD, NAMESPACE, { gracePeriodSeconds: 0 }).catch(() => undefined);
  await admin.delete(budgets, 'b', NAMESPACE).catch(() => undefined);
  await admin.create<Pod>(pods, {
    apiVersion: 'v1', kind: 'Pod', metadata: { name: POD, namespace: NAMESPACE, labels: { app: 'a' } },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  }); // prettier-ignore
  await become(status)();
  await admin.create<PodDisruptionBudget>(budgets, {
    apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: NAMESPACE },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
  }); // prettier-ignore
  await admin.patch(budgets, 'b', NAMESPACE, 'merge', { status: { observedGeneration: 1, ...budget } }, { subresource: 'status' }); // prettier-ignore
}
const NONE_LEFT = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };

describe('a pod that is evicted while no disruption is allowed', () => {
  it.each([
    ['goes if it does not run yet', { phase: 'Pending' }],
    ['goes if it is not ready and enough others are', unready],
    ['goes if it is over', { phase: 'Failed' }],
  ] as const)('%s', async (_, status) => {
    await setUp(status, NONE_LEFT);
    await evict();
    expect(await isGone()).toBe(true);
  });
  it.each([
    [
      'stays if it becomes ready before it starts to go',
      { phase: 'Pending' },
      'needs 1 healthy pods and has 1 currently',
    ],
    ['stays if it becomes ready just when it is judged not to be', unready, 'is still being processed by the server'],
  ] as const)('%s', async (_, status, why) => {
    await setUp(status, NONE_LEFT);
    meanwhile = become(ready);
    const refusal = await evict().catch((error: unknown) => error as ApiError);
    expect(meanwhile).toBeUndefined();
    expect(reasonOf(refusal)).toBe('TooManyRequests');
    expect((refusal as ApiError).status.details?.causes?.[0]?.message).toContain(why);
    expect(await isGone()).toBe(false);
  });
  it('goes though it changes meanwhile, if it is still none that counts', async () => {
    await setUp({ phase: 'Pending' }, NONE_LEFT);
    meanwhile = become({ phase: 'Pending', message: 'not yet' });
    await evict();
    expect(await isGone()).toBe(true);
  });
});
