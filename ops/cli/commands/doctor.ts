import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { clustersDir, userKubeconfig } from '../../cluster/paths.ts';
import { freePort, isFree } from '../../cluster/ports.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { findNatsServer } from '../../fetch/nats-server.ts';
import { run } from '../../fetch/run.ts';
import { print, printJson } from '../output.ts';

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}
const LOW_DISK_BYTES = 1 << 30;

/** Looks at everything that a cluster needs here, and says what to do about what is missing. Exit status 1 if something is. */
export async function doctor(options: { output: string }): Promise<void> {
  const checks: Check[] = [];
  const check = async (name: string, work: () => Promise<string> | string): Promise<void> => {
    try {
      checks.push({ check: name, ok: true, detail: await work() });
    } catch (error) {
      checks.push({ check: name, ok: false, detail: (error as Error).message });
    }
  };
  await check('node', () => `${process.version} (${process.execPath})`);
  await check('nats-server', async () => {
    const binary = await findNatsServer();
    return `${(await run(binary, ['--version'])).trim()} (${binary})`;
  });
  await check('kubectl', async () => {
    const binary = await findKubectl();
    return `${await run(binary, ['version', '--client', '-o', 'json']).then((t) => (JSON.parse(t) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion)} (${binary})`;
  });
  await check('data folder', () => {
    mkdirSync(clustersDir(), { recursive: true, mode: 0o700 });
    accessSync(clustersDir(), constants.W_OK);
    return clustersDir();
  });
  await check('disk', () => {
    const { bavail, bsize } = statfsSync(clustersDir());
    if (bavail * bsize < LOW_DISK_BYTES)
      throw new Error(
        `only ${Math.round((bavail * bsize) / 1e6)} MB are free below ${clustersDir()}: make room, or use --data`,
      );
    return `${Math.round((bavail * bsize) / 1e9)} GB free`;
  });
  await check('port 6443', async () =>
    (await isFree(6443)) ? 'free' : `in use: the next cluster takes another, such as ${await freePort()}`,
  );
  await check('kubeconfig', () => {
    const file = userKubeconfig();
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    else mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return file;
  });
  if (options.output === 'json') printJson(checks);
  else for (const c of checks) print(`${c.ok ? '✓' : '✗'} ${c.check.padEnd(12)} ${c.detail}`);
  if (checks.some((c) => !c.ok)) process.exitCode = 1;
}
