import { type Command, Option } from 'commander';
import { UserError } from '../output.ts';

export const VERSION = '0.1.0';

export const clusterName = (): string => process.env['KUBUS_NAME'] || 'kubus';
/** A command that is about one cluster. */
export const named = (command: Command): Command =>
  command.option('-n, --name <name>', 'name of the cluster', clusterName());
/** A command with something to say to scripts. */
export const json = (command: Command): Command =>
  command.addOption(new Option('-o, --output <format>', 'json, for scripts').choices(['json', 'text']).default('text'));
export const list = (value: string): string[] =>
  value
    .split(',')
    .map((v) => v.trim())
    .filter((v) => v !== '');
export const collect = (value: string, before: string[] = []): string[] => [...before, value];
export const integer =
  (what: string, min: number, max: number) =>
  (value: string): number => {
    const n = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    if (n < min || n > max)
      throw new UserError(`${what} must be a whole number from ${min} to ${max}, not "${value}"`, 2);
    return n;
  };
