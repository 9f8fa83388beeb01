import { existsSync } from 'node:fs';
import { machineChecks } from '../../machine/checks.ts';
import { BUSYBOX } from './images.ts';

/** Why there can be no real nodes, and no images for them, on this machine. */
export async function missingForRealNodes(): Promise<string[]> {
  const missing: string[] = existsSync(BUSYBOX) ? [] : ['busybox-static'];
  for (const { name, look } of machineChecks())
    try {
      await look();
    } catch (error) {
      missing.push(`${name} (${(error as Error).message})`);
    }
  return missing;
}
