import { afterEach, expect, it } from 'vitest';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { namespaces, networkPolicies, pods } from '../../../actors/runtime/resources.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { NetworkPolicySpec } from '../../../schemas/generated/networking-v1.ts';
import { CommandError, type Commands } from '../../host/commands.ts';
import { Interpreter } from '../testing/nft-interpreter.ts';
// What is loaded with the first policy is there then within the test's own time.
import './guard.ts';
import { startNetworkPolicy, type NetworkPolicyAgent } from './actor.ts';

interface Bench {
  readonly world: TestWorld;
  readonly api: FakeApi;
  readonly agent: NetworkPolicyAgent;
  readonly kernel: Interpreter;
  /** What nft said to the transactions so far; undefined: it took one. */
  readonly answers: (string | undefined)[];
  /** Programs do not work. */
  broken: string | undefined;
  /** Somebody flushes the rules. */
  flush(): void;
  passes(from: string, to: string, port?: number): boolean;
}
let bench: Bench | undefined;
afterEach(async () => {
  await bench?.agent.stop();
  bench = undefined;
});
async function start(): Promise<Bench> {
  const world = testWorld();
  const api = fakeApi(world);
  let kernel = new Interpreter();
  let hasTable = false;
  const b: Omit<Bench, 'agent'> & { agent?: NetworkPolicyAgent } = {
    world,
    api,
    get kernel() {
      return kernel;
    },
    answers: [],
    broken: undefined,
    flush: () => {
      kernel = new Interpreter();
      hasTable = false;
    },
    passes: (from, to, port = 80) => kernel.passes({ from, to, protocol: 'tcp', port }),
  };
  const commands: Commands = {
    run: async (_program, args) => ({ code: args[0] === 'list' && !hasTable ? 1 : 0, stdout: '', stderr: '' }),
    must: async (_program, _args, options) => {
      let why = b.broken;
      try {
        if (why === undefined) kernel.apply(String(options?.input));
      } catch (error) {
        why = (error as Error).message;
      }
      b.answers.push(why);
      if (why !== undefined) throw new CommandError(`nft: ${why}`);
      hasTable = !String(options?.input).endsWith('delete table inet kubus-policy\n');
      return '';
    },
  };
  for (const [name, label] of [['a', 'x'], ['b', 'y']] as const) // prettier-ignore
    await api.client().create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { is: label } } }); // prettier-ignore
  b.agent = startNetworkPolicy({ world, id: 'n1', client: api.client('pod-network'), commands, node: 'n1' });
  bench = b as Bench;
  return bench;
}
const pod = (name: string, ip: string | undefined, o: { namespace?: string; node?: string; labels?: Record<string, string> } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: o.namespace ?? 'a', labels: o.labels ?? { app: name } },
  spec: { nodeName: o.node ?? 'n1', containers: [{ name: 'c', image: 'i' }] },
  status: ip === undefined ? {} : { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
}); // prettier-ignore
const policy = (b: Bench, name: string, spec: NetworkPolicySpec, namespace = 'a') =>
  b.api.client().create(networkPolicies, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec }); // prettier-ignore
const [WEB, DB, FAR] = ['10.244.1.2', '10.244.1.3', '10.244.2.2'];
async function withPods(): Promise<Bench> {
  const b = await start();
  for (const one of [pod('web', WEB), pod('db', DB), pod('far', FAR, { namespace: 'b', node: 'n2' })]) await b.api.client().create(pods, one); // prettier-ignore
  await b.world.until(() => b.agent.state() === 'unguarded');
  return b;
}
const state = (b: Bench, name: string): Promise<void> => b.world.until(() => b.agent.state() === name, 60_000);

