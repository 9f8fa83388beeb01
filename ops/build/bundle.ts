#!/usr/bin/env node
/** Bundles ops/cli/main.ts and everything below it into one ES module, and beside it the inspector's page and what `kubectl explain` says: `node bundle.ts OUT`. Starts in a fifth of the time that 500 files take. */
import { build } from 'esbuild';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { collectDescriptions } from '../../schemas/openapi/descriptions.ts';
import { buildPage } from './page.ts';

const root = join(import.meta.dirname, '../..');
const out = process.argv[2];
if (out === undefined) {
  console.error('usage: bundle.ts OUT');
  process.exit(2);
}
const folder = dirname(out);
mkdirSync(folder, { recursive: true });
const staging = join(folder, `building-${process.pid}`);
try {
  await build({
    entryPoints: [{ in: join(root, 'ops/cli/main.ts'), out: 'kubus' }],
    outdir: staging,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What only some commands need is imported lazily and so ends in a chunk of its own.
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Less to read, compile and keep: names stay, for people read them in traces and charts.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: false,
    legalComments: 'none',
    logLevel: 'error',
    loader: { '.json': 'json' },
    // The page is built here, beside the bundle; the bundle itself never builds.
    external: ['esbuild'],
    banner: {
      js: "import { createRequire as kubusRequire } from 'node:module'; const require = kubusRequire(import.meta.url);",
    },
  });
  await buildPage(join(staging, 'page'));
  const models = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models');
  writeFileSync(join(staging, 'descriptions.json'), collectDescriptions(models));
} catch (error) {
  // esbuild has said what is wrong and where.
  if (!('errors' in (error as object))) console.error(error);
  rmSync(staging, { recursive: true, force: true });
  process.exit(1);
}
mkdirSync(join(folder, 'page'), { recursive: true });
for (const file of readdirSync(join(staging, 'page')))
  renameSync(join(staging, 'page', file), join(folder, 'page', file));
rmdirSync(join(staging, 'page'));
// Old chunks go only after the new entry is in place: a cluster that runs may still load one of them.
const chunks = readdirSync(staging);
for (const file of [
  ...chunks.filter((f) => f.startsWith('chunk-')),
  ...chunks.filter((f) => !f.startsWith('chunk-')),
]) {
  renameSync(join(staging, file), join(folder, file));
}
rmSync(staging, { recursive: true });
