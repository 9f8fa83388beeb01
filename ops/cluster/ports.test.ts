import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensurePki } from '../pki/pki.ts';
import { claimPort, freePort, isFree, obstacle, sharedObstacle } from './ports.ts';

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

it('is shared with API servers of the same cluster, and with nobody else', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubus-ports-'));
  const [own, other] = [join(dir, 'own'), join(dir, 'other')];
  for (const pki of [own, other]) await ensurePki(pki, ['127.0.0.1'], Date.now());
  const api = createTlsServer({
    key: readFileSync(join(own, 'apiserver.key')),
    cert: readFileSync(join(own, 'apiserver.crt')),
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const { port } = api.address() as { port: number };
  const inUse = (of: number): string =>
    `port ${of} of 127.0.0.1 is in use by another program: stop that one, or choose another port with --port N`;
  try {
    expect(await sharedObstacle(port, '127.0.0.1', own)).toBeUndefined();
    expect(await sharedObstacle(port, '127.0.0.1', other)).toBe(inUse(port));
    expect(await sharedObstacle(port, '127.0.0.1', join(dir, 'none'))).toBe(inUse(port));
    expect(await sharedObstacle(await freePort(), '127.0.0.1', other)).toBeUndefined();
  } finally {
    api.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
it('belongs to one cluster of this machine, until that one gives it up', async () => {
  const claim = await claimPort(taken, '127.0.0.1');
  expect(claim).toBeDefined();
  expect(await claimPort(taken, '127.0.0.1')).toBeUndefined();
  await new Promise<void>((resolve) => claim!.close(() => resolve()));
  const again = await claimPort(taken, '127.0.0.1');
  expect(again).toBeDefined();
  again!.close();
});
