import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePort, isFree, obstacle } from './ports.ts';

let server: Server;
let taken: number;
beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  taken = (server.address() as { port: number }).port;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

it('finds ports that are free', async () => {
  const port = await freePort();
  expect(port).toBeGreaterThan(0);
  expect(await isFree(port)).toBe(true);
  expect(await obstacle(port, '127.0.0.1')).toBeUndefined();
});
it('says what is in the way, and what to do', async () => {
  expect(await isFree(taken)).toBe(false);
  expect(await obstacle(taken, '127.0.0.1')).toBe(
    `port ${taken} of 127.0.0.1 is in use by another program: stop that one, or choose another port with --port N`,
  );
  for (const host of ['192.0.2.1', 'no-such-host.invalid'])
    expect(await obstacle(1234, host)).toBe(
      `this machine has no address ${host}: choose another with --host, such as 127.0.0.1`,
    );
});
