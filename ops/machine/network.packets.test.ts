import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import type { Commands } from '../../node-agent/host/commands.ts';
import { noPackets, privateMachine, type PrivateMachine } from '../../node-agent/network/testing/private-machine.ts';
import { hasNetworks, openPeer } from '../../node-agent/kube-proxy/testing/network.ts';
import { machineNames } from './names.ts';
import { openNetwork, type MachineNetwork } from './network.ts';

const why = noPackets();
const world = realWorld({ component: 'test', level: 'silent' });
const names = machineNames('/of-a-test');
const SIX = 'fd6b:7562:7573::a59';

describe.skipIf(why !== undefined)(`the network of a machine${why === undefined ? '' : ` (${why})`}`, () => {
  let machine: PrivateMachine;
  let network: MachineNetwork;
  let node: Commands;
  const open = (balancers: readonly string[]): Promise<MachineNetwork> =>
    openNetwork({
      commands: machine.commands(), names, range: '10.89.0.0/24', balancers, open: [],
      pods: ['10.230.0.0/16', 'fd00:10:230::/48'], services: ['10.96.0.0/16', 'fd00:10:96::/112'],
    }); // prettier-ignore
  const reaches = async (from: Commands, ip: string): Promise<boolean> =>
    (await from.run('busybox', [ip.includes(':') ? 'ping6' : 'ping', '-W1', '-c1', ip])).code === 0;
  beforeAll(async () => {
    machine = await privateMachine(world);
    const here = machine.commands();
    await here.must('ip', ['address', 'add', '10.91.0.1/24', 'dev', 'kbg0']);
    const pid = Number(await here.must('sh', ['-c', 'unshare --net sleep 600 > /dev/null 2>&1 & echo $!']));
    const inside = (program: string, args: readonly string[]): string[] => [`--target=${pid}`, '--net', '--', program, ...args]; // prettier-ignore
    node = {
      run: (program, args, o) => here.run('nsenter', inside(program, args), o),
      must: (program, args, o) => here.must('nsenter', inside(program, args), o),
    };
    network = await open(['10.90.0.0/24', `${SIX.replace('a59', 'a5a')}:0/120`, '127.9.0.0/24']);
    await network.plug({ place: 2, pid }, node);
  }, 30_000);
  afterAll(() => machine.end());

  it('joins machine and nodes, by addresses of both families', async () => {
    for (const ip of ['10.89.0.2', `${SIX}:2`]) expect(await reaches(machine.commands(), ip)).toBe(true);
    for (const ip of ['10.89.0.1', `${SIX}:1`]) expect(await reaches(node, ip)).toBe(true);
  });
  it('has this machine answer for all addresses of load balancers, by its own', async () => {
    expect(await reaches(node, '10.90.0.77')).toBe(true);
    expect(await machine.commands().must('ip', ['route', 'get', '10.90.0.77'])).toMatch(/^local .* src 10\.89\.0\.1 /);
  });
  it('gives nodes a way to services of IPv6, and none to the world', async () => {
    expect(await node.must('ip', ['-6', 'route', 'get', 'fd00:10:96::7'])).toContain(`via ${SIX}:1 dev eth0`);
    expect((await node.run('ip', ['-6', 'route', 'get', '2001:db8::1'])).stderr).toContain('unreachable');
  });
  it('leads to pods of a node, of both families, until it is gone', async () => {
    const pods = ['10.230.0.5', 'fd00:10:230::5'];
    for (const ip of pods) await node.must('ip', ['address', 'add', ip, 'dev', 'lo', ...(ip.includes(':') ? ['nodad'] : [])]); // prettier-ignore
    await network.route(2, ['10.230.0.0/24', 'fd00:10:230::/64']);
    for (const ip of pods) expect(await reaches(machine.commands(), ip)).toBe(true);
    await network.unplug(2);
    const left = await Promise.all(['-4', '-6'].map((family) => machine.commands().must('ip', [family, 'route'])));
    expect(left.join('')).not.toContain('10:230');
    expect(left.join('')).not.toContain('10.230');
  });
  it.each([
    ['10.91.0.0/24', '10.91.0.0/24'],
    ['10.88.0.0/15', '10.89.0.0/24'],
    ['10.230.7.0/24', '10.230.0.0/16'],
    ['10.96.0.0/24', '10.96.0.0/16'],
  ])('takes no range for load balancers where something is: %s', async (range, other) => {
    await expect(open([range])).rejects.toThrow(`load balancers cannot have addresses of ${range}, where ${other} is: choose another --load-balancer-range`); // prettier-ignore
  });
});

describe.skipIf(!hasNetworks)('a machine with bridges of others whose pods have addresses of the same range', () => {
  it('shows the world its own address for what its nodes’ pods say, and touches nothing that others’ pods say', async () => {
    const [here, node, other, outside] = await Promise.all([1, 2, 3, 4].map(() => openPeer(world)));
    try {
      await here!.commands.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
      const network = await openNetwork({ commands: here!.commands, names, range: '10.89.0.0/24', balancers: [], open: [], pods: ['10.230.0.0/16'], services: [] }); // prettier-ignore
      await network.plug({ place: 2, pid: node!.pid }, node!.commands);
      await network.route(2, ['10.230.0.5/32']);
      await here!.ip(
        'link add other0 type bridge',
        'link set other0 up',
        `link add port0 type veth peer name eth0 netns ${other!.pid}`,
        'link set port0 master other0 up',
        'address add 10.92.0.1/24 dev other0',
        'route add 10.230.0.6/32 dev other0',
        `link add out0 type veth peer name eth0 netns ${outside!.pid}`,
        'address add 203.0.113.1/24 dev out0',
        'link set out0 up',
      );
      await node!.ip('address add 10.230.0.5/32 dev lo');
      await other!.ip('address add 10.230.0.6/32 dev eth0', 'link set eth0 up', 'route add 10.92.0.1 dev eth0', 'route add default via 10.92.0.1'); // prettier-ignore
      await outside!.ip('address add 203.0.113.2/24 dev eth0', 'link set eth0 up', 'route add 10.230.0.0/16 via 203.0.113.1'); // prettier-ignore
      await outside!.listen('tcp', '203.0.113.2', 80);
      const seenAs = (peer: typeof node, from: string): Promise<string> => peer!.ask('tcp', '203.0.113.2', 80, { from, waitMs: 10_000 }); // prettier-ignore
      expect(await seenAs(node, '10.230.0.5')).toBe('203.0.113.2:80 203.0.113.1');
      expect(await seenAs(node, '10.89.0.2')).toBe('203.0.113.2:80 203.0.113.1');
      expect(await seenAs(other, '10.230.0.6')).toBe('203.0.113.2:80 10.230.0.6');
    } finally {
      await Promise.all([here, node, other, outside].map((peer) => peer!.close()));
    }
  }, 30_000);
});
