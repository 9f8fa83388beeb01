import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finish } from '../../testing/cluster.ts';
import { missingForRealNodes } from '../real-nodes/missing.ts';
import { findRegistry } from './registry.ts';

/** Why there can be none here. */
const missing = await missingForRealNodes();
if (missing.length === 0 && (await findRegistry()) === undefined) missing.push('docker-registry');
if (missing.length > 0) console.log(`ops/conformance/registry: skipped, missing: ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)(
  `a registry, and a real node that pulls from it${missing.length > 0 ? ` (skipped, missing: ${missing.join(', ')})` : ''}`,
  () => {
    it('gives images to those who may have them, and pods say why where it does not', async () => {
      const { status, stdout, stderr } = await finish(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run.ts')],
        process.env,
      );
      expect(status, `${stdout}${stderr}`).toBe(0);
    }, 600_000);
  },
);
