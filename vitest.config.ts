import { defineConfig } from 'vitest/config';

/** What is asked for an answer within a second or two has the machine to itself. */
const ALONE = [
  'ops/conformance/recorded.test.ts',
  'ops/conformance/real-nodes/real-nodes.test.ts',
  'ops/conformance/joined-machines/joined-machines.test.ts',
  'ops/conformance/registry/registry.test.ts',
  'ops/compose/containers.test.ts',
];
const TIMES = { testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...TIMES,
          name: 'tests',
          include: ['{schemas,bus,actors,node-agent,ops}/**/*.test.ts'],
          exclude: ALONE,
          // Real NATS and real clusters are started by some files; two cores leave no room for more at once.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...TIMES, name: 'alone', include: ALONE, fileParallelism: false, sequence: { groupOrder: 2 } } },
    ],
  },
});
