#!/usr/bin/env node
/** Lays out what the container image adds to its base: `node image.ts OUT`, after `./kubus` has built the bundle. */
import { chmodSync, cpSync, globSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir } from '../cluster/paths.ts';
import { findNatsServer } from '../fetch/nats-server.ts';

const out = process.argv[2];
if (out === undefined) {
  console.error('usage: image.ts OUT');
  process.exit(2);
}
const bin = join(out, 'usr/local/bin');
const programs = join(out, 'opt/kubus');
mkdirSync(bin, { recursive: true });
mkdirSync(programs, { recursive: true });
cpSync(process.execPath, join(bin, 'node'));
cpSync(await findNatsServer((text) => console.error(text)), join(bin, 'nats-server'));
for (const script of ['kubus', 'healthy', 'accepts']) {
  cpSync(join(import.meta.dirname, '../compose/image', script), join(bin, script));
  chmodSync(join(bin, script), 0o755);
}
// One checkout, one bundle; without what V8 compiled of it, which is of another path.
for (const folder of globSync(join(cacheDir(), 'bundle-*')))
  cpSync(folder, programs, { recursive: true, filter: (path) => basename(path) !== 'v8' });
