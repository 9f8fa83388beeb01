import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stats } from 'node:fs';
import type { Pod } from '../../schemas/generated/core-v1.ts';

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const EXECUTE = 0o110;
const SET_GID = 0o2000;

export interface Ownership {
  readonly group: number;
  readonly readOnly: boolean;
  /** Nothing is done where the volume's own folder is as it should be. */
  readonly onlyOnMismatch: boolean;
}
/** What the pod's fsGroup asks of a volume of its own; undefined: nothing. */
export function ownershipOf({ spec }: Pod, readOnly: boolean, honoursPolicy: boolean): Ownership | undefined {
  const { fsGroup, fsGroupChangePolicy } = spec?.securityContext ?? {};
  if (fsGroup === undefined) return undefined;
  return { group: fsGroup, readOnly, onlyOnMismatch: honoursPolicy && fsGroupChangePolicy === 'OnRootMismatch' };
}

/** The user that all of the pod's containers run as, where they say so and it is one. Source: pkg/volume/util FsUserFrom. */
export function userOf({ spec }: Pod): number | undefined {
  const users = new Set<number | undefined>();
  for (const { securityContext } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])])
    users.add(securityContext?.runAsUser ?? spec?.securityContext?.runAsUser);
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

/** What a file's mode becomes. Pure. Source: pkg/volume/volume_linux.go changeFilePermission. */
export function groupMode(mode: number, isFolder: boolean, readOnly: boolean): number {
  const mask = (readOnly ? READ_ONLY : READ_WRITE) | (isFolder ? SET_GID | EXECUTE : 0);
  return (mode & 0o7777) | mask;
}
/** Pure. Source: requiresPermissionChange. */
export function isOwned(stats: Pick<Stats, 'gid' | 'mode' | 'isDirectory'>, { group, readOnly }: Ownership): boolean {
  const wanted = (readOnly ? READ_ONLY : READ_WRITE) | EXECUTE | SET_GID;
  return stats.isDirectory() && stats.gid === group && (stats.mode & wanted) === wanted;
}
/**
 * Gives all of a volume to the group, folders after what they hold; links are given, never followed. What refuses stays as
 * it is. Rejects: what cannot be read, and the signal's reason. Source: pkg/volume/volume_linux.go.
 */
export async function giveToGroup(folder: string, ownership: Ownership, signal?: AbortSignal): Promise<void> {
  if (ownership.onlyOnMismatch && isOwned(await lstat(folder), ownership)) return;
  await give(folder, ownership, signal);
}
async function give(path: string, ownership: Ownership, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const stats = await lstat(path);
  if (stats.isDirectory()) for (const name of await readdir(path)) await give(join(path, name), ownership, signal);
  const { group, readOnly } = ownership;
  if (stats.gid !== group) await lchown(path, stats.uid, group).catch(() => undefined);
  if (stats.isSymbolicLink()) return;
  const mode = groupMode(stats.mode, stats.isDirectory(), readOnly);
  // Giving a file away takes its set-gid bit.
  if (stats.gid !== group || mode !== (stats.mode & 0o7777)) await chmod(path, mode).catch(() => undefined);
}
