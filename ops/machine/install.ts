import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { realWorld } from '../../bus/real-world.ts';
import { machineCommands, type Commands } from '../../node-agent/host/commands.ts';
import { UserError } from '../cli/output.ts';
import { findProgram, missingPackages } from './tools.ts';

/** Packages come from far, over a slow network. */
const INSTALL_MS = 15 * 60_000;

export interface InstallOptions {
  /** Default: this machine's. */
  readonly commands?: Commands;
  /** Told what is being done. */
  readonly step: <T>(label: string, work: () => Promise<T>) => Promise<T>;
  /** Default: those that this machine lacks. */
  readonly packages?: readonly string[] | undefined;
  /** Where packages ask whether their services may be started; see invoke-rc.d(8). */
  readonly policy?: string | undefined;
}
/**
 * Installs what real nodes need, on Debian and what is made from it, as root. A container runtime that comes with it is
 * neither started nor will be with the machine: nodes have their own; one that was there before is left alone.
 * Thrown: UserError where it cannot be had.
 */
export async function installMissing(o: InstallOptions): Promise<void> {
  const { step, policy = '/usr/sbin/policy-rc.d' } = o;
  const packages = o.packages ?? missingPackages();
  if (packages.length === 0) return;
  const commands = o.commands ?? machineCommands(realWorld({ component: 'install', level: 'silent' }));
  const list = packages.join(' ');
  if (findProgram('apt-get') === undefined)
    throw new UserError(
      `real nodes need what this machine does not have (${packages.join(', ')}), and it has no apt-get: install them by hand, see kubus doctor; or leave out --runtime cri for simulated nodes`,
    );
  const apt = async (...args: string[]): Promise<void> =>
    void (await commands.must('env', ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args], { timeoutMs: INSTALL_MS })); // prettier-ignore
  const install = (): Promise<void> => apt('install', '--no-install-recommends', ...packages);
  await step(`apt-get install ${list}`, () =>
    startingNothing(policy, async () => {
      try {
        // Lists of packages may be missing, or old.
        await install().catch(() => apt('update').then(install));
      } catch (error) {
        throw new UserError(
          `${list} could not be installed (${lastLine((error as Error).message)}): install them by hand, or leave out --runtime cri for simulated nodes`,
        );
      }
      if (packages.includes('containerd') && existsSync('/run/systemd/system'))
        await commands.run('systemctl', ['disable', 'containerd.service']);
    }),
  );
}
/** Nothing that is installed meanwhile is started. */
async function startingNothing(policy: string, work: () => Promise<void>): Promise<void> {
  const aside = `${policy}.before-kubus`;
  if (existsSync(policy)) renameSync(policy, aside);
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(policy, { force: true });
    if (existsSync(aside)) renameSync(aside, policy);
  }
}
const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
