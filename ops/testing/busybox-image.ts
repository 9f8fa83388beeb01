import { readFileSync } from 'node:fs';
import { ociArchive, pauseArchive } from '../images/oci.ts';
import type { CriRuntime } from '../../node-agent/runtime/cri/runtime.ts';

/** Name of an image of this machine's busybox. */
export const BUSYBOX_IMAGE = 'registry.local/busybox:1';

/** Brings a runtime that image, with these commands, and the one of sandboxes. */
export async function loadBusybox(runtime: CriRuntime, commands: readonly string[]): Promise<void> {
  const files = [
    { path: 'bin', type: 'folder' as const },
    { path: 'bin/busybox', type: 'file' as const, mode: 0o755, content: readFileSync('/bin/busybox') },
    ...commands.map((name) => ({ path: `bin/${name}`, type: 'link' as const, target: '/bin/busybox' })),
  ];
  const config = { Env: ['PATH=/bin'] };
  const archives = [
    pauseArchive('amd64'),
    ociArchive({ names: [BUSYBOX_IMAGE], architecture: 'amd64', files, config }),
  ];
  for (const archive of archives) await runtime.loadImages(whole(archive), { names: [] }, AbortSignal.timeout(20_000));
}
async function* whole(archive: Uint8Array): AsyncGenerator<Uint8Array> {
  yield archive;
}
