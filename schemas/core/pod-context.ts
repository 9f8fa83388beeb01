import type { PodSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';

/** Where a pod spec stands: some rules hold only in a Pod. */
export interface PodContext {
  readonly metadata: ObjectMeta;
  /** A Pod, not a template. */
  readonly isPod: boolean;
  /** On update: what it was, since some of what was let through once may stay. */
  readonly old?: PodSpec | undefined;
}
