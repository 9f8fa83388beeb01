import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Commands } from '../../node-agent/host/commands.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { detachLoops } from '../../node-agent/host/loop-devices.ts';
import type { World } from '../../bus/world.ts';
import { pauseProgram, type Architecture } from '../images/pause.ts';
import { ended } from '../process/ending.ts';
import type { ProcessSpec } from '../process/spec.ts';
import type { OpenPort } from './firewall.ts';
import { machineNames, machinePaths } from './names.ts';
import { openNetwork } from './network.ts';
import { startNode, type MachineNode, type NodeEnvironment } from './node.ts';
import { sweep } from './sweep.ts';
import { changeMachine, keepRecord } from './record.ts';

/** The real nodes of one cluster on this machine. */
export interface Machine {
  /** By which pods and nodes reach this machine. */
  readonly address: string;
  list(): readonly MachineNode[];
  /** Its `ready` resolves when its node agent serves. */
  begin(node: RealNode): MachineNode;
  /** With its files. */
  remove(name: string): Promise<void>;
  /** Ends all nodes; nothing is left of them on the machine but their files. */
  stop(): Promise<void>;
}
export interface RealNode {
  readonly name: string;
  /** Its place in the range of the nodes' addresses, from 2. */
  readonly place: number;
}
export interface MachineOptions {
  readonly world: World;
  readonly clusterDir: string;
  readonly logs: string;
  readonly range: string;
  readonly pods: readonly string[];
  readonly services: readonly string[];
  /** Of addresses of load balancers. */
  readonly balancers: readonly string[];
  readonly natsPort: number;
  readonly open: readonly OpenPort[];
  readonly processOf: (node: RealNode) => ProcessSpec;
  readonly warn: (text: string) => void;
}
export const architecture = (): Architecture => (process.arch === 'arm64' ? 'arm64' : 'amd64');

/** Longer than a node agent has to drain. */
const NODE_MS = 15_000;

/** Clears away what an earlier run has left, and makes the network. Needs root. */
export async function openMachine(o: MachineOptions): Promise<Machine> {
  const commands = (through: readonly string[]): Commands => machineCommands(o.world, through);
  const here = commands([]);
  const names = machineNames(o.clusterDir);
  const paths = machinePaths(o.clusterDir);
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  await sweep(o.clusterDir, here);
  writeOnce(paths.pause, pauseProgram(architecture()), 0o755);
  const record = keepRecord(paths.record);
  changeMachine(names.comment);
  const network = await openNetwork({ ...o, commands: here, names });
  const nodes = new Map<string, MachineNode>();
  const env: NodeEnvironment = {
    paths,
    logs: o.logs,
    network,
    natsPort: o.natsPort,
    commands,
    processOf: (name, place) => o.processOf({ name, place }),
    warn: o.warn,
    remember: (node, pid) => record.process(node, pid),
  };
  return {
    address: network.address,
    list: () => [...nodes.values()],
    begin: ({ name, place }) => {
      const node = startNode(name, place, env);
      nodes.set(name, node);
      return node;
    },
    remove: async (name) => {
      const node = nodes.get(name);
      nodes.delete(name);
      await node?.stop();
      await detachLoops(paths.node(name), here);
      rmSync(paths.node(name), { recursive: true, force: true });
    },
    stop: async () => {
      await Promise.all([...nodes.values()].map((node) => ended(node.name, NODE_MS, () => node.stop(), o.warn)));
      nodes.clear();
      await sweep(o.clusterDir, here);
    },
  };
}
/** Whole or not at all: nodes start it. */
function writeOnce(file: string, content: Buffer, mode: number): void {
  if (existsSync(file) && readFileSync(file).equals(content)) return;
  writeFileSync(`${file}.new`, content, { mode });
  renameSync(`${file}.new`, file);
}
