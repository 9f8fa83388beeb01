import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIp } from '../../../schemas/meta/ip.ts';
import { NETWORK } from './conflist.ts';

/**
 * Gives back addresses that sandboxes have which are no more: of a node that was ended while it made some. `sandboxes`: ids
 * of those there are; none may be in the making. Resolves with the addresses. Source: plugins/ipam/host-local/backend/disk.
 */
export async function giveBackLeases(folder: string, sandboxes: ReadonlySet<string>): Promise<string[]> {
  const leases = join(folder, NETWORK);
  const names = await readdir(leases).catch(() => []);
  const given: string[] = [];
  for (const name of names) {
    if (parseIp(name) === undefined) continue;
    const text = await readFile(join(leases, name), 'utf8').catch(() => undefined);
    const owner = text?.split(/\r?\n/, 1)[0]?.trim();
    if (owner === undefined || sandboxes.has(owner)) continue;
    await unlink(join(leases, name)).catch(() => undefined);
    given.push(name);
  }
  return given;
}
