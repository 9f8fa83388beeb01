import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { childOf, endInside, killInside } from '../../process/inner-process.ts';
import { finish, type Finished } from '../../testing/cluster.ts';

/** Where the machines of a test are: the first address is that of the one on which this program runs. */
const WIRE = { link: 'wire0', range: '10.77.0', bits: 24, six: 'fd77:' };
export const CONTROL = `${WIRE.range}.1`;

/** A machine beside this one: its own network, processes, mounts and name, and the disk that all share. */
export interface TestMachine {
  readonly name: string;
  readonly ip: string;
  /** And of IPv6. */
  readonly ip6: string;
  run(program: string, ...args: string[]): Promise<Finished>;
  /** Runs on, with what it writes kept in `said`. */
  start(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Running;
  end(): void;
}
export interface Running {
  readonly process: ChildProcess;
  said(): string;
  /** SIGTERM; resolves with the exit status, and its signal where that ended it. */
  stop(): Promise<number | string>;
  /** As a crash does. */
  crash(): Promise<number | string>;
}
/** A program that goes on; what it says is kept. `end`: how it is told to end, by its process id. */
export function begin(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  end: (pid: number) => void = (pid) => void process.kill(pid, 'SIGTERM'),
): Running {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const ended = new Promise<number | string>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code ?? 1))); // prettier-ignore
  return {
    process: child,
    said: () => text,
    stop: () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) end(child.pid);
      return ended;
    },
    crash: () => {
      if (end === endInside) killInside(child.pid);
      else child.kill('SIGKILL');
      return ended;
    },
  };
}
const must = async (program: string, ...args: string[]): Promise<void> => {
  const { status, stderr } = await finish(program, args, process.env);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
};

/** A switch between machines, on which this one is the first. */
export async function openWire(): Promise<void> {
  await must('ip', 'link', 'add', WIRE.link, 'type', 'bridge');
  await must('ip', 'address', 'add', `${CONTROL}/${WIRE.bits}`, 'dev', WIRE.link);
  await must('ip', 'link', 'set', WIRE.link, 'up');
  await must('ip', 'address', 'add', `${WIRE.six}:1/64`, 'dev', WIRE.link, 'nodad');
}
/** `place`: the last byte of its address. It has a way out, which is this machine. */
export async function openMachine(name: string, place: number): Promise<TestMachine> {
  const [ip, ip6] = [`${WIRE.range}.${place}`, `${WIRE.six}:${place}`];
  const prepare = `mount -t tmpfs tmpfs /run; echo 0 > /proc/sys/net/ipv4/ip_forward; hostname ${name}; ip link set lo up; echo ready; exec sleep infinity`;
  const spaces = ['--net', '--mount', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']; // prettier-ignore
  const child = spawn('unshare', [...spaces, '--', 'sh', '-c', prepare], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const pid = childOf(child.pid)!;
  const into = ['nsenter', '--target', String(pid), '--net', '--mount', '--pid', '--uts', '--'];
  const [enter = '', ...behind] = into;
  await must('ip', 'link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
  await must('ip', 'link', 'set', `to-${name}`, 'master', WIRE.link, 'up');
  await must(enter, ...behind, 'ip', 'address', 'add', `${ip}/${WIRE.bits}`, 'dev', 'eth0');
  await must(enter, ...behind, 'ip', 'link', 'set', 'eth0', 'up');
  await must(enter, ...behind, 'ip', 'address', 'add', `${ip6}/64`, 'dev', 'eth0', 'nodad');
  await must(enter, ...behind, 'ip', 'route', 'add', 'default', 'via', CONTROL);
  return {
    name,
    ip,
    ip6,
    run: (program, ...args) => finish(enter, [...behind, program, ...args], process.env),
    start: (program, args, env) => begin(enter, [...behind, program, ...args], env, endInside),
    end: () => void child.kill('SIGKILL'),
  };
}

/** What a node could leave behind on a machine that had nothing before; `cgroup`: of the node. */
export async function leftOn(machine: TestMachine, cgroup: string): Promise<string[]> {
  const said = async (program: string, ...args: string[]): Promise<string[]> =>
    (await machine.run(program, ...args)).stdout.split('\n').filter((line) => line.trim() !== '');
  const links = (await said('ip', '-o', 'link')).filter((line) => !/^\d+: (lo|eth0|tunl0|sit0|ip6tnl0|gre|erspan|ifb)/.test(line)); // prettier-ignore
  const routes = [...(await said('ip', 'route')), ...(await said('ip', '-6', 'route'))].filter((line) => / proto 196\b/.test(line)); // prettier-ignore
  const rules = (await said('nft', 'list', 'ruleset')).filter((line) => /kube|kubus|cni/i.test(line));
  const mounts = (await said('cat', '/proc/self/mounts')).filter((line) => /kubelet|kubus-node|containerd/.test(line));
  const groups = await said('sh', '-c', `ls -d /sys/fs/cgroup/*/${cgroup} /sys/fs/cgroup/${cgroup} 2>/dev/null`);
  const processes = (await said('ps', '-eo', 'args')).filter((line) => /containerd|kubus\.mjs/.test(line));
  const forward = (await said('cat', '/proc/sys/net/ipv4/ip_forward')).filter((line) => line !== '0');
  return [...links, ...routes, ...rules, ...mounts, ...groups, ...processes, ...forward.map(() => 'ip_forward is on')];
}
