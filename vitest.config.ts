import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{schemas,bus,actors,node-agent,ops}/**/*.test.ts'],
    // Real NATS and real clusters are started by some files; two cores leave no room for more at once.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
