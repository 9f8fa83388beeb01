import { busConformance } from '../conformance.ts';
import type { Bus } from '../bus.ts';
import { realWorld } from '../real-world.ts';
import { createMemoryHub } from './bus.ts';

busConformance('memory', () => {
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
});
