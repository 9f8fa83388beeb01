#!/usr/bin/env node
/** The `kubus` command: what is typed (`program/`), what it does (`commands/`), how it ends (here). */
import { isMainThread } from 'node:worker_threads';
import { tellFailure } from './failure.ts';
import { createProgram } from './program/program.ts';

/** They serve until a signal comes, whoever reads what they print. */
const SERVICES: readonly string[] = ['up', 'run', 'balance', 'inspect'];

// Who reads our output may stop reading (`kubus logs | head`).
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && !SERVICES.includes(process.argv[2] ?? '')) process.exit(0);
  });
// Of a thread, the supervisor hears by itself.
if (isMainThread)
  process.on('uncaughtException', (error) => {
    process.exitCode = tellFailure(error);
    process.exit();
  });
try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = tellFailure(error);
  // Whatever is still open belongs to what failed.
  if (isMainThread) process.exit();
  throw error;
}
