import { describe, expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { controllerMachine, keyMachine } from './controller-machine.ts';
import { startController, type SyncContext } from './controller.ts';
import { source } from './source.ts';
import { createInformers } from './informer.ts';
import { configMaps } from './resources.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';
import { keyOf } from '../../schemas/meta/object.ts';

const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'd' },
});

function setUp(
  sync: (c: SyncContext) => Promise<{ requeueAfterMs?: number } | void>,
  options: { workers?: number; active?: boolean } = {},
) {
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client('controller:test');
  const informers = createInformers(client, world);
  const informer = informers.for(configMaps);
  const controller = startController({
    name: 'test', id: '1', world, client, sync, ...options,
    sources: [source(informer, (o) => [keyOf(o)])],
  }); // prettier-ignore
  return { world, api, client, informer, controller };
}

describe('controller', () => {
  it('syncs each key once for many changes that come before its turn', async () => {
    const seen: string[] = [];
    const { world, client, controller } = setUp(async ({ key }) => void seen.push(key));
    await controller.ready;
    await client.create(configMaps, configMap('a'));
    await world.settle();
    expect(seen).toEqual(['d/a']);
    controller.enqueue('d/a');
    controller.enqueue('d/a');
    await world.settle();
    expect(seen).toEqual(['d/a', 'd/a']);
    expect(controller.busyKeys).toBe(0);
  });

  it('syncs again what changed during a sync, never twice at once', async () => {
    const gates: (() => void)[] = [];
    let now = 0;
    let most = 0;
    const { world, controller } = setUp(async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => gates.push(resolve));
      now--;
    });
    await controller.ready;
    controller.enqueue('d/a');
    await world.settle();
    for (let i = 0; i < 3; i++) controller.enqueue('d/a');
    await world.settle();
    expect(gates).toHaveLength(1);
    gates[0]!();
    await world.settle();
    expect(gates).toHaveLength(2);
    gates[1]!();
    await world.settle();
    expect(gates).toHaveLength(2);
    expect(most).toBe(1);
  });

  it('works on as many keys as it has workers', async () => {
    const gates: (() => void)[] = [];
    const { world, controller } = setUp(() => new Promise<void>((resolve) => gates.push(resolve)), { workers: 2 });
    await controller.ready;
    for (const key of ['a', 'b', 'c']) controller.enqueue(key);
    await world.settle();
    expect(gates).toHaveLength(2);
    gates[0]!();
    await world.settle();
    expect(gates).toHaveLength(3);
  });

  it('backs a failing key off, doubling, and at once when it changes', async () => {
    const at: number[] = [];
    const { world, controller } = setUp(async ({ now }) => {
      at.push(now);
      throw new ApiError('ServiceUnavailable', 'no');
    });
    await controller.ready;
    controller.enqueue('d/a');
    await world.advance(200);
    expect(at.slice(1).map((t, i) => t - at[i]!)).toEqual([5, 10, 20, 40, 80]);
    controller.enqueue('d/a');
    await world.settle();
    expect(at).toHaveLength(7);
  });

  it('looks again when asked to', async () => {
    const at: number[] = [];
    const { world, controller } = setUp(async ({ now }) => {
      at.push(now);
      return at.length < 3 ? { requeueAfterMs: 1_000 } : {};
    });
    await controller.ready;
    controller.enqueue('d/a');
    await world.advance(10_000);
    expect(at.slice(1).map((t, i) => t - at[i]!)).toEqual([1_000, 1_000]);
    expect(controller.busyKeys).toBe(0);
  });

  it('does not look all the time when asked to look in a year', async () => {
    const year = 365 * 86_400_000;
    const at: number[] = [];
    const { world, controller } = setUp(async ({ now }) => {
      const left = (at[0] ?? now) + year - now;
      at.push(now);
      return left > 0 ? { requeueAfterMs: left } : {};
    });
    await controller.ready;
    controller.enqueue('d/a');
    await world.advance(year + 1);
    expect(at.at(-1)! - at[0]!).toBe(year);
    expect(at.length).toBeLessThan(20);
  });

  it('does not sync a key before its cache shows what the key has written', async () => {
    const sizes: number[] = [];
    const { world, api, informer, controller } = setUp(async ({ key, execute }) => {
      if (key !== 'd/x') return;
      sizes.push(informer.size);
      await execute([{ op: 'create', gvr: configMaps, object: configMap(`m${informer.size}`) }]);
    });
    await controller.ready;
    // The watch is away: the cache cannot show the write.
    api.closeWatches();
    await world.settle();
    controller.enqueue('d/x');
    await world.settle();
    controller.enqueue('d/x');
    await world.settle();
    expect(sizes).toEqual([0]);
    await world.advance(1_000);
    expect(sizes[1]).toBe(1);
    await controller.stop();
  });

  it('tries what the API refused when it changes, and once a minute, as what judges it may change', async () => {
    let tries = 0;
    const { world, controller } = setUp(async () => {
      if (++tries < 4) throw new ApiError('Invalid', 'a clock was set');
    });
    await controller.ready;
    controller.enqueue('d/x');
    await world.advance(50_000);
    expect(tries).toBe(1);
    controller.enqueue('d/x');
    await world.advance(50_000);
    expect(tries).toBe(2);
    await world.advance(71_000);
    expect([tries, controller.busyKeys]).toEqual([4, 0]);
  });

  it('works only while it leads, and hears of everything when it leads again', async () => {
    const seen: string[] = [];
    const { world, client, controller } = setUp(async ({ key }) => void seen.push(key), { active: false });
    await client.create(configMaps, configMap('a'));
    await world.settle();
    expect([controller.state(), seen]).toEqual(['standby', []]);
    controller.activate();
    await world.settle();
    expect([controller.state(), seen]).toEqual(['running', ['d/a']]);
    controller.deactivate();
    await client.create(configMaps, configMap('b'));
    await world.settle();
    expect(seen).toEqual(['d/a']);
    controller.activate();
    await world.settle();
    expect(seen).toEqual(['d/a', 'd/a', 'd/b']);
  });

  it('finishes what is in work, and nothing else, before another leads', async () => {
    const gates: (() => void)[] = [];
    const begun: string[] = [];
    let fails = false;
    const { world, controller } = setUp(
      async ({ key }) => {
        begun.push(key);
        await new Promise<void>((resolve) => gates.push(resolve));
        if (fails) throw new Error('refused');
        return { requeueAfterMs: 1_000 };
      },
      { workers: 1 },
    );
    await controller.ready;
    for (const outcome of [false, true]) {
      fails = outcome;
      for (const key of ['d/a', 'd/b']) controller.enqueue(key);
      await world.settle();
      controller.enqueue('d/a');
      let finished = false;
      void controller.finish().then(() => (finished = true));
      controller.enqueue('d/c');
      await world.settle();
      expect([controller.state(), finished, controller.busyKeys]).toEqual(['finishing', false, 1]);
      gates.splice(0).forEach((open) => open());
      await world.advance(5_000);
      expect([controller.state(), finished, controller.busyKeys]).toEqual(['standby', true, 0]);
      expect(begun.splice(0)).toEqual(['d/a']);
      await controller.finish();
      controller.activate();
      await world.settle();
    }
  });

  it('forgets ten thousand keys once they are idle', async () => {
    const { world, controller } = setUp(async () => undefined);
    await controller.ready;
    for (let i = 0; i < 10_000; i++) controller.enqueue(`d/${i}`);
    expect(controller.busyKeys).toBe(10_000);
    for (let i = 0; i < 100 && controller.busyKeys > 0; i++) await world.settle();
    expect(controller.busyKeys).toBe(0);
    expect(world.timers).toBe(1); // the watch's own
  });

  it('finishes what is in work before it stops', async () => {
    let open!: () => void;
    let finished = false;
    const { world, controller } = setUp(async () => {
      await new Promise<void>((resolve) => (open = resolve));
      finished = true;
    });
    await controller.ready;
    controller.enqueue('d/a');
    await world.settle();
    const stopped = controller.stop();
    await world.settle();
    expect(controller.state()).toBe('draining');
    open();
    await stopped;
    expect(finished).toBe(true);
  });
});

