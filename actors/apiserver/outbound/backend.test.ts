import { Agent } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { startHookServer, type HookServer } from '../testing/hook-server.ts';
import { tempFolder, type TestPki } from '../testing/servers.ts';
import { createBackend, type Backend } from './backend.ts';
import { VerifyingAgent } from '../../runtime/outbound/outbound.ts';

let pki: TestPki;
let server: HookServer;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  server = await startHookServer({ key: pki.serverKey, cert: pki.serverCert });
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

describe.each([
  ['that are verified', (world: ReturnType<typeof realWorld>) => new VerifyingAgent(world.clock)],
  ['that are not', () => new Agent({ keepAlive: true })],
])('connections to aggregated servers %s', (_, agentOf) => {
  it('are not given up once they stand, and gather nothing while they are kept', async () => {
    const world = realWorld({ level: 'silent' });
    const waiting = new Set<unknown>();
    const clock: typeof world.clock = {
      ...world.clock,
      setTimeout: (...args) => {
        const id = world.clock.setTimeout(...args);
        waiting.add(id);
        return id;
      },
      clearTimeout: (id) => {
        waiting.delete(id);
        world.clock.clearTimeout(id);
      },
    };
    const url = new URL(server.on('/asked', (_review, response) => void response.end('told')));
    const agent = agentOf(world);
    const verified = { servername: 'localhost', rejectUnauthorized: false, verifyAs: 'localhost', ca: pki.ca };
    const backend: Backend = createBackend({ clock }, {
      agent, dial: () => ({ host: '127.0.0.1', port: Number(url.port) }),
      options: verified,
    }); // prettier-ignore
    const listening = new Set<number>();
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 4; i++) {
      const answer = await backend({
        to: { scheme: 'https', host: 'named', port: 1 },
        method: 'GET',
        target: '/asked',
        headers: ['Host', 'named'],
      });
      const { socket } = answer.body as IncomingMessage;
      listening.add(socket.listenerCount('secureConnect'));
      ports.add(socket.localPort);
      expect(waiting.size).toBe(0);
      for await (const _chunk of answer.body);
      // The connection goes back to where others find it.
      await new Promise(setImmediate);
    }
    expect([ports.size, listening.size]).toEqual([1, 1]);
    agent.destroy();
  });
});
