import type { Container, ContainerState, ContainerStatus, Pod } from '../../../schemas/generated/core-v1.ts';
import { isSidecar } from '../../../schemas/helpers/pod-resources.ts';

/** `init` runs once before the others, `sidecar` starts with the init containers and stays, `main` is what the pod is for. */
export type Role = 'init' | 'sidecar' | 'main';

/** What a kubelet knows of one container; the container's chart changes it, the pod's status is made from it. */
export interface ContainerRecord {
  spec: Container;
  readonly role: Role;
  /** Of the newest run. */
  id: string | undefined;
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
}
export const isRunning = (c: ContainerRecord): boolean => c.state.running !== undefined;

/** Records of a pod's containers, as its status left them or fresh. */
export function recordsOf(pod: Pod): readonly ContainerRecord[] {
  const spec = pod.spec;
  if (spec === undefined) return [];
  const inits = spec.initContainers ?? [];
  const record = (
    container: Container,
    role: Role,
    statuses: readonly ContainerStatus[] | undefined,
  ): ContainerRecord => {
    const known = statuses?.find((s) => s.name === container.name);
    const waiting = { waiting: { reason: inits.length > 0 ? 'PodInitializing' : 'ContainerCreating' } };
    return {
      spec: container,
      role,
      id: known?.containerID?.replace(/^\w+:\/\//, ''),
      image: known?.image ?? container.image ?? '',
      imageID: known?.imageID ?? '',
      state: known?.state ?? waiting,
      lastState: known?.lastState,
      restartCount: known?.restartCount ?? 0,
      started: known?.started ?? false,
      ready: known?.ready ?? false,
      runs: known?.containerID === undefined ? 0 : known.restartCount + 1,
    };
  };
  return [
    ...inits.map((c) => record(c, isSidecar(c) ? 'sidecar' : 'init', pod.status?.initContainerStatuses)),
    ...spec.containers.map((c) => record(c, 'main', pod.status?.containerStatuses)),
  ];
}
