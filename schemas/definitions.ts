import { deployment } from './apps/deployment.ts';
import { replicaSet } from './apps/replica-set.ts';
import { pod } from './core/pod.ts';
import type { ResourceDefinition } from './define.ts';

/** Behaviour of every kind that has any beyond its structure. */
export const definitions = [
  deployment,
  pod,
  replicaSet,
] as unknown as readonly ResourceDefinition[]; // prettier-ignore
