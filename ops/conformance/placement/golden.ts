import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import type { Verdict } from './verdict.ts';

/** What the real scheduler said of the clusters of one seed. */
export interface Golden {
  readonly seed: number;
  readonly clusters: readonly { readonly fingerprint: string; readonly verdict: Verdict }[];
}
/** Seeds of which there is a record, and how many clusters of each. */
export const RECORDED = { seeds: [1, 2], count: 600 } as const;

const pathOf = (seed: number | 'refusals'): string => join(import.meta.dirname, 'golden', `${seed}.golden.json`);

/** Tells whether a cluster is still the one that was asked about. */
export const fingerprint = (cluster: Cluster): string =>
  createHash('sha256').update(JSON.stringify(cluster)).digest('hex').slice(0, 8);

export const readGolden = (seed: number): Golden => JSON.parse(readFileSync(pathOf(seed), 'utf8')) as Golden;

/** A line a cluster. */
export function writeGolden({ seed, clusters }: Golden): void {
  const lines = clusters.map((cluster) => JSON.stringify(cluster));
  writeFileSync(pathOf(seed), `{"seed":${seed},"clusters":[\n${lines.join(',\n')}\n]}\n`);
}

/** What pods are told that no node takes, by the name of the case. */
export type Refusals = Readonly<Record<string, Verdict>>;
export const readRefusals = (): Refusals => JSON.parse(readFileSync(pathOf('refusals'), 'utf8')) as Refusals;
export const writeRefusals = (told: Refusals): void =>
  writeFileSync(pathOf('refusals'), `${JSON.stringify(told, null, 1)}\n`);
