import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { fakeApi } from '../../actors/runtime/testing/fake-api.ts';
import { nodes } from '../../actors/runtime/resources.ts';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { CommandError, type Commands } from '../host/commands.ts';
import { nodePaths } from '../host/paths.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { startPodNetwork, type PodNetwork } from './actor.ts';
import { admitting } from './admitting.ts';

const ends: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
/** A node whose programs do what they are told to the tables of this object. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'kbg-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const world = testWorld();
  const api = fakeApi(world);
  const kernel = { sysctls: new Map<string, string>(), batches: [] as string[], rules: [] as string[], refused: undefined as string | undefined, broken: false }; // prettier-ignore
  const run: Commands['run'] = async (program, args, options) => {
    const done = (stdout = '', code = 0, stderr = '') => ({ code, stdout, stderr });
    const input = String(options?.input ?? '');
    if (kernel.broken) throw new CommandError(`${program}: broken`);
    if (program === 'cat') return done(kernel.sysctls.get(args[0]!) ?? '0');
    if (program === 'tee') {
      if (args[0]!.includes('ipv6')) return done('', 1, 'No such file or directory');
      kernel.sysctls.set(args[0]!, input);
      return done();
    }
    if (program === 'ip' && args.includes('address')) return done(JSON.stringify([{ ifname: 'eth0', mtu: 1400, flags: [], addr_info: [{ local: '10.99.0.1', prefixlen: 24 }] }])); // prettier-ignore
    if (program === 'ip' && args.includes('-batch')) {
      kernel.batches.push(input);
      return kernel.refused === undefined ? done() : done('', 1, kernel.refused);
    }
    if (program === 'nft' && args[0] === '-f') kernel.rules.push(input);
    return done('');
  };
  const commands: Commands = {
    run,
    must: async (program, args, options) => (await run(program, args, options)).stdout,
  };
  const paths = nodePaths(folder);
  const network = startPodNetwork({ world, id: 'n1', client: api.client(), commands, node: 'n1', ip: '10.99.0.1', paths, plugins: '/nowhere', procNet: join(folder, 'proc') }); // prettier-ignore
  ends.push(() => network.stop());
  const node = (n: number, podCIDR?: string) =>
    api.client().create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: `n${n}` }, spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] }, status: { addresses: [{ type: 'InternalIP', address: `10.99.0.${n}` }] } } as never); // prettier-ignore
  const conflist = (): string => {
    try {
      return readFileSync(join(paths.cni.conf, '10-kubus.conflist'), 'utf8');
    } catch {
      return '';
    }
  };
  /** Files are written in the world's own time and not in that of the test. */
  const until = (isTrue: () => boolean): Promise<void> =>
    vi.waitFor(
      async () => {
        await world.advance(50);
        expect(isTrue()).toBe(true);
      },
      { timeout: 20_000, interval: 1 },
    );
  return { world, api, kernel, network, node, conflist, until };
}

it('lets pods be made once the node has a range, and says the range that it has now', async () => {
  const { api, kernel, network, node, conflist, until } = await start();
  await node(1);
  await until(() => network.state() === 'settled');
  expect(conflist()).toBe('');
  await api.client().patch(nodes, 'n1', undefined, 'merge', { spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] } }); // prettier-ignore
  await until(() => conflist().includes('10.244.1.0/24'));
  expect(JSON.parse(conflist())).toMatchObject({ cniVersion: '1.0.0', plugins: [{ mtu: 1400 }, {}] });
  expect(kernel.sysctls.get('/proc/sys/net/ipv4/ip_forward')).toBe('1');
  expect(kernel.rules.findLast((rules) => rules.includes('kubus-pods'))).toContain('elements = { 10.244.1.0/24 }'); // prettier-ignore
  await network.ready;
  await api.client().patch(nodes, 'n1', undefined, 'merge', { spec: { podCIDR: '10.244.9.0/24', podCIDRs: ['10.244.9.0/24'] } }); // prettier-ignore
  await until(() => conflist().includes('10.244.9.0/24'));
}, 30_000);
it('writes what the kernel refused again, says so once, and is done when it takes it', async () => {
  const { world, kernel, network, node, until } = await start();
  kernel.refused = 'RTNETLINK answers: Network is unreachable';
  await node(1, '10.244.1.0/24');
  await until(() => kernel.batches.length > 3);
  expect(network.state()).toMatch(/backingOff|applying/);
  expect(world.complaints.map(({ message }) => message)).toEqual(['the pod network of this node is not as it should be']); // prettier-ignore
  kernel.refused = undefined;
  await until(() => network.state() === 'settled');
}, 30_000);
it('waits for programs that do not work yet', async () => {
  const { kernel, network, node, until } = await start();
  kernel.broken = true;
  await node(1, '10.244.1.0/24');
  await until(() => network.state() === 'unprepared');
  kernel.broken = false;
  await until(() => network.state() === 'settled');
}, 30_000);

it('takes a sandbox away that cannot be guarded', async () => {
  const removed: string[] = [];
  const pod = { metadata: { name: 'p', uid: 'u' }, spec: {} } as Pod;
  let problem: Error | undefined = new Error('network policies of the pod are not in force yet');
  const admit: PodNetwork['admit'] = () => (problem === undefined ? Promise.resolve() : Promise.reject(problem));
  const runtime = admitting(
    {
      runPodSandbox: () => Promise.resolve({ id: 's', ip: '10.244.1.2' }),
      removePodSandbox: (id) => Promise.resolve(void removed.push(id)),
    },
    () => ({ admit }),
  );
  const { signal } = new AbortController();
  await expect(runtime.runPodSandbox(pod, signal)).rejects.toMatchObject({ name: 'RuntimeError', reason: 'CreatePodSandboxError', message: 'network policies of the pod are not in force yet' }); // prettier-ignore
  expect(removed).toEqual(['s']);
  problem = undefined;
  expect(await runtime.runPodSandbox(pod, signal)).toEqual({ id: 's', ip: '10.244.1.2' });
});
