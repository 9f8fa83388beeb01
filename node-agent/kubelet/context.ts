import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { World } from '../../bus/world.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';
import type { containerMachine } from './container/machine.ts';
import type { ContainerWorker } from './container/worker.ts';
import type { Handlers } from './handlers.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { Refusal } from './admission.ts';
import type { Ledger } from './ledger.ts';
import type { KubeletMetrics } from './metrics.ts';
import type { podMachine } from './pod/machine.ts';
import type { PodWorker } from './pod/worker.ts';
import type { probeMachine } from './probe/machine.ts';
import type { ProbeWorker } from './probe/worker.ts';
import type { StatusWriter } from './status/writer.ts';
import type { NodeVolumes } from './volumes.ts';

/** What the workers of one node share. Charts find their worker here by id, so that one chart serves all instances. */
export interface NodeContext {
  readonly world: World;
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  /** undefined: the runtime answers probes and hooks by itself. */
  readonly handlers: Handlers | undefined;
  readonly recorder: EventRecorder;
  readonly inspection: Inspection | undefined;
  readonly metrics: KubeletMetrics;
  readonly nodeName: string;
  readonly nodeIP: string;
  /** With that of the other family, if it has one. */
  readonly nodeIPs: readonly string[];
  readonly ledger: Ledger;
  /** Why the node cannot take a pod beside those in the ledger. */
  readonly admit: (pod: Pod) => Refusal | undefined;
  readonly writer: StatusWriter;
  readonly volumes: NodeVolumes;
  /** The node's status is to say what images it has now. */
  readonly imagesChanged: () => void;
  readonly pods: Map<string, PodWorker>;
  readonly containers: Map<string, ContainerWorker>;
  readonly probes: Map<string, ProbeWorker>;
  /** undefined: the node is none of a machine. */
  readonly housekeeping: Housekeeping | undefined;
  /** Where the machine keeps its logs; undefined: the node is none of a machine. */
  readonly logFolder: string | undefined;
  readonly logic: {
    readonly pod: typeof podMachine;
    readonly container: typeof containerMachine;
    readonly probe: typeof probeMachine;
  };
}
