import { CommanderError } from 'commander';
import { printError, type UserError } from './output.ts';

/** Prints one line of cause and next step; returns the exit status: 2 for what was typed wrong, 1 for the rest. */
export function tellFailure(error: unknown): number {
  // Commander has said already what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if ((error as { name?: string }).name === 'UserError') {
    printError(`kubus: ${(error as Error).message}`);
    return (error as UserError).exitCode;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  printError(`kubus: ${process.env['KUBUS_DEBUG'] ? stack : message} (KUBUS_DEBUG=1 shows where)`);
  return 1;
}
