import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { World } from '../../../bus/world.ts';
import { machineCommands, type Commands } from '../../host/commands.ts';

const runs = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;
/** Whether this machine lets us make networks: root, `unshare`, `ip`, `nft`. */
export const hasNetworks = process.platform === 'linux' && process.getuid?.() === 0 && runs('unshare', '--net', 'nft', 'list', 'tables') && runs('unshare', '--net', 'ip', 'link', 'set', 'lo', 'up'); // prettier-ignore

/** A namespace with a program in it that answers and asks; it is gone when this process is. */
export interface Peer {
  readonly pid: number;
  /** Of its namespace. */
  readonly commands: Commands;
  ip(...lines: string[]): Promise<void>;
  listen(protocol: 'tcp' | 'udp', host: string, port: number): Promise<void>;
  /** `10.244.0.2:8080 10.244.0.1`: who answered, as whom it saw us; `ECONNREFUSED`, `silence`. */
  ask(protocol: 'tcp' | 'udp', host: string, port: number, o?: { readonly from?: string; readonly waitMs?: number }): Promise<string>; // prettier-ignore
  close(): Promise<void>;
}
export async function openPeer(world: World): Promise<Peer> {
  const program = fileURLToPath(new URL('peer.ts', import.meta.url));
  const child = spawn('unshare', ['--net', process.execPath, program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Map<number, (answer: string) => void>();
  const here = new Promise<string>((resolve) => waiting.set(0, resolve));
  createInterface(child.stdout).on('line', (line) => {
    const { id, answer } = JSON.parse(line) as { id: number; answer: string };
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  let last = 0;
  const order = (what: object): Promise<string> =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      child.stdin.write(`${JSON.stringify({ ...what, id: last })}\n`);
    });
  await here;
  const pid = child.pid!;
  const commands = machineCommands(world, ['nsenter', `--net=/proc/${pid}/ns/net`, '--']);
  await commands.must('ip', ['link', 'set', 'lo', 'up']);
  return {
    pid,
    commands,
    ip: async (...lines) => void (await commands.must('ip', ['-batch', '-'], { input: lines.join('\n') })),
    async listen(protocol, host, port) {
      const answer = await order({ op: 'listen', protocol, host, port });
      if (answer !== 'listening') throw new Error(`${host}:${port}: ${answer}`);
    },
    ask: (protocol, host, port, o) => order({ op: 'ask', protocol, host, port, ...o }),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** One node with two pods, and the rest of the world: pods of another node, and who asks from outside, all in one namespace. */
export interface Network {
  readonly node: Peer;
  /** 10.244.0.2, 10.244.0.3; fd44::2, fd44::3. */
  readonly pods: readonly [Peer, Peer];
  /** 192.168.0.2; pods 10.244.1.2, 10.244.1.3, 10.244.2.4. */
  readonly others: Peer;
  close(): Promise<void>;
}
export async function openNetwork(world: World): Promise<Network> {
  const [node, a, b, others] = await Promise.all([1, 2, 3, 4].map(() => openPeer(world)));
  const all = [node!, a!, b!, others!];
  // A refusal over ICMP is told of a few times a second otherwise, and a packet over UDP is sent once.
  await node!.commands.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']); // prettier-ignore
  await node!.ip(
    'link add cni0 type bridge',
    'addr add 10.244.0.1/24 dev cni0',
    'addr add fd44::1/64 dev cni0 nodad',
    'link set cni0 up',
    `link add pod1 type veth peer name eth0 netns ${a!.pid}`,
    `link add pod2 type veth peer name eth0 netns ${b!.pid}`,
    `link add eth0 type veth peer name eth0 netns ${others!.pid}`,
    'link set pod1 master cni0 up',
    'link set pod2 master cni0 up',
    // Where bridges ask netfilter, a pod that asks itself is sent back through the port that it came from.
    'link set pod1 type bridge_slave hairpin on',
    'link set pod2 type bridge_slave hairpin on',
    'addr add 192.168.0.1/24 dev eth0',
    'link set eth0 up',
    'route add 10.244.1.0/24 via 192.168.0.2',
    'route add 10.244.2.0/24 via 192.168.0.2',
    'route add default via 192.168.0.2',
  );
  for (const [i, pod] of [a!, b!].entries())
    await pod.ip(
      `addr add 10.244.0.${i + 2}/24 dev eth0`,
      `addr add fd44::${i + 2}/64 dev eth0 nodad`,
      'link set eth0 up',
      'route add default via 10.244.0.1',
      'route add ::/0 via fd44::1',
    );
  await others!.ip(
    'addr add 192.168.0.2/24 dev eth0',
    'link set eth0 up',
    ...['10.244.1.2', '10.244.1.3', '10.244.2.4'].map((ip) => `addr add ${ip}/32 dev lo`),
    'route add default via 192.168.0.1',
  );
  return {
    node: node!,
    pods: [a!, b!],
    others: others!,
    close: async () => void (await Promise.all(all.map((peer) => peer.close()))),
  };
}
