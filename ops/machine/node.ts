import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Commands } from '../../node-agent/host/commands.ts';
import { NODE_PATHS, nodePaths } from '../../node-agent/host/paths.ts';
import { PAUSE_IMAGE } from '../images/oci.ts';
import type { ProcessSpec } from '../process/spec.ts';
import { RESTART_MS, superviseProcess, type Supervised } from '../process/supervised.ts';
import { relayToBus } from './bus-relay.ts';
import { containerdConfig, linkRegistries } from './containerd.ts';
import { keepProcess, type KeptProcess } from './kept-process.ts';
import { BUS_SOCKET, type MachinePaths } from './names.ts';
import { nameServersFor, openNamespaces, type Namespaces } from './namespaces.ts';
import type { MachineNetwork } from './network.ts';

export interface MachineNode {
  readonly name: string;
  /** Of its node agent, as the machine sees it. */
  readonly pid: number | undefined;
  /** Resolves when its node agent serves for the first time. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}
/** What all nodes of a machine have in common. */
export interface NodeEnvironment {
  readonly paths: MachinePaths;
  readonly logs: string;
  readonly network: MachineNetwork;
  readonly natsPort: number;
  /** Programs of the machine, run behind these. */
  readonly commands: (through: readonly string[]) => Commands;
  readonly processOf: (name: string, place: number) => ProcessSpec;
  readonly warn: (text: string) => void;
  /** Which first process a node has now; undefined: none. */
  readonly remember: (node: string, pid: number | undefined) => void;
}
/** What lives no longer than the namespaces. */
interface Life {
  readonly spaces: Namespaces;
  readonly containerd: KeptProcess;
  readonly agent: Supervised;
}

/**
 * One real node: its namespaces, the private containerd and the node agent in them. Either is started again alone when it
 * ends, and containers go on; when the first process ends all of them do, and the node starts as after a power cut.
 */
export function startNode(name: string, place: number, env: NodeEnvironment): MachineNode {
  const folder = env.paths.node(name);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  let life: Life | undefined;
  let stopping = false;
  let failures = 0;
  const begin = async (): Promise<Life> => {
    prepareFolder(folder);
    const relay = await relayToBus(join(folder, BUS_SOCKET), () => env.natsPort);
    let spaces: Namespaces | undefined;
    let containerd: KeptProcess | undefined;
    try {
      const log = join(env.logs, `${name}.log`);
      spaces = await openNamespaces({ node: name, folder, init: env.paths.pause, log });
      env.remember(name, spaces.pid);
      void spaces.ended.then(relay.close);
      await env.network.unplug(place);
      const inside = env.commands(spaces.through);
      await env.network.plug({ place, pid: spaces.pid }, inside);
      containerd = keepProcess({
        name: `containerd of ${name}`,
        command: [...spaces.through, 'containerd', '--config', NODE_PATHS.containerd.config],
        log: join(env.logs, `${name}-containerd.log`),
        warn: env.warn,
      });
      const agent = superviseProcess(env.processOf(name, place), env.warn, {
        through: spaces.through,
        onPodCIDRs: (podCIDRs) =>
          void env.network.route(place, podCIDRs).catch((error: Error) => env.warn(`${name}: ${error.message}`)),
      });
      return { spaces, containerd, agent };
    } catch (error) {
      relay.close();
      await containerd?.end();
      await spaces?.end();
      throw error;
    }
  };
  const live = async (): Promise<void> => {
    while (!stopping) {
      let why: string;
      try {
        life = await begin();
        void life.agent.ready.then(() => {
          failures = 0;
          ready.resolve();
        }, () => undefined); // prettier-ignore
        why = await life.spaces.ended;
      } catch (error) {
        why = (error as Error).message;
      }
      if (stopping) return;
      env.warn(`node ${name} ended (${why}): starting it again`);
      await end();
      await new Promise((r) => setTimeout(r, RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]));
    }
  };
  /** `drain`: the node agent says its last words first. */
  const end = async (drain = false): Promise<void> => {
    const old = life;
    life = undefined;
    env.remember(name, undefined);
    if (old === undefined) return;
    if (drain) await old.agent.stop();
    await Promise.all([old.containerd.end(), drain || old.agent.kill()]);
    await env.network.unplug(place);
    await old.spaces.end();
  };
  const lives = live();
  return {
    name,
    get pid() {
      return life?.agent.pid;
    },
    ready: ready.promise,
    stop: async () => {
      stopping = true;
      ready.reject(new Error(`${name} was stopped`));
      await end(true);
      await lives;
      await end();
    },
  };
}
/** What is of the time before is cleared away: a start of the node is to its containers what a start of a machine is. */
export function prepareFolder(folder: string): void {
  const paths = nodePaths(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Who has users of his own finds his root folder below it; on the machine nobody else comes as far.
  chmodSync(folder, 0o711);
  rmSync(join(folder, 'run'), { recursive: true, force: true });
  mkdirSync(paths.containerd.state, { recursive: true, mode: 0o711 });
  mkdirSync(paths.cni.conf, { recursive: true, mode: 0o755 });
  mkdirSync(paths.kubelet, { recursive: true, mode: 0o750 });
  for (const logs of [paths.logs, paths.containerLogs]) mkdirSync(logs, { recursive: true, mode: 0o755 });
  rmSync(paths.cni.ipam, { recursive: true, force: true });
  const config = containerdConfig({ paths: NODE_PATHS, pauseImage: PAUSE_IMAGE });
  writeFileSync(paths.containerd.config, config, { mode: 0o600 });
  linkRegistries(paths);
  writeFileSync(join(folder, 'resolv.conf'), nameServersFor(), { mode: 0o644 });
}
