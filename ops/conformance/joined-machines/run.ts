/**
 * Machines that join a cluster of `kubus init`, or one of `kubus up`, by a token, each with a network of its own, as
 * people use them: `node ops/conformance/joined-machines/run.ts [init|up]`, as root, with what real nodes need and busybox-static.
 * Like the run of real nodes it is in namespaces of its own. A line for each check; exit status 1 if one fails. Default: init.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKubectl } from '../../fetch/kubectl.ts';
import { machineNames } from '../../machine/names.ts';
import { finish } from '../../testing/cluster.ts';
import { apart, isApart } from '../real-nodes/apart.ts';
import { runCheck } from '../real-nodes/checks.ts';
import { BUSYBOX } from '../real-nodes/images.ts';
import { joinedChecks } from './checks.ts';
import { openControlPlane } from './control-plane.ts';
import { doorChecks } from './door-checks.ts';
import { buildClientImage } from './images.ts';
import { joinMachine, type JoinedMachine } from './joined.ts';
import { leftOn, openWire } from './machines.ts';
import { upChecks } from './up-checks.ts';

const DUAL_STACK = ['--cluster-cidr', '10.244.0.0/16,fd00:10:244::/48', '--service-cluster-ip-range', '10.96.0.0/16,fd00:10:96::/112']; // prettier-ignore
const bundler = join(import.meta.dirname, '../../build/bundle.ts');

process.exitCode = isApart() ? await all() : await apart(import.meta.filename);

async function all(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'kubus-joined-'));
  const failed: string[] = [];
  const machines: JoinedMachine[] = [];
  const began = performance.now();
  try {
    const program = join(dir, 'b', 'kubus.mjs');
    const built = await finish(process.execPath, [bundler, program], process.env);
    if (built.status !== 0) throw new Error(`no bundle: ${built.stderr}`);
    await openWire();
    const archive = buildClientImage(dir, BUSYBOX, await findKubectl());
    if (process.argv[2] === 'up') {
      for (const check of upChecks({ dir, program, archive })) if (!(await runCheck(check))) failed.push(check.name);
      return failed.length > 0 ? 1 : 0;
    }
    const control = await openControlPlane(dir, program, DUAL_STACK);
    try {
      for (const [i, name] of ['east', 'west'].entries())
        machines.push(await joinMachine({ control, name, place: 11 + i, dir, program }));
      console.log(`     ${((performance.now() - began) / 1000).toFixed(2).padStart(6)} s  a cluster, and two machines that have joined it, are Ready`); // prettier-ignore
      const checks = [
        ...doorChecks({ control, machines }),
        ...joinedChecks({ control, machines }, archive),
        {
          name: 'a machine that stops is left as it was',
          work: async () => {
            for (const { machine, stop, folder } of machines) {
              const status = await stop();
              if (status !== 0) throw new Error(`${machine.name} ended with ${status}`);
              const left = await leftOn(machine, machineNames(folder).cgroup);
              if (left.length > 0) throw new Error(`${machine.name}: ${left.join('\n')}`);
            }
          },
        },
      ];
      for (const check of checks) if (!(await runCheck(check))) failed.push(check.name);
    } finally {
      for (const one of machines) await one.stop();
      await control.stop();
    }
  } finally {
    for (const { machine } of machines) machine.end();
    rmSync(dir, { recursive: true, force: true });
  }
  if (failed.length > 0) console.log(`\n${failed.length} failed: ${failed.join('; ')}`);
  return failed.length > 0 ? 1 : 0;
}
