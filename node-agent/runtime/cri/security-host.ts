import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePaths } from '../../host/paths.ts';
import type { SecurityHost } from './security.ts';

const CPUS = '/sys/devices/system/cpu';
/** Source: opencontainers/runc apparmor IsEnabled. */
const APP_ARMOR = '/sys/module/apparmor/parameters/enabled';

/** What this machine has to do with what containers may. Source: pkg/securitycontext defaultMaskedPaths. */
export async function readSecurityHost(paths: Pick<NodePaths, 'root'>): Promise<SecurityHost> {
  const cpus = (await readdir(CPUS).catch(() => [])).filter((name) => /^cpu\d+$/.test(name));
  const throttles = cpus.map((cpu) => join(CPUS, cpu, 'thermal_throttle'));
  const there = await Promise.all(
    throttles.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return { seccomp: join(paths.root, 'seccomp'), maskedPaths: throttles.filter((_, i) => there[i]) };
}
export const hasAppArmor = async (): Promise<boolean> =>
  (await readFile(APP_ARMOR, 'utf8').catch(() => '')).startsWith('Y');
