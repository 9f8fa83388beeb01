import { mkdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { containersOf } from './used.ts';

/**
 * Folders that a volume needs so that others can be mounted within it, below it; of those within each other only the
 * outermost. Pure. Source: pkg/volume/util getNestedMountpoints.
 */
export function nestedMountPoints(volume: string, pod: Pod): string[] {
  const found = new Set<string>();
  for (const { volumeMounts = [] } of containersOf(pod)) {
    const all = volumeMounts.map(({ mountPath }) => cleaned(mountPath)).sort();
    for (const { name, mountPath } of volumeMounts) {
      if (name !== volume) continue;
      const own = cleaned(mountPath);
      if (own.startsWith('../')) throw new Error(`invalid container mount point ${own}`);
      const nested: string[] = [];
      for (const path of all) {
        if (!path.startsWith(`${own}/`) || nested.some((outer) => path.startsWith(outer))) continue;
        nested.push(`${path}/`);
        found.add(path.slice(own.length + 1));
      }
    }
  }
  return [...found];
} // prettier-ignore
const cleaned = (path: string): string => normalize(path).replace(/(?<=.)\/$/, '');

/** Rejects: `unable to create nested volume mountpoints: ...`. */
export async function makeNestedMountPoints(volume: string, folder: string, pod: Pod): Promise<void> {
  for (const path of nestedMountPoints(volume, pod))
    try {
      await mkdir(join(folder, path), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new Error(`unable to create nested volume mountpoints: ${(error as Error).message}`, { cause: error });
    }
}
