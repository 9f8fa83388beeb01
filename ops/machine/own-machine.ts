import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { realWorld } from '../../bus/real-world.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { detachLoops } from '../../node-agent/host/loop-devices.ts';
import { removeLeftovers } from '../../node-agent/kube-proxy/leftovers.ts';
import { PROTOCOL } from '../../node-agent/network/routes/table.ts';
import { NODE_PATHS, nodePaths } from '../../node-agent/host/paths.ts';
import { UserError } from '../cli/output.ts';
import { pauseProgram } from '../images/pause.ts';
import { keepProcess } from './kept-process.ts';
import { machineNames, nodeCgroup } from './names.ts';
import { openNamespaces } from './namespaces.ts';
import { checkNodeIP, familyOfAny, parseNodeIPs } from './node-addresses.ts';
import { prepareFolder } from './node.ts';
import { architecture } from './nodes.ts';
import { changeMachine, changeMachineBack } from './record.ts';
import { removeCgroups } from './sweep.ts';
import { requireTools } from './tools.ts';
import { endInside } from '../process/inner-process.ts';

/** Said to the program that runs within. */
export const WITHIN = 'KUBUS_NODE_WITHIN';
/** What a node that is this machine itself knows of it. */
export interface OwnMachine {
  readonly ip: string;
  /** Of the other family. */
  readonly secondIP?: string | undefined;
  readonly cgroup: string;
  readonly cniPlugins: string;
}
/**
 * `nodeIP`: what --node-ip says; `warn` hears what of it is no address. Thrown: UserError where the address by which others
 * reach this machine is not known, or is none of its own.
 */
export async function ownMachine(dir: string, node: string, nodeIP = '', warn?: (text: string) => void): Promise<OwnMachine> {
  const { cniPlugins } = requireTools();
  const { ips, ignored } = parseNodeIPs(nodeIP);
  if (ignored.length > 0) warn?.(`could not parse some node IP(s), ignoring them: ${ignored.join(', ')}`);
  const [ip, secondIP] = ips;
  const any = familyOfAny(ip);
  if (any === undefined) checkNodeIP(ip!);
  return {
    ip: any === undefined ? ip! : await addressOfWayOut(any),
    secondIP,
    cgroup: nodeCgroup(machineNames(dir), node),
    cniPlugins,
  };
} // prettier-ignore
/** Nobody is there. Source: RFC 5737, RFC 3849. */
const ELSEWHERE = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;
/** Of the other family where there is none of this one, as upstream's. */
async function addressOfWayOut(wanted: 4 | 6): Promise<string> {
  const commands = machineCommands(realWorld({ component: 'node', level: 'silent' }));
  for (const family of [wanted, wanted === 4 ? 6 : 4] as const) {
    // Nothing is sent: it is asked which way that would go.
    const { stdout } = await commands.run('ip', [`-${family}`, '-json', 'route', 'get', ELSEWHERE[family]]);
    const [route] = JSON.parse(stdout || '[]') as readonly { readonly prefsrc?: string }[];
    if (route?.prefsrc !== undefined) return route.prefsrc;
  }
  throw new UserError('this machine has no way out to tell its address by: say --node-ip ADDRESS');
}
/**
 * Makes this machine, or this container, a node: a containerd of its own, and this program again beside it, which is told by
 * `WITHIN`. Both see what this machine sees, but /run is theirs, and nothing that they start outlives this process.
 * Resolves with the program's exit status.
 */
export async function runOnOwnMachine(o: {
  readonly node: string;
  /** Where the node keeps its files. */
  readonly dir: string;
  readonly signal: Promise<string>;
  readonly warn: (text: string) => void;
}): Promise<number> {
  requireTools();
  const folder = join(o.dir, 'node');
  const names = machineNames(o.dir);
  const clean = async (): Promise<void> => {
    await removeCgroups(names);
    await removeRules();
    await detachLoops(folder, machineCommands(realWorld({ component: 'node', level: 'silent' })));
    changeMachineBack(names.comment);
  };
  await clean();
  changeMachine(names.comment);
  prepareFolder(folder);
  const init = join(o.dir, 'pause');
  writeFileSync(init, pauseProgram(architecture()), { mode: 0o755 });
  const spaces = await openNamespaces({
    node: o.node,
    folder,
    init,
    log: join(o.dir, 'machine.log'),
    sameMachine: true,
    onGone: (gone) => o.warn(`${gone} is gone, so the node ends`),
  });
  const containerd = keepProcess({
    name: 'containerd',
    command: [...spaces.through, 'containerd', '--config', NODE_PATHS.containerd.config],
    log: nodePaths(folder).containerd.log,
    warn: o.warn,
  });
  const [program = '', ...rest] = [...spaces.through, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const agent = spawn(program, rest, { stdio: 'inherit', env: { ...process.env, [WITHIN]: '1' }, detached: true });
  const ended = new Promise<number>((resolve) => {
    agent.once('error', () => resolve(1));
    agent.once('exit', (code) => resolve(code ?? 1));
  });
  void o.signal.then(() => endInside(agent.pid));
  const code = await Promise.race([ended, spaces.ended.then(() => 1)]);
  await containerd.end();
  await spaces.end();
  await clean();
  return code;
}
/** What kube-proxy and the pod network have written into the machine's own tables. */
async function removeRules(): Promise<void> {
  const world = realWorld({ component: 'node', level: 'silent' });
  const commands = machineCommands(world);
  await removeLeftovers({ world, commands }, AbortSignal.timeout(REMOVAL_MS));
  for (const table of NODE_TABLES) await commands.run('nft', ['delete', 'table', ...table.split(' ')]);
  for (const family of ['-4', '-6']) await commands.run('ip', [family, 'route', 'flush', 'proto', String(PROTOCOL)]);
}
const NODE_TABLES = ['inet kubus-pods', 'inet kubus-policy'];
const REMOVAL_MS = 30_000;
