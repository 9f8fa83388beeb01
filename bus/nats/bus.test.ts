import { afterAll, beforeAll } from 'vitest';
import type { Bus } from '../bus.ts';
import { busConformance } from '../conformance.ts';
import { sessionConformance } from '../session-conformance.ts';
import type { Fixture } from '../testing/fixture.ts';
import { realWorld } from '../real-world.ts';
import type { NatsOptions } from './connect.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const start = (options: Partial<NatsOptions>) => (): Promise<Fixture> => {
  const buses: Bus[] = [];
  return Promise.resolve({
    connect: async (name) => {
      const bus = await connectNats({
        world: realWorld({ level: 'silent' }),
        servers: server.url,
        name,
        drainGraceMs: 600,
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    kill: (bus) => natsConnectionOf(bus).close(),
    close: async () => {
      await Promise.all(buses.map((bus) => bus.drain()));
    },
  });
};
for (const conformance of [busConformance, sessionConformance]) {
  conformance('NATS', start({ neighbours: undefined }));
  conformance('NATS within one process', start({}));
}
