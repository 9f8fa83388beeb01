import { delay, type World } from '../../bus/world.ts';
import type { Binding, Pod } from '../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient, WriteOptions } from '../runtime/api-client.ts';
import { pods } from '../runtime/resources.ts';
import type { PodInfo } from './snapshot/pod-info.ts';

/** Answers of who does not know what became of a request, and of who never got it. */
const IN_DOUBT: ReadonlySet<string | undefined> = new Set(['Timeout', 'ServerTimeout', 'ServiceUnavailable']);
/** Before a binding is asked for again, ms. */
const PAUSES_MS = [250, 1000, 4000];
/** Between two tries to learn where a pod is, ms, and how many there are. */
const LOOK_AGAIN_MS = 5000;
const LOOKS = 60;

/**
 * Binds the pod to the node. Whose answer is lost may have been done all the same, so the pod keeps its place meanwhile: the
 * same is asked for again, and at last where the pod is. (kube-scheduler gives the place to others at once; what it then puts
 * there beyond what fits, the kubelet refuses.) Rejects with the API's ApiError once the pod is not there, or nobody says so for
 * five minutes, or `signal` is aborted: then nothing is asked again.
 */
export async function bindSurely(
  { client, world }: { readonly client: ApiClient; readonly world: World },
  pod: PodInfo,
  node: string,
  options: Pick<WriteOptions, 'fence'>,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid } = pod;
  const binding: Binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { kind: 'Node', name: node },
  };
  for (let attempt = 0; ; attempt++) {
    try {
      await client.create(pods, binding, { ...options, subresource: 'binding', name, namespace });
      return;
    } catch (error) {
      const reason = reasonOf(error);
      const pause = PAUSES_MS[attempt];
      if (IN_DOUBT.has(reason) && pause !== undefined && (await waited(pause))) continue;
      if (signal.aborted) throw error;
      // Bound already: by the attempt before, perhaps.
      if ((IN_DOUBT.has(reason) || reason === 'Conflict') && (await isOn())) return;
      throw error;
    }
  }
  /** False: nobody wants it any more. */
  function waited(ms: number): Promise<boolean> {
    return delay(world.clock, ms, signal).then(
      () => true,
      () => false,
    );
  }
  async function isOn(): Promise<boolean> {
    for (let look = 1; ; look++) {
      try {
        const { metadata, spec } = await client.get<Pod>(pods, name, namespace);
        return metadata.uid === uid && spec?.nodeName === node;
      } catch (error) {
        if (!IN_DOUBT.has(reasonOf(error)) || look >= LOOKS || !(await waited(LOOK_AGAIN_MS))) return false;
      }
    }
  }
}
