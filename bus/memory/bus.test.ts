import { busConformance } from '../conformance.ts';
import { sessionConformance } from '../session-conformance.ts';
import type { Bus } from '../bus.ts';
import { realWorld } from '../real-world.ts';
import type { Fixture } from '../testing/fixture.ts';
import { createMemoryHub } from './bus.ts';

const start = (): Promise<Fixture> => {
  const hub = createMemoryHub({ world: realWorld({ level: 'silent' }) });
  const names = new Map<Bus, string>();
  return Promise.resolve({
    connect: (name) => {
      const bus = hub.connect(name, { drainGraceMs: 600 });
      names.set(bus, name);
      return Promise.resolve(bus);
    },
    kill: (bus) => {
      hub.kill(names.get(bus)!);
      return Promise.resolve();
    },
    close: async () => {
      await Promise.all([...names.keys()].map((bus) => bus.drain()));
    },
  });
};
for (const conformance of [busConformance, sessionConformance]) conformance('memory', start);
