import type { Container, LifecycleHandler, Pod, Probe } from '../../schemas/generated/core-v1.ts';
import type { ProbeKind, ProbeResult } from '../runtime/interface.ts';

/** A container that is asked something. */
export interface Asked {
  readonly pod: Pod;
  readonly container: Container;
  /** Of its newest run. */
  readonly id: string;
  /** Of its pod; of the node where the pod is in its network. */
  readonly ip: string;
  /** An event of the pod. */
  readonly tell: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
}
/** A probe that could not be made; `state` is what is told of it. Source: pkg/probe Result. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly state: 'unknown' | 'failure';
  constructor(state: 'unknown' | 'failure', message: string, options?: ErrorOptions) {
    super(message, options);
    this.state = state;
  }
}
/**
 * How a kubelet asks containers that can be reached: over the network by itself, by commands through the runtime. Where
 * a kubelet has none its runtime answers all of it.
 */
export interface Handlers {
  /** ms since the epoch: when the kubelet began. */
  readonly since: number;
  /** Rejects with ProbeError: it could not be made, which says nothing of the container; an aborted signal with its reason. */
  probe(asked: Asked, kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
  /** Rejects with RuntimeError PostStartHookError or PreStopHookError in upstream's words; an aborted signal with its reason. */
  hook(asked: Asked, kind: 'postStart' | 'preStop', hook: LifecycleHandler, signal: AbortSignal): Promise<void>;
}