describe('charts', () => {
  const reached = (machine: typeof keyMachine | typeof controllerMachine, events: object[], input?: object) => {
    const paths = getShortestPaths(machine as typeof keyMachine, {
      input: input as { key: string },
      events: events as never[],
      serializeState: (s) => JSON.stringify(s.value),
      limit: 500,
    });
    return paths.map((p) => JSON.stringify(p.state.value)).sort();
  };
  it('walks every state of a key', () => {
    const events = [
      { type: 'key.changed' },
      { type: 'worker.assigned' },
      { type: 'writes.awaited' },
      { type: 'writes.seen' },
      { type: 'xstate.done.actor.sync', output: {} },
      { type: 'xstate.done.actor.sync', output: { requeueAfterMs: 5 } },
      { type: 'xstate.error.actor.sync', error: new ApiError('Conflict', '') },
      { type: 'xstate.after.backoff.key.backingOff' },
      { type: 'xstate.after.requeue.key.delayed' },
      { type: 'xstate.after.settleTimeout.key.settling' },
    ];
    expect(reached(keyMachine, events, { key: 'd/a' })).toEqual(
      [
        '"queued"',
        '"settling"',
        '{"syncing":"clean"}',
        '{"syncing":"dirty"}',
        '"delayed"',
        '"backingOff"',
        '"idle"',
      ].sort(),
    );
    const strict = keyMachine.provide({ guards: { isTerminal: () => true } });
    const retried = [...events, { type: 'xstate.after.afterRejection.key.rejected' }];
    expect(reached(strict, retried, { key: 'd/a' })).toContain('"rejected"');
  });
  it('walks every state of a controller', () => {
    const events = [
      { type: 'leadership.gained' },
      { type: 'leadership.lost' },
      { type: 'leadership.ending' },
      { type: 'stop' },
      { type: 'xstate.done.actor.syncCaches' },
      { type: 'xstate.done.actor.drainKeys' },
    ];
    expect(reached(controllerMachine, events)).toEqual(
      ['"standby"', '"waitingForSync"', '"running"', '"finishing"', '"draining"', '"stopped"'].sort(),
    );
  });
});
