import { statfs } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import { machineCommands } from '../host/commands.ts';
import { deviceFigures, serverFigures } from './figures.ts';

it('the program that asks a server says what the kernel says', async () => {
  const commands = machineCommands(realWorld({ level: 'silent', unrefTimers: true }));
  const [{ bsize, blocks, files }, found] = [await statfs('/proc/self'), await serverFigures(commands, '/proc/self')];
  expect([found.capacityBytes, found.inodes]).toEqual([bsize * blocks, files]);
  const disk = await serverFigures(commands, '/');
  expect(disk.capacityBytes).toBeGreaterThan(disk.usedBytes);
  expect(disk.usedBytes + disk.availableBytes).toBeLessThanOrEqual(disk.capacityBytes);
  await expect(serverFigures(commands, '/nope')).rejects.toThrow('/nope');
});
it('what is no device has no size', () => expect(deviceFigures('/')).rejects.toThrow());
