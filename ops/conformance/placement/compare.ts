/**
 * Asks the real kube-scheduler and ours where the pods of random clusters may go, and what each plugin thinks of the nodes.
 *
 *   node ops/conformance/placement/compare.ts [--seed 1] [--clusters 600]   tells the differences, and where to see them
 *   node ops/conformance/placement/compare.ts --smallest 'score ImageLocality'   the smallest cluster with that one
 *   node ops/conformance/placement/compare.ts --record     writes what the real one says to golden/
 *
 * The real one is told of the clusters by a stand-in of an API server, some 200 of them a second: no objects are validated
 * or stored. It is `kube-scheduler` in ~/.cache/kubus-oracle/bin, see ../../../../shared/oracle.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util';
import fc from 'fast-check';
import type { Cluster } from './cluster.ts';
import { differences, type Difference } from './differences.ts';
import { clusters, sampleClusters } from './generate.ts';
import { fingerprint, RECORDED, writeGolden, writeRefusals } from './golden.ts';
import { ourVerdict } from './ours.ts';
import { refusals } from './refusals.ts';
import { RealScheduler } from './real-scheduler.ts';
import type { Verdict } from './verdict.ts';

/** How long it takes at most until what lies beside nodes and pods is known. */
const SETTLE_MS = 1500;
const SETTLE_ONE_MS = 40;
const MOST_PASSES = 6;

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    clusters: { type: 'string', default: String(RECORDED.count) },
    smallest: { type: 'string' },
    record: { type: 'boolean', default: false },
  } as const,
});
const seed = Number(flags.seed);
const count = Number(flags.clusters);

/** With a scheduler of its own: the objects of other clusters are in nobody's way. */
async function withReal<T>(ask: (real: RealScheduler) => Promise<T>): Promise<T> {
  const real = new RealScheduler();
  await real.start();
  try {
    return await ask(real);
  } finally {
    real.stop();
  }
}
/**
 * Verdicts that came out the same twice: it says that it has seen a node a moment before it reckons with it, and on a busy
 * machine a pod may come in between.
 */
async function askReal(some: readonly Cluster[]): Promise<readonly Verdict[]> {
  const said: Verdict[][] = some.map(() => []);
  const sure = (all: readonly Verdict[]): Verdict | undefined => all.find((v, i) => all.slice(i + 1).some((other) => isDeepStrictEqual(v, other))); // prettier-ignore
  for (let pass = 0; pass < MOST_PASSES && !said.every(sure); pass++)
    await withReal(async (real) => {
      const open = some.filter((_, i) => sure(said[i]!) === undefined);
      await real.prepare(open, SETTLE_MS);
      for (const cluster of open) said[some.indexOf(cluster)]!.push(await real.judge(cluster));
    });
  return said.map((all, i) => {
    const verdict = sure(all);
    if (verdict === undefined) throw new Error(`cluster ${i}: never twice the same: ${JSON.stringify(all)}`);
    return verdict;
  });
}
async function record(): Promise<void> {
  for (const seed of RECORDED.seeds) {
    const some = sampleClusters(seed, RECORDED.count);
    const verdicts = await askReal(some);
    writeGolden({
      seed,
      clusters: some.map((cluster, i) => ({ fingerprint: fingerprint(cluster), verdict: verdicts[i]! })),
    });
    console.log(`seed ${seed}: ${verdicts.length} clusters recorded`);
  }
  const told = await askReal(refusals.map(({ cluster }) => cluster));
  writeRefusals(Object.fromEntries(refusals.map(({ name }, i) => [name, told[i]!])));
  console.log(`${told.length} refusals recorded`);
}
async function tell(): Promise<void> {
  const some = sampleClusters(seed, count);
  const found = new Map<string, { readonly index: number; readonly difference: Difference }[]>();
  for (const [index, verdict] of (await askReal(some)).entries())
    for (const difference of differences(verdict, ourVerdict(some[index]!)))
      (found.get(difference.what) ?? found.set(difference.what, []).get(difference.what)!).push({ index, difference });
  for (const [what, all] of found) {
    console.log(`${what}: ${all.length} of ${count}, as in ${all.slice(0, 5).map(({ index }) => index).join(', ')}`); // prettier-ignore
    console.log(`  real ${JSON.stringify(all[0]!.difference.real)}\n  ours ${JSON.stringify(all[0]!.difference.ours)}`);
  }
  console.log(found.size === 0 ? `${count} clusters: no difference` : `${found.size} sorts of difference`);
  process.exitCode = found.size === 0 ? 0 : 1;
}
/** Shrinks while the two still part in that. */
async function smallest(what: string): Promise<void> {
  let index = 0;
  await withReal(async (real) => {
    const property = fc.asyncProperty(clusters, async (make) => {
      const cluster = make(index++);
      const ours = ourVerdict(cluster);
      let verdict: Verdict;
      for (let times = 0; times < 2; times++) {
        await real.prepare([cluster], SETTLE_ONE_MS);
        verdict = await real.judge(cluster);
        if (!differences(verdict, ours).some((d) => d.what === what)) return;
      }
      throw new Error(
        `${JSON.stringify(cluster, null, 1)}\nreal ${JSON.stringify(verdict!)}\nours ${JSON.stringify(ours)}`,
      );
    });
    const { errorInstance, numShrinks } = await fc.check(property, { seed, numRuns: count });
    console.log(errorInstance === null ? `${count} clusters: no such difference` : `after ${numShrinks} steps:\n${(errorInstance as Error).message}`); // prettier-ignore
  });
}
await (flags.record ? record() : flags.smallest === undefined ? tell() : smallest(flags.smallest));
