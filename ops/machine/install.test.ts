import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError, type Commands } from '../../node-agent/host/commands.ts';
import { installMissing } from './install.ts';
import { findProgram } from './tools.ts';

let dir: string;
let policy: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-install-'));
  policy = join(dir, 'policy-rc.d');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Says what was run, and what packages were told of services meanwhile. */
function machine(fails: (args: string) => boolean = () => false) {
  const ran: string[] = [];
  const commands: Commands = {
    run: async (program, args) => {
      ran.push([program, ...args].join(' '));
      return { code: 0, stdout: '', stderr: '' };
    },
    must: async (_program, args) => {
      const what = args.slice(args.indexOf('DPkg::Lock::Timeout=120') + 1).join(' ');
      ran.push(`${what} (${readFileSync(policy, 'utf8').includes('exit 101') ? 'starts nothing' : 'starts'})`);
      if (fails(what)) throw new CommandError(`apt-get: E: Unable to locate package`);
      return '';
    },
  };
  const step = <T>(_label: string, work: () => Promise<T>): Promise<T> => work();
  return { ran, o: { commands, step, policy, packages: ['runc', 'nftables'] } };
}

describe.skipIf(findProgram('apt-get') === undefined)('what real nodes lack (apt-get)', () => {
  it('is installed, and nothing is started', async () => {
    const { ran, o } = machine();
    await installMissing(o);
    expect(ran).toEqual(['install --no-install-recommends runc nftables (starts nothing)']);
    expect(existsSync(policy)).toBe(false);
  });
  it('is looked for anew where the lists are old', async () => {
    let times = 0;
    const { ran, o } = machine((what) => what.startsWith('install') && times++ === 0);
    await installMissing(o);
    expect(ran.map((line) => line.split(' ')[0])).toEqual(['install', 'update', 'install']);
  });
  it('is told by its name where it cannot be had, and what the machine said of services stays', async () => {
    writeFileSync(policy, '#!/bin/sh\nexit 0\n');
    const { o } = machine((what) => what.startsWith('install'));
    await expect(installMissing(o)).rejects.toThrow(/runc nftables could not be installed .*Unable to locate.*by hand/);
    expect(readFileSync(policy, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });
  it('is nothing where all is there', async () => {
    const { ran, o } = machine();
    await installMissing({ ...o, packages: [] });
    expect(ran).toEqual([]);
  });
});
