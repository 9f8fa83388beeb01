/**
 * Three real nodes on this machine and an app on them, as people use them: `node ops/conformance/real-nodes/run.ts`, as root,
 * with containerd, runc, CNI plugins, nftables, iptables and busybox-static. It runs in network, mount and process namespaces
 * of its own, so the machine stays as it is whatever happens. A line for each check; exit status 1 if one fails.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineNames } from '../../machine/names.ts';
import { finish, upForTest } from '../../testing/cluster.ts';
import { apart, isApart } from './apart.ts';
import { certificateChecks } from './certificates.ts';
import { appChecks, runCheck } from './checks.ts';
import { driverChecks } from './drivers.ts';
import { faultChecks } from './faults.ts';
import { buildImages } from './images.ts';
import { DUAL_STACK, networkChecks } from './network.ts';
import { newerRuntimeChecks } from './newer-runtime.ts';
import { differences, takePicture } from './picture.ts';

const NAME = 'real';
const bundler = join(import.meta.dirname, '../../build/bundle.ts');

process.exitCode = isApart() ? await all() : await apart(import.meta.filename);

async function all(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'kubus-real-'));
  const failed: string[] = [];
  const only = process.argv[2];
  try {
    const program = join(dir, 'b', 'kubus.mjs');
    const built = await finish(process.execPath, [bundler, program], process.env);
    if (built.status !== 0) throw new Error(`no bundle: ${built.stderr}`);
    const names = machineNames(join(dir, 'data/kubus/clusters', NAME));
    const before = await takePicture(names);
    const began = performance.now();
    const up = ['--runtime', 'cri', '--nodes', '3', '--addons', 'cloud,dns', ...DUAL_STACK, '--wait'];
    const cluster = await upForTest(up, { dir, name: NAME, program });
    console.log(`     ${((performance.now() - began) / 1000).toFixed(2).padStart(6)} s  three real nodes are Ready`);
    const archives = buildImages(dir);
    const checks = [
      ...appChecks(cluster, archives),
      ...driverChecks(cluster),
      ...newerRuntimeChecks(cluster),
      ...networkChecks(cluster),
      ...certificateChecks(cluster),
      ...(only === 'app' ? [] : faultChecks(cluster)),
      {
        name: 'kubus down leaves the machine as it was',
        work: async () => {
          await cluster.stop();
          const left = differences(before, await takePicture(names));
          if (left.length > 0) throw new Error(left.join('\n'));
        },
      },
      {
        name: 'after kill -9, kubus down leaves the machine as it was',
        work: async () => {
          const again = await upForTest(['--runtime', 'cri'], { dir, name: NAME, program });
          const gone = new Promise((resolve) => again.process.once('exit', resolve));
          again.process.kill('SIGKILL');
          await gone;
          const { status, stderr } = await again.kubus('down', '--name', NAME);
          if (status !== 0) throw new Error(stderr);
          const left = differences(before, await takePicture(names));
          if (left.length > 0) throw new Error(left.join('\n'));
        },
      },
    ];
    for (const check of checks) if (!(await runCheck(check))) failed.push(check.name);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  if (failed.length > 0) console.log(`\n${failed.length} failed: ${failed.join('; ')}`);
  return failed.length > 0 ? 1 : 0;
}
