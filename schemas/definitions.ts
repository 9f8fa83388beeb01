import type { ResourceDefinition } from './define.ts';

/** Behaviour of every kind that has any beyond its structure. */
export const definitions: readonly ResourceDefinition[] = [];
