import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Commands } from '../../host/commands.ts';
import type { NodePaths } from '../../host/paths.ts';

/** An archive of gigabytes, on a slow disk. */
const IMPORT_MS = 10 * 60_000;

/**
 * Brings images from an archive into the runtime; the interface that kubelets speak has no way to, so its own tool does
 * it. Resolves with their names. Rejects with what the tool says.
 */
export async function importArchive(
  o: { readonly commands: Commands; readonly paths: NodePaths },
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const folder = await mkdtemp(join(o.paths.root, 'load-'));
  try {
    const file = join(folder, 'archive.tar');
    await pipeline(Readable.from(archive), createWriteStream(file, { mode: 0o600 }), { signal });
    const args = ['--address', o.paths.containerd.socket, '--namespace', 'k8s.io', 'images', 'import', file];
    return namesIn(await o.commands.must('ctr', args, { signal, timeoutMs: IMPORT_MS }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
/** What the tool says it has brought. Source: containerd cmd/ctr/commands/images/import.go, since 2 content/fetch.go too. */
export const namesIn = (said: string): readonly string[] =>
  [...said.matchAll(/^(?:unpacking (\S+)(?: \(\S+\))?\.\.\.|(\S+) *\tsaved\t)/gm)].map(
    ([, before, since]) => before ?? since!,
  );
