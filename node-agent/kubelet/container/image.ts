import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { RuntimeError, type ContainerRuntime, type Image } from '../../runtime/interface.ts';

/** Sees to it that the node has the container's image, as its pull policy says. Source: kubelet images/image_manager.go. */
export async function ensureImage(
  runtime: ContainerRuntime,
  pod: Pod,
  container: Container,
  signal: AbortSignal,
  o: {
    readonly now: () => number;
    readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  },
): Promise<Image> {
  const image = container.image ?? '';
  let present = presentOrInvalid(runtime, image, o.event);
  if (present === undefined && runtime.findImage !== undefined) present = await runtime.findImage(image).catch((error: unknown) => inspectFailed(error, image, o.event)); // prettier-ignore
  const policy = container.imagePullPolicy ?? 'IfNotPresent';
  if (present !== undefined && policy !== 'Always' && (await runtime.mayUse?.(image, pod, signal)) !== false) {
    o.event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
    return present;
  }
  if (policy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    o.event('Warning', 'ErrImageNeverPull', message);
    throw new RuntimeError('ErrImageNeverPull', message);
  }
  o.event('Normal', 'Pulling', `Pulling image "${image}"`);
  const began = o.now();
  try {
    const pulled = await runtime.pullImage(image, pod, container, signal);
    const took = milliseconds(o.now() - began);
    o.event(
      'Normal',
      'Pulled',
      `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${pulled.sizeBytes} bytes.`,
    );
    return pulled;
  } catch (error) {
    signal.throwIfAborted();
    o.event('Warning', 'Failed', `Failed to pull image "${image}": ${(error as Error).message}`);
    throw error;
  }
}
function presentOrInvalid(
  runtime: ContainerRuntime,
  image: string,
  event: (type: 'Warning', reason: string, message: string) => void,
): Image | undefined {
  try {
    return runtime.imageStatus(image);
  } catch (error) {
    event('Warning', 'InspectFailed', (error as Error).message);
    throw error;
  }
}
/** Source: kubelet images ErrImageInspect. */
function inspectFailed(error: unknown, image: string, event: (type: 'Warning', reason: string, message: string) => void): never {
  const message = `Failed to inspect image "${image}": ${(error as Error).message}`;
  event('Warning', 'InspectFailed', message);
  throw new RuntimeError('ImageInspectError', message, { cause: error });
} // prettier-ignore
/** As Go prints a duration that is a whole number of milliseconds. */
const milliseconds = (ms: number): string =>
  ms < 1_000
    ? ms === 0
      ? '0s'
      : `${ms}ms`
    : ms < 60_000
      ? `${ms / 1_000}s`
      : `${Math.trunc(ms / 60_000)}m${(ms % 60_000) / 1_000}s`;
