import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { NodeContext } from '../context.ts';
import type { Reported } from '../status/writer.ts';
import { removePod } from './removal.ts';

/** Where a pod is told of: the API, or in its place whoever runs pods that the API does not know of. */
export interface PodHome {
  /** Its status is to be reported; `settled`: it will stay so for a while. */
  request(settled: boolean): void;
  /** Resolves when its newest status is written. */
  flush(): Promise<void>;
  /** It has ended, and was to go. */
  remove(signal: AbortSignal): Promise<void>;
  /** Nothing is left of it. */
  drop(): void;
}
export const apiHome = ({ writer, client }: NodeContext, pod: Reported & { readonly pod: Pod }): PodHome => ({
  request: (settled) => writer.request(pod, settled),
  flush: () => writer.flush(pod),
  remove: (signal) => removePod(client, pod.pod, signal),
  drop: () => writer.drop(pod),
});
