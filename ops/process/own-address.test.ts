import { expect, test } from 'vitest';
import { addressTowards } from './own-address.ts';

/** By which of its addresses a machine would speak to whom. */
const ways: Readonly<Record<string, string>> = {
  'nats-1': '10.0.0.5', '10.0.0.9': '10.0.0.5', localhost: '127.0.0.1', '::1': '::1', 'fd00::9': 'fd00::5', '192.0.2.1': '172.16.0.7',
}; // prettier-ignore
const source = (host: string): Promise<string | undefined> => Promise.resolve(ways[host]);

test.each([
  [['nats://nats-1:4222'], '10.0.0.5'],
  [['tls://gone:4222', 'nats://10.0.0.9:4222'], '10.0.0.5'],
  [['nats://[fd00::9]:4222'], 'fd00::5'],
  // The bus is here: others come by the way out.
  [['nats://127.0.0.1:4222'], undefined],
  [['nats://localhost:4222'], undefined],
  [['nats://[::1]:4222'], undefined],
  [['no URL'], undefined],
  [[], undefined],
])('where the bus is %j an API server is known by %s, or by its way out', async (urls, expected) => {
  expect(await addressTowards(urls, source)).toBe(expected ?? '172.16.0.7');
});
test('there may be no way to anybody', async () => {
  expect(await addressTowards(['nats://gone:4222'], () => Promise.resolve(undefined))).toBeUndefined();
});
test('the system tells it without a word being sent, and what it does not know is none', async () => {
  const address = await addressTowards(['nats://does-not-exist.invalid:4222']);
  expect(address ?? '10.0.0.1').toMatch(/^\d+\.\d+\.\d+\.\d+$/);
});
