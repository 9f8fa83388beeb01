/** What a scheduler says of a cluster's pod; nodes and pods by their place in the cluster. */
export interface Verdict {
  readonly feasible: readonly number[];
  /** Normalized and weighted, by plugin, one entry a node; -1 where it is not feasible. Absent where there is no choice. */
  readonly scores?: Readonly<Record<string, readonly number[]>>;
  /** Of the condition PodScheduled, where it is false. */
  readonly message?: string;
  readonly nominated?: number;
  readonly victims?: readonly number[];
}
