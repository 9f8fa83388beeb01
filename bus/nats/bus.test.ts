import { afterAll, beforeAll } from 'vitest';
import type { Bus } from '../bus.ts';
import { busConformance } from '../conformance.ts';
import { realWorld } from '../real-world.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

busConformance('NATS', () => {
  const buses: Bus[] = [];
  return Promise.resolve({
    connect: async (name) => {
      const bus = await connectNats({
        world: realWorld({ level: 'silent' }),
        servers: server.url,
        name,
        drainGraceMs: 200,
      });
      buses.push(bus);
      return bus;
    },
    kill: (bus) => natsConnectionOf(bus).close(),
    close: async () => {
      await Promise.all(buses.map((bus) => bus.drain()));
    },
  });
});
