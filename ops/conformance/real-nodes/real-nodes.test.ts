import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineChecks } from '../../machine/checks.ts';
import { finish } from '../../testing/cluster.ts';
import { BUSYBOX } from './images.ts';

/** Why there can be none here. */
const missing: string[] = existsSync(BUSYBOX) ? [] : ['busybox-static'];
for (const { name, look } of machineChecks())
  try {
    await look();
  } catch (error) {
    missing.push(`${name} (${(error as Error).message})`);
  }
if (missing.length > 0) console.log(`ops/conformance/real-nodes: skipped, missing: ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)(
  `three real nodes and an app on them${missing.length > 0 ? ` (skipped, missing: ${missing.join(', ')})` : ''}`,
  () => {
    it('all that people do with it works, and nothing is left', async () => {
      const { status, stdout, stderr } = await finish(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run.ts')],
        process.env,
      );
      expect(status, `${stdout}${stderr}`).toBe(0);
    }, 300_000);
  },
);
