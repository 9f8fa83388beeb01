import type { Duplex } from 'node:stream';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import type { RuntimeStatus } from '../interface.ts';
import type { Speaker } from './pages.ts';
import { testImagePort } from './test-images.ts';

interface Listening {
  readonly id: string;
  readonly pod: Pod;
  readonly container: Container;
  readonly podIP: string | undefined;
  readonly status: RuntimeStatus;
}
/** Connections to containers: they end with the container. */
export class Connections {
  readonly #open = new Map<string, Set<Duplex>>();

  /** A running container listens on the TCP ports that it declares, and on no other. */
  listener(containers: readonly Listening[], port: number): ((stream: Duplex) => void) | undefined {
    const found = listening(containers, port);
    if (found === undefined) return undefined;
    const { id, speaker } = found;
    return (stream) => {
      let open = this.#open.get(id);
      if (open === undefined) this.#open.set(id, (open = new Set()));
      open.add(stream);
      stream.on('close', () => {
        open.delete(stream);
        if (open.size === 0 && this.#open.get(id) === open) this.#open.delete(id);
      });
      // What speaks HTTP is loaded when somebody wants to hear it.
      void import('./pages.ts').then(
        ({ answer }) => answer(stream, speaker),
        (error: Error) => stream.destroy(error),
      );
    };
  }
  ended(id: string): void {
    for (const stream of this.#open.get(id) ?? []) stream.destroy();
  }
}
function listening(containers: readonly Listening[], port: number): { id: string; speaker: Speaker } | undefined {
  const found = containers.find(
    ({ status, container }) =>
      status.state === 'running' &&
      (container.ports?.some((p) => p.containerPort === port && (p.protocol ?? 'TCP') === 'TCP') === true ||
        testImagePort(container) === port),
  );
  if (found === undefined) return undefined;
  const { id, pod, container, podIP } = found;
  const speaker = {
    node: pod.spec?.nodeName ?? '',
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name ?? '',
    ip: podIP ?? '',
    container: container.name,
    port,
  };
  return { id, speaker };
}
