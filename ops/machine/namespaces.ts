import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { CONTAINER_LOGS_ROOT, KUBELET_ROOT, LOGS_ROOT, NODE_ROOT, nodePaths } from '../../node-agent/host/paths.ts';
import { childOf, killInside } from '../process/inner-process.ts';
import { watchFolders } from './folder-watch.ts';

/** The namespaces of one node. Whatever runs in them ends with their first process, and that with who opened them. */
export interface Namespaces {
  /** Of the first process. */
  readonly pid: number;
  /** What a program and its arguments are put behind to run there; it ends when who started it does. */
  readonly through: readonly string[];
  /** Resolves, with the reason, once nothing runs there any more. */
  readonly ended: Promise<string>;
  end(): Promise<void>;
}
/** Ends a process when its parent does, even by SIGKILL: the kernel sees to it. */
const WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
/** A machine within this one. */
const WHOLE = ['--net', '--mount', '--pid', '--uts', '--ipc'];
/** This machine itself, but for what is mounted and what runs. */
const SAME_MACHINE = ['--mount', '--pid'];

/**
 * Run once in the new namespaces. /run is the node's own: containerd's shims, runc and CNI keep sockets and namespaces there.
 * So is what CNI remembers, what a kubelet keeps, and logs of pods: all have a place on the machine, which is covered. The
 * names of name servers come back where they lay below /run. All is shared from here on: what a container mounts may be for all
 * to see.
 * Arguments: folder of the node, its name, first process, place of resolv.conf where that is below /run, anything where the
 * node is to be called by its name.
 */
const PREPARE = `set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p ${NODE_ROOT} /run/lock
mount --bind "$1" ${NODE_ROOT}
mount --bind "$1/kubelet" ${KUBELET_ROOT}
mount --bind "$1/logs" ${LOGS_ROOT}
mount --bind "$1/container-logs" ${CONTAINER_LOGS_ROOT}
if [ -d /var/lib/cni ]; then mount -t tmpfs -o mode=755 tmpfs /var/lib/cni; fi
if [ -n "$4" ]; then mkdir -p "\${4%/*}"; cp "$1/resolv.conf" "$4"; fi
mount --make-rshared /
if [ -n "$5" ]; then printf %s "$2" > /proc/sys/kernel/hostname; fi
echo ready
exec "$3" < /dev/null > /dev/null`;

/** What a program and its arguments are put behind to run where this first process of a node does. */
export const into = (first: number, kinds: readonly string[] = WHOLE): string[] => [
  'nsenter',
  '--target',
  String(first),
  ...kinds,
  '--',
  ...WITH_PARENT,
];
export async function openNamespaces(o: {
  readonly node: string;
  /** Becomes NODE_ROOT there. */
  readonly folder: string;
  /** A program that collects its children. */
  readonly init: string;
  /** The node is the machine (or container) that this is: its network and its name are. */
  readonly sameMachine?: boolean | undefined;
  /** Told before they end because a folder that the node lives in is not there any more. */
  readonly onGone?: ((folder: string) => void) | undefined;
  /** File that what goes wrong there is written to. */
  readonly log: string;
}): Promise<Namespaces> {
  const log = openSync(o.log, 'a', 0o600);
  const [program, ...withParent] = WITH_PARENT;
  const spaces = ['--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
  const prepare = [
    'sh',
    '-c',
    PREPARE,
    'sh',
    o.folder,
    o.node,
    o.init,
    resolvConfBelowRun() ?? '',
    o.sameMachine ? '' : 'named',
  ];
  const kinds = o.sameMachine ? SAME_MACHINE : WHOLE;
  const child = spawn(
    program,
    [...withParent, 'unshare', ...kinds, ...spaces, '--', ...prepare],
    // A Ctrl-C in the terminal is for us, who end them in order.
    { stdio: ['ignore', 'pipe', log], detached: true },
  );
  closeSync(log);
  let gone: string | undefined;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(gone ?? signal ?? `exit status ${code}`));
  });
  let said = '';
  child.stdout!.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await Promise.race([
    once(child.stdout!, 'data'),
    ended.then((why) => Promise.reject(new Error(`namespaces of ${o.node}: ${why}: ${lastLine(o.log)}`))),
  ]);
  const pid = childOf(child.pid);
  if (!said.startsWith('ready') || pid === undefined)
    throw new Error(`namespaces of ${o.node}: ${said.trim() || lastLine(o.log)}`);
  // Who runs in a folder that is not there any more can only be started anew.
  const { root, kubelet, logs, containerLogs } = nodePaths(o.folder);
  const unwatch = watchFolders([root, kubelet, logs, containerLogs], (folder) => {
    gone = `${folder} is gone`;
    o.onGone?.(folder);
    killInside(child.pid);
  });
  void ended.then(unwatch);
  return {
    pid,
    through: into(pid, kinds),
    ended,
    end: async () => {
      killInside(child.pid);
      await ended;
    },
  };
}
const RESOLV_CONF = '/etc/resolv.conf';
/** What it is a link to, where that would not be seen from within. */
function resolvConfBelowRun(): string | undefined {
  try {
    const place = realpathSync(RESOLV_CONF);
    return place.startsWith('/run/') ? place : undefined;
  } catch {
    return undefined;
  }
}
/** Of the machine's name servers, those that another network namespace reaches too. */
export function nameServersFor(node: (path: string) => string = (path) => readFileSync(path, 'utf8')): string {
  const read = (path: string): string => {
    try {
      return node(path);
    } catch {
      return '';
    }
  };
  const isLocal = (line: string): boolean => /^\s*nameserver\s+(127\.|::1\b)/.test(line);
  const lines = read(RESOLV_CONF).split('\n');
  const reachable = lines.some((line) => line.startsWith('nameserver') && !isLocal(line));
  // Where systemd-resolved stands in between, it says here whom it asks.
  return reachable ? lines.filter((l) => !isLocal(l)).join('\n') : read('/run/systemd/resolve/resolv.conf');
}
const lastLine = (file: string): string => readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
