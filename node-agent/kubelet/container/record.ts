import type { Container, ContainerState, ContainerStatus, Pod } from '../../../schemas/generated/core-v1.ts';
import { isSidecar } from '../../../schemas/helpers/pod-resources.ts';

/**
 * `init` runs once before the others, `sidecar` starts with the init containers and stays, `main` is what the pod is for,
 * `ephemeral` is added to a pod that runs, and runs once.
 */
export type Role = 'init' | 'sidecar' | 'main' | 'ephemeral';

/** What a kubelet knows of one container; the container's chart changes it, the pod's status is made from it. */
export interface ContainerRecord {
  spec: Container;
  readonly role: Role;
  /** Of the newest run. */
  id: string | undefined;
  /** Id of the run before the newest; the runtime keeps its logs. */
  previous: string | undefined;
  image: string;
  imageID: string;
  state: ContainerState;
  lastState: ContainerState | undefined;
  restartCount: number;
  /** The startup probe has passed, or there is none and it runs. */
  started: boolean;
  ready: boolean;
  /** Runs begun or taken over, ever. */
  runs: number;
  /** Its newest run began in the sandbox that the pod has now. */
  inSandbox: boolean;
  /** It is to run again, whatever its policy. */
  again?: boolean;
  /** What its run has, where that is not (yet) what `spec` says. */
  actuated?: Container['resources'];
}
export const isRunning = (c: ContainerRecord): boolean => c.state.running !== undefined;

/** Records of a pod's containers, as its status left them or fresh. */
export function recordsOf(pod: Pod): readonly ContainerRecord[] {
  const { spec, status } = pod;
  if (spec === undefined) return [];
  const inits = spec.initContainers ?? [];
  const isInitial = inits.length > 0;
  return [
    ...inits.map((c) => recordOf(c, isSidecar(c) ? 'sidecar' : 'init', isInitial, status?.initContainerStatuses)),
    ...spec.containers.map((c) => recordOf(c, 'main', isInitial, status?.containerStatuses)),
    ...(spec.ephemeralContainers ?? []).map((c) => recordOf(c, 'ephemeral', false, status?.ephemeralContainerStatuses)),
  ];
}
/** Of one container; `isInitial`: it waits for init containers. */
export function recordOf(
  container: Container,
  role: Role,
  isInitial: boolean,
  statuses: readonly ContainerStatus[] | undefined,
): ContainerRecord {
  const known = statuses?.find((s) => s.name === container.name);
  const runs = known?.containerID === undefined ? 0 : known.restartCount + 1;
  return {
    spec: container,
    role,
    id: known?.containerID?.replace(/^\w+:\/\//, ''),
    previous: undefined,
    image: known?.image ?? container.image ?? '',
    imageID: known?.imageID ?? '',
    state: known?.state ?? { waiting: { reason: isInitial ? 'PodInitializing' : 'ContainerCreating' } },
    lastState: known?.lastState,
    restartCount: known?.restartCount ?? 0,
    started: known?.started ?? false,
    ready: known?.ready ?? false,
    runs,
    inSandbox: runs > 0,
  };
}
