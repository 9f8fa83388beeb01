import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findKubectl } from '../../fetch/kubectl.ts';
import { findNatsServer } from '../../fetch/nats-server.ts';
import { finish } from '../../testing/cluster.ts';
import { missingForRealNodes } from '../real-nodes/missing.ts';

/** Why there can be none here. */
const missing = await missingForRealNodes();
if (missing.length > 0) console.log(`ops/conformance/joined-machines: skipped, missing: ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)(
  `machines that join a cluster of kubus up, or of kubus init${missing.length > 0 ? ` (skipped, missing: ${missing.join(', ')})` : ''}`,
  () => {
    it.each([
      ['init', 'are given certificates, and their pods reach each other and the API servers, whatever brings Services'],
      ['up', 'find it where it listens, also after kill -9'],
    ])(
      'kubus %s: they %s',
      async (of) => {
        // From where it runs nothing can be fetched.
        await Promise.all([findKubectl(), findNatsServer(() => undefined)]);
        const { status, stdout, stderr } = await finish(
          process.execPath,
          ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run.ts'), of],
          process.env,
        );
        expect(status, `${stdout}${stderr}`).toBe(0);
      },
      600_000,
    );
  },
);
