import type { Duplex } from 'node:stream';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import type { RuntimeStatus } from '../interface.ts';

interface Listening {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIP: string | undefined;
  readonly status: RuntimeStatus;
}
/** A running container listens on the TCP ports that it declares, and on no other; what speaks HTTP is loaded when asked. */
export function listenerOf(containers: readonly Listening[], port: number): ((stream: Duplex) => void) | undefined {
  const found = containers.find(
    ({ status, container }) =>
      status.state === 'running' &&
      container.ports?.some((p) => p.containerPort === port && (p.protocol ?? 'TCP') === 'TCP'),
  );
  if (found === undefined) return undefined;
  const { pod, container, podIP } = found;
  const speaker = {
    node: pod.spec?.nodeName ?? '',
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name ?? '',
    ip: podIP ?? '',
    container: container.name,
    port,
  };
  return (stream) =>
    void import('./pages.ts').then(
      ({ answer }) => answer(stream, speaker),
      (error: Error) => stream.destroy(error),
    );
}
