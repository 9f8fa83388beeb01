/**
 * A running component, as its `start…()` returns it. Composition roots (ops/process) start and stop these and nothing
 * else. `start…` returns at once; `ready` resolves when the component serves, and rejects if it cannot.
 */
export interface Component {
  /** `etcd`, `apiserver`, `controller:replicaset`, `scheduler`, `kubelet`. */
  readonly name: string;
  readonly id: string;
  readonly ready: Promise<void>;
  /** State of the component's life chart, for presence and `kubus status`. */
  state(): string;
  /** Drains: takes nothing new, finishes what is in flight, then closes. Idempotent. */
  stop(): Promise<void>;
}
