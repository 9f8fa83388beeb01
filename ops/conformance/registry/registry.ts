import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../cluster/ports.ts';
import { fetchFromDebian } from '../../fetch/debian.ts';
import { cacheDir } from '../../cluster/paths.ts';
import { findProgram } from '../../machine/tools.ts';
import { eventually } from '../../testing/cluster.ts';

const PROGRAM = 'docker-registry';
/** Debian's registry: of this machine, or fetched once. undefined: it cannot be had. */
export async function findRegistry(): Promise<string | undefined> {
  const kept = join(cacheDir(), PROGRAM, PROGRAM);
  const found = findProgram(PROGRAM) ?? findProgram(PROGRAM, join(cacheDir(), PROGRAM));
  if (found !== undefined) return found;
  try {
    await fetchFromDebian([PROGRAM], `usr/bin/${PROGRAM}`, kept);
    return kept;
  } catch {
    return undefined;
  }
}
export interface Registry {
  /** On this machine's loopback, without TLS. */
  readonly port: number;
  readonly process: ChildProcess;
}
/** `auth`: that part of its configuration. All of one `dir` have the same images. Rejects: it does not serve. */
export async function startRegistry(program: string, dir: string, name: string, auth: object): Promise<Registry> {
  const port = await freePort();
  mkdirSync(join(dir, 'images'), { recursive: true });
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(dir, 'images') } },
    http: { addr: `127.0.0.1:${port}`, secret: 'of this test' },
    ...(Object.keys(auth).length > 0 && { auth }),
  };
  // JSON is YAML.
  const file = join(dir, `${name}.yml`);
  writeFileSync(file, JSON.stringify(config));
  const log = openSync(join(dir, `${name}.log`), 'a');
  const process = spawn(program, ['serve', file], { stdio: ['ignore', log, log] });
  await eventually(`the registry ${name}`, async () =>
    (await fetch(`http://127.0.0.1:${port}/`)).ok ? true : undefined,
  );
  return { port, process };
}
