import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';

/** By which a kubelet finds again what it has made. Source: pkg/kubelet/types labels.go, kuberuntime labels.go. */
const POD_NAME = 'io.kubernetes.pod.name';
const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
const POD_UID = 'io.kubernetes.pod.uid';
const CONTAINER_NAME = 'io.kubernetes.container.name';
const HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
const MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
const PRE_STOP = 'io.kubernetes.container.preStopHandler';
const PORTS = 'io.kubernetes.container.ports';
const DELETION_GRACE = 'io.kubernetes.pod.deletionGracePeriod';
const TERMINATION_GRACE = 'io.kubernetes.pod.terminationGracePeriod';

type Labels = Readonly<Record<string, string>>;

export const podLabels = ({ metadata }: Pod): Labels => ({
  [POD_NAME]: metadata.name ?? '',
  [POD_NAMESPACE]: metadata.namespace ?? '',
  [POD_UID]: metadata.uid ?? '',
});
export const sandboxLabels = (pod: Pod): Labels => ({ ...pod.metadata.labels, ...podLabels(pod) });
export const containerLabels = (pod: Pod, container: Container): Labels => ({
  ...podLabels(pod),
  [CONTAINER_NAME]: container.name,
});

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Labels {
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec ?? {};
  return {
    [HASH]: containerHash(container),
    [RESTART_COUNT]: String(restartCount),
    [MESSAGE_PATH]: container.terminationMessagePath ?? '',
    [MESSAGE_POLICY]: container.terminationMessagePolicy ?? '',
    ...(deletionGracePeriodSeconds !== undefined && { [DELETION_GRACE]: String(deletionGracePeriodSeconds) }),
    ...(terminationGracePeriodSeconds !== undefined && { [TERMINATION_GRACE]: String(terminationGracePeriodSeconds) }),
    ...(container.lifecycle?.preStop && { [PRE_STOP]: JSON.stringify(container.lifecycle.preStop) }),
    ...((container.ports?.length ?? 0) > 0 && { [PORTS]: JSON.stringify(container.ports) }),
  };
}
export const podUidOf = (labels: Labels): string => labels[POD_UID] ?? '';
export const podNameOf = (labels: Labels): string => `${labels[POD_NAMESPACE] ?? ''}/${labels[POD_NAME] ?? ''}`;
export const containerNameOf = (labels: Labels): string => labels[CONTAINER_NAME] ?? '';
export const messageOf = (annotations: Labels): { readonly path: string; readonly fallsBackToLogs: boolean } => ({
  path: annotations[MESSAGE_PATH] ?? '',
  fallsBackToLogs: annotations[MESSAGE_POLICY] === 'FallbackToLogsOnError',
});
export const hashOf = (annotations: Labels): string | undefined => annotations[HASH];

/** What of a container may not change while it runs: hexadecimal. Source: kubelet container HashContainer. */
export function containerHash({ name, image = '' }: Container): string {
  const bytes = Buffer.from(JSON.stringify({ image, name }));
  return fnv1a(`([]uint8)[${[...bytes].join(' ')}]`).toString(16);
}
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
