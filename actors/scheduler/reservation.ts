import type { NodeInfo } from './snapshot/node-info.ts';
import type { PodInfo } from './snapshot/pod-info.ts';

/** What was promised to a pod that is on its way to a node, until the API says so too. */
export interface Reservation {
  /** Tells the API, and resolves when the pod may be bound; rejects when that cannot be any more, or `signal` says so. */
  bind(signal: AbortSignal): Promise<void>;
  /** It is over, once: the pod is bound, or (`isBound` false) will not be, here. */
  release(isBound: boolean): void;
}
/** A plugin that has to do with a pod between the choice of a node and the binding. Source: framework Reserve, PreBind. */
export interface Reserver {
  /** The plugin's. */
  readonly name: string;
  /** undefined: there is nothing to promise. Throws when what was seen there before is not there now. */
  reserve(pod: PodInfo, node: NodeInfo): Reservation | undefined;
}
/** Asks all; undefined: none has anything to do with the pod. If one throws, nothing is promised. */
export function reserveAll(reservers: readonly Reserver[], pod: PodInfo, node: NodeInfo): Reservation | undefined {
  let made: { readonly by: string; readonly reservation: Reservation }[] | undefined;
  const release = (isBound: boolean): void =>
    made?.reverse().forEach(({ reservation }) => reservation.release(isBound));
  for (const reserver of reservers) {
    try {
      const reservation = reserver.reserve(pod, node);
      if (reservation !== undefined) (made ??= []).push({ by: reserver.name, reservation });
    } catch (error) {
      release(false);
      throw new Error(`running Reserve plugin "${reserver.name}": ${(error as Error).message}`, { cause: error });
    }
  }
  if (made === undefined) return undefined;
  return {
    async bind(signal) {
      for (const { by, reservation } of made) {
        try {
          await reservation.bind(signal);
        } catch (error) {
          throw new Error(`running PreBind plugin "${by}": ${(error as Error).message}`, { cause: error });
        }
        signal.throwIfAborted();
      }
    },
    release,
  };
}
