import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finish } from '../../testing/cluster.ts';
import { missingForRealNodes } from './missing.ts';

/** Why there can be none here. */
const missing = await missingForRealNodes();
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
