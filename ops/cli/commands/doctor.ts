import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { clustersDir, userKubeconfig } from '../../cluster/paths.ts';
import { freePort, isFree } from '../../cluster/ports.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { findNatsServer } from '../../fetch/nats-server.ts';
import { run } from '../../fetch/run.ts';
import { print, printJson, Progress } from '../output.ts';

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly for: 'every cluster' | 'real nodes';
}
const LOW_DISK_BYTES = 1 << 30;

/**
 * Looks at everything that a cluster needs here, and says what to do about what is missing. Exit status 1 if something is;
 * what only real nodes need counts where `runtime` asks for them. `install`: has the packages first that those need.
 */
export async function doctor(options: {
  output: string;
  runtime: 'simulated' | 'cri';
  install?: boolean;
}): Promise<void> {
  if (options.install === true) {
    const { installMissing } = await import('../../machine/install.ts');
    const progress = new Progress();
    await installMissing({ step: (label, work) => progress.step(label, work) });
  }
  const checks: Check[] = [];
  const look = async (name: string, work: () => Promise<string> | string, needed: Check['for']): Promise<void> => {
    try {
      checks.push({ check: name, ok: true, detail: await work(), for: needed });
    } catch (error) {
      checks.push({ check: name, ok: false, detail: (error as Error).message, for: needed });
    }
  };
  const check = (name: string, work: () => Promise<string> | string): Promise<void> =>
    look(name, work, 'every cluster');
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
  const { machineChecks } = await import('../../machine/checks.ts');
  for (const { name, look: work } of machineChecks()) await look(name, work, 'real nodes');
  if (options.output === 'json') printJson(checks);
  else
    for (const [i, c] of checks.entries()) {
      if (c.for === 'real nodes' && checks[i - 1]?.for !== c.for)
        print('\nReal nodes (kubus up --runtime cri; installs what is missing from Debian packages) need besides:');
      print(`${c.ok ? '✓' : '✗'} ${c.check.padEnd(12)} ${c.detail}`);
    }
  if (checks.some((c) => !c.ok && (c.for === 'every cluster' || options.runtime === 'cri'))) process.exitCode = 1;
}
