import { join } from 'node:path';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { commandOf } from '../../kubelet/environment/expansion.ts';
import { containerAnnotations, containerLabels } from './labels.ts';
import type { CriContainerConfig, CriContainerSecurity } from './messages.ts';
import type { ContainerResources, Mount } from './parts.ts';
import { NAMESPACE, PROPAGATION } from './protocol.ts';

/** Log of one run, below the pod's folder of logs. Source: kuberuntime buildContainerLogsPath. */
export const logPath = (container: string, attempt: number): string => join(container, `${attempt}.log`);

/** What a container is to be. Pure. Source: kuberuntime generateContainerConfig. */
export function containerConfig(
  pod: Pod,
  container: Container,
  o: {
    readonly attempt: number;
    /** Digest or id of the image, as the runtime knows it. */
    readonly imageRef: string;
    readonly variables: readonly { readonly name: string; readonly value: string }[];
    readonly mounts: readonly Mount[];
    readonly resources: ContainerResources;
    readonly security: CriContainerSecurity;
  },
): CriContainerConfig {
  const { command, args } = commandOf(container, o.variables);
  // Files have the owners that they have to the pod.
  const { uids = [], gids = [] } = o.security.namespaceOptions?.usernsOptions ?? {};
  const owners = uids.length > 0 ? { uidMappings: uids, gidMappings: gids } : {};
  return {
    metadata: { name: container.name, attempt: o.attempt },
    image: { image: o.imageRef, userSpecifiedImage: container.image ?? '' },
    command,
    args,
    workingDir: container.workingDir ?? '',
    envs: o.variables.map(({ name, value }) => ({ key: name, value })),
    mounts: o.mounts
      .filter(({ isDevice }) => isDevice !== true)
      .map(({ containerPath, hostPath, readOnly, propagation, recursiveReadOnly }) => ({
        containerPath,
        hostPath,
        readonly: readOnly,
        recursiveReadOnly,
        propagation: PROPAGATION[propagation],
        ...owners,
      })),
    devices: o.mounts
      .filter(({ isDevice }) => isDevice === true)
      .map(({ containerPath, hostPath, readOnly }) => ({
        containerPath,
        hostPath,
        permissions: readOnly ? 'r' : 'mrw',
      })),
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, o.attempt),
    logPath: logPath(container.name, o.attempt),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: { resources: o.resources, securityContext: o.security },
  };
}
/** It sees the processes of another container, unless it sees those of the pod or the node anyway. */
export const targeting = (security: CriContainerSecurity, target: string | undefined): CriContainerSecurity =>
  target === undefined || security.namespaceOptions?.pid !== NAMESPACE.container
    ? security
    : { ...security, namespaceOptions: { ...security.namespaceOptions, pid: NAMESPACE.target, targetId: target } };
