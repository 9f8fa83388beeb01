import type { ScenarioName } from './scenario-names.ts';
import type { Invariant } from './invariant.ts';
import type { SimulatedProcesses } from './cluster.ts';
import type { History } from './history.ts';
import type { SimulatedFaultKind } from './schedule.ts';
import type { User } from './user.ts';
import type { Random } from '../random.ts';

/** What is asked of a cluster while it is harmed, and what must have come of it in the end. */
export interface Scenario {
  readonly name: ScenarioName;
  readonly nodes: readonly string[];
  /** No fault begins later, ms. */
  readonly faultsForMs: number;
  /** Default all. */
  readonly faults?: readonly SimulatedFaultKind[] | undefined;
  /** Whether nodes are harmed too; default true. */
  readonly harmsNodes?: boolean | undefined;
  /** How long after the last fault all must be as `missing` wants it, ms of the cluster's time. */
  readonly convergeMs: number;
  /** Besides those of every scenario. */
  readonly invariants?: readonly (() => Invariant)[] | undefined;
  /** What users do. */
  run(stage: Stage): Promise<void>;
  /** What is still not as it must be in the end; undefined: nothing. */
  missing(history: History): string | undefined;
}
export interface Stage {
  readonly user: User;
  readonly random: Random;
  readonly history: History;
  readonly cluster: SimulatedProcesses;
  /** Waits until something is so in the store; gives up in silence after `ms`. */
  until(holds: () => boolean, ms: number): Promise<void>;
  /** The machine is switched off and, a while later, nobody counts on it any more: its Node is deleted. */
  nodeGoes(name: string): Promise<void>;
  nodeComes(name: string): void;
}
