import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pauseProgram } from './pause.ts';

const runsHere = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
const mayUnshare = runsHere && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubus-pause-'));
  program = join(folder, 'pause');
  writeFileSync(program, pauseProgram(process.arch === 'arm64' ? 'arm64' : 'amd64'));
  chmodSync(program, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!runsHere)('pause', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends well on %s', async (signal) => {
    const child = spawn(program);
    const code = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // A signal that comes before it blocks them ends it too.
    expect([0, null]).toContain(await code);
  });
  // What it waits for as a first process would be zombies: none may be left, and it must outlive the signals it ignores.
  it.skipIf(!mayUnshare)('as the first process of a namespace collects orphans and ends it all on SIGTERM', () => {
    const inside = `
      unshare --pid --fork --mount-proc --kill-child "$1" & outer=$!
      until init=$(pgrep -P $outer) && grep -q pause /proc/$init/comm; do :; done
      nsenter -t $init -p -m sh -c '(true &) ; (exec true &)'
      kill -HUP $init; kill -USR1 $init
      while pgrep -P $init > /dev/null; do :; done
      kill -TERM $init; wait $outer`;
    const { status, stderr } = spawnSync('sh', ['-c', inside, 'sh', program], { timeout: 10_000 });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  });
});
it('is a static program of less than 300 bytes for both architectures, each with its machine in the header', () => {
  for (const [architecture, machine] of [['amd64', 62], ['arm64', 183]] as const) {
    const bytes = pauseProgram(architecture);
    expect(bytes.length).toBeLessThan(300);
    expect(bytes.readUInt16LE(18)).toBe(machine);
    expect(Number(bytes.readBigUInt64LE(96))).toBe(bytes.length);
  }
}); // prettier-ignore
