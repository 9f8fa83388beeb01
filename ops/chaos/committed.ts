/** One entry of the store's log: what really happened, whoever was told. */
export interface Committed {
  readonly revision: number;
  readonly key: string;
  /** What the workload wrote; undefined: deleted. */
  readonly value: string | undefined;
  /** Of an entry that an elected component made: under which leadership. */
  readonly term?: Term | undefined;
}
export interface Term {
  /** `namespace/name` of the Lease. */
  readonly lease: string;
  readonly holder: string;
  readonly transitions: number;
}

/** A fact that must not be, in words for people. */
export interface Violation {
  readonly check: 'linearizable' | 'acknowledged' | 'watch' | 'leadership' | 'log' | 'service';
  readonly message: string;
  readonly facts: readonly string[];
}
