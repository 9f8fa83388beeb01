import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import { DEFAULTS } from './configuration.ts';
import { readMachine } from './read-machine.ts';

const FILES = {
  'proc/meminfo': 'MemTotal:       16384000 kB\nMemFree: 1 kB\nSwapTotal:       2048 kB\n',
  'proc/1/stat': '1 (a (b) c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9',
  'proc/sys/kernel/random/boot_id': '11111111-2222-3333-4444-555555555555\n',
  'etc/os-release': 'NAME="X"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
  'etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '8\n',
  'sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '0\n',
};
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kbi-'));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
});
afterAll(() => rm(root, { recursive: true }));
const read = (node: string, more = {}) => readMachine({ node, disk: root, root, configuration: DEFAULTS, ...more });

it('a machine says what the kernel says', async () => {
  const machine = await read('n1');
  expect(machine.capacity).toMatchObject({ cpu: String(cpus().length), memory: '16384000Ki', pods: '110', 'hugepages-2Mi': '16Mi', 'hugepages-1Gi': '0' }); // prettier-ignore
  expect(machine.capacity['ephemeral-storage']).toMatch(/^\d+Ki$/);
  expect(machine.reserved).toMatchObject({ memory: '100Mi' });
  expect(machine).toMatchObject({ osImage: 'Debian GNU/Linux 12 (bookworm)', swapBytes: 2048 * 1024, memoryBytes: 16_384_000 * 1024 }); // prettier-ignore
});
it('nodes of one machine are told apart, and each keeps its ids until it starts anew', async () => {
  const [one, same, other] = await Promise.all([read('n1'), read('n1'), read('n2')]);
  expect(one.machineID).toMatch(/^[0-9a-f]{32}$/);
  expect(one.systemUUID.replaceAll('-', '')).toBe(one.machineID);
  expect([same.machineID, same.bootID]).toEqual([one.machineID, one.bootID]);
  expect(other.machineID).not.toBe(one.machineID);
  await writeFile(join(root, 'proc/1/stat'), FILES['proc/1/stat'].replace('4242', '4243'));
  const again = await read('n1');
  expect(again.machineID).toBe(one.machineID);
  expect(again.bootID).not.toBe(one.bootID);
});
it('a share of it, and what is kept from pods', async () => {
  const configuration = { ...DEFAULTS, systemReserved: { cpu: '100m', memory: '1Gi' }, kubeReserved: { memory: '1Gi' }, evictionHard: { 'nodefs.available': '50%' } }; // prettier-ignore
  const machine = await read('n1', { share: 0.25, configuration });
  expect(machine.capacity).toMatchObject({ memory: '4096000Ki' });
  expect(machine.reserved).toMatchObject({ cpu: '100m', memory: '2Gi' });
  const bytes = (quantity = ''): number => quantityValue(quantity);
  const total = bytes(machine.capacity['ephemeral-storage']);
  expect(bytes(machine.reserved['ephemeral-storage']) / total).toBeCloseTo(0.5, 3);
});
it('what is not there is not said', async () => {
  const machine = await read('n1', { root: join(root, 'nowhere') });
  expect(machine).toMatchObject({ osImage: 'Linux', swapBytes: 0 });
  expect(machine.machineID).toMatch(/^[0-9a-f]{32}$/);
});