it('looks at nothing but policies while there are none, and says nothing to the kernel', async () => {
  const b = await withPods();
  const read = new Set(b.api.calls.filter(({ caller }) => caller === 'pod-network').map(({ resource }) => resource));
  expect([...read]).toEqual(['networkpolicies']);
  expect(b.answers).toEqual([]);
  await b.agent.admit(pod('new', undefined), ['10.244.1.9'], new AbortController().signal);
});
it('guards from the first policy to the last', async () => {
  const b = await withPods();
  await policy(b, 'db', { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 80 }] }] }); // prettier-ignore
  await state(b, 'guarding');
  expect([b.passes(WEB, DB), b.passes(WEB, DB, 81), b.passes(FAR, DB), b.passes(DB, FAR)]).toEqual([true, false, false, true]); // prettier-ignore
  await policy(b, 'more', { podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { is: 'y' } } }] }] }); // prettier-ignore
  await b.world.until(() => b.passes(FAR, DB));
  expect([b.passes(WEB, DB), b.passes(DB, WEB)]).toEqual([true, false]);
  await b.api.client().delete(networkPolicies, 'more', 'a');
  await b.world.until(() => !b.passes(FAR, DB));
  await b.api.client().delete(networkPolicies, 'db', 'a');
  await state(b, 'unguarded');
  expect(b.kernel.size).toBe(0);
  expect(b.passes(FAR, DB)).toBe(true);
});
it('follows labels, of pods and namespaces, and pods that come, end and go', async () => {
  const b = await withPods();
  const client = b.api.client();
  await policy(b, 'db', { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ namespaceSelector: { matchLabels: { is: 'y' } }, podSelector: { matchLabels: { app: 'far' } } }] }] }); // prettier-ignore
  await state(b, 'guarding');
  expect([b.passes(FAR, DB), b.passes(WEB, DB)]).toEqual([true, false]);
  await client.patch(namespaces, 'b', undefined, 'merge', { metadata: { labels: { is: 'z' } } });
  await b.world.until(() => !b.passes(FAR, DB));
  await client.patch(namespaces, 'b', undefined, 'merge', { metadata: { labels: { is: 'y' } } });
  await b.world.until(() => b.passes(FAR, DB));
  await client.patch(pods, 'far', 'b', 'merge', { metadata: { labels: { app: 'other' } } });
  await b.world.until(() => !b.passes(FAR, DB));
  await client.create(pods, pod('far-2', '10.244.2.3', { namespace: 'b', node: 'n2', labels: { app: 'far' } }));
  await b.world.until(() => b.passes('10.244.2.3', DB));
  await client.patch(pods, 'far-2', 'b', 'merge', { status: { phase: 'Failed' } }, { subresource: 'status' });
  await b.world.until(() => !b.passes('10.244.2.3', DB));
  await client.delete(pods, 'db', 'a', { gracePeriodSeconds: 0 });
  await b.world.until(() => b.passes(WEB, DB));
});
it('guards a new pod before it runs', async () => {
  const b = await withPods();
  await policy(b, 'none', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  await state(b, 'guarding');
  const fresh = await b.api.client().create(pods, pod('new', undefined));
  const ip = '10.244.1.9';
  expect(b.passes(WEB, ip)).toBe(false);
  expect(b.passes(FAR, ip)).toBe(true);
  let admitted = false;
  void b.agent.admit(fresh, [ip], new AbortController().signal).then(() => (admitted = true));
  await b.world.settle();
  expect(admitted).toBe(true);
  expect([b.passes(FAR, ip), b.passes(ip, FAR)]).toEqual([false, false]);
  await b.api.client().patch(pods, 'new', 'a', 'merge', { status: { podIP: ip, podIPs: [{ ip }] } }, { subresource: 'status' }); // prettier-ignore
  await b.world.advance(1_000);
  expect(b.passes(FAR, ip)).toBe(false);
  await b.api.client().delete(pods, 'new', 'a', { gracePeriodSeconds: 0 });
  await b.world.until(() => b.passes(FAR, ip));
});
it('does not let a pod run whose rules the kernel refuses; once it takes them all is well', async () => {
  const b = await withPods();
  await policy(b, 'none', { podSelector: {} });
  await state(b, 'guarding');
  b.broken = 'Operation not permitted';
  const told: unknown[] = [];
  const fresh = await b.api.client().create(pods, pod('new', undefined));
  const admit = (): Promise<void> => b.agent.admit(fresh, ['10.244.1.9'], new AbortController().signal).then(() => void told.push('ran'), (error: Error) => void told.push(error.message)); // prettier-ignore
  void admit();
  await b.world.until(() => told.length === 1, 30_000);
  expect(told).toEqual(['network policies of the pod are not in force yet']);
  expect(b.world.complaints[0]?.message).toBe('network policies are not in force as they should be');
  b.broken = undefined;
  void admit();
  await b.world.until(() => told.length === 2, 60_000);
  expect(told[1]).toBe('ran');
  expect(b.passes(FAR, '10.244.1.9')).toBe(false);
});
it('writes the rules again that somebody took away', async () => {
  const b = await withPods();
  await policy(b, 'none', { podSelector: {} });
  await state(b, 'guarding');
  b.flush();
  expect(b.passes(WEB, DB)).toBe(true);
  await b.world.until(() => !b.passes(WEB, DB), 60_000);
});
it('takes up what an agent before it has left', async () => {
  const b = await withPods();
  await policy(b, 'none', { podSelector: {} });
  await state(b, 'guarding');
  await b.agent.stop();
  expect(b.passes(WEB, DB)).toBe(false);
});
