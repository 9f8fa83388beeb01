import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { machineCommands } from '../../host/commands.ts';
import { pluginVersion, writeConflist } from './file.ts';
import { giveBackLeases } from './leases.ts';
import { fillPluginFolder } from './plugins.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kbg-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;

describe('the configuration of the pod network', () => {
  it('is put into place whole, once', async () => {
    const conf = join(folder, 'net.d');
    expect(await writeConflist(conf, 'one')).toBe(true);
    expect(await writeConflist(conf, 'one')).toBe(false);
    expect(await writeConflist(conf, 'two')).toBe(true);
    expect(readdirSync(conf)).toEqual(['10-kubus.conflist']);
    expect(readFileSync(join(conf, '10-kubus.conflist'), 'utf8')).toBe('two');
    expect(statSync(join(conf, '10-kubus.conflist')).mode & 0o777).toBe(0o644);
  });
});
describe('plugins', () => {
  it('are those of the machine, and one of our own', async () => {
    const [source, bin] = [join(folder, 'lib'), join(folder, 'bin')];
    mkdirSync(source);
    for (const name of ['ptp', 'host-local', 'bandwidth']) writeFileSync(join(source, name), '', { mode: 0o755 });
    for (let i = 0; i < 2; i++) {
      await fillPluginFolder(bin, source);
      expect(readdirSync(bin).toSorted()).toEqual(['bandwidth', 'host-local', 'kubus-ptp', 'loopback', 'portmap', 'ptp']); // prettier-ignore
      // One that is not there yet is found once it is.
      expect(readlinkSync(join(bin, 'portmap'))).toBe(join(source, 'portmap'));
    }
    expect(statSync(join(bin, 'kubus-ptp')).mode & 0o777).toBe(0o755);
    await fillPluginFolder(bin, join(folder, 'elsewhere'));
    expect(readlinkSync(join(bin, 'ptp'))).toBe(join(folder, 'elsewhere', 'ptp'));
  });
  it.each([
    ['speak', `echo '{"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0"]}'`, '0.4.0'],
    ['say nothing sensible', 'echo oops', '1.0.0'],
    ['say something else', `echo '{"supportedVersions":"1.0.0"}'`, '1.0.0'],
    ['fail', 'exit 3', '1.0.0'],
  ])('that %s have a version in common', async (_what, script, version) => {
    const file = join(folder, 'ptp');
    writeFileSync(file, `#!/bin/sh\n[ "$CNI_COMMAND" = VERSION ] || exit 1\n${script}\n`);
    chmodSync(file, 0o755);
    const commands = machineCommands(realWorld({ component: 'test', level: 'silent' }));
    expect(await pluginVersion(commands, folder, signal)).toBe(version);
  });
});
describe('addresses that were given', () => {
  it('are given back where the sandbox is gone, and nothing else is touched', async () => {
    const leases = join(folder, 'kubus');
    mkdirSync(leases);
    const files = { '10.244.1.2': 'here\r\neth0', '10.244.1.3': 'gone\r\neth0', 'fd00::3': 'gone\neth0', '10.244.1.4': 'gone', 'last_reserved_ip.0': '10.244.1.4', lock: '' }; // prettier-ignore
    for (const [name, text] of Object.entries(files)) writeFileSync(join(leases, name), text);
    expect((await giveBackLeases(folder, new Set(['here']))).toSorted()).toEqual(['10.244.1.3', '10.244.1.4', 'fd00::3']); // prettier-ignore
    expect(readdirSync(leases).toSorted()).toEqual(['10.244.1.2', 'last_reserved_ip.0', 'lock']);
    expect(await giveBackLeases(join(folder, 'nowhere'), new Set())).toEqual([]);
  });
});
