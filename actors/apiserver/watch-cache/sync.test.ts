import { describe, expect, it } from 'vitest';
import type { Bus, Message, RequestOptions } from '../../../bus/bus.ts';
import { decode, encode } from '../../../bus/codec.ts';
import { realWorld } from '../../../bus/real-world.ts';
import type { Change, ChangesRequest, RangeRequest } from '../../../bus/protocol/etcd.ts';
import * as subjects from '../../../bus/subjects.ts';
import { until } from '../../../bus/testing/until.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import { Barrier, Sync } from './sync.ts';
import { openVault } from '../encryption/vault.ts';
import { WatchCache } from './watch-cache.ts';

const keyOf = (name: string): string => `/registry/configmaps/d/${name}`;
const valueOf = (name: string): Uint8Array =>
  encode({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'd' } });

/** A store of which the test says what is heard of it and what is not. */
class ScriptedStore {
  readonly changes: Change[] = [];
  compacted = 0;
  loads = 0;
  #hear: (message: Message) => void = () => {};
  write(name: string, gone = false, heard = true): void {
    const revision = this.changes.length + 1;
    const value = gone ? undefined : valueOf(name);
    this.changes.push({ revision, key: keyOf(name), value, previousRevision: 0, createRevision: revision });
    if (heard) this.say(revision);
  }
  say(revision: number): void {
    const { key, value } = this.changes[revision - 1]!;
    const bytes = value ?? new Uint8Array(0);
    const headers = { 'Nats-Sequence': String(revision), ...(value === undefined && { 'KV-Operation': 'DEL' }) };
    this.#hear({ subject: subjects.event(key), headers, bytes, body: undefined });
  }
  bus(): Bus {
    return {
      subscribe: (_subject: string, listener: (message: Message) => void) => {
        this.#hear = listener;
        return { unsubscribe: () => (this.#hear = () => {}) };
      },
      flush: () => Promise.resolve(),
      request: async (subject: string, body: unknown, _options?: RequestOptions) => {
        await Promise.resolve();
        if (subject === subjects.etcd('range')) return this.#range(body as RangeRequest);
        return this.#changes(body as ChangesRequest);
      },
    } as unknown as Bus;
  }
  #range({ keysOnly, revision = this.changes.length }: RangeRequest): unknown {
    if (revision < this.compacted) throw new ApiError('Expired', 'compacted');
    if (!keysOnly) this.loads++;
    const state = new Map<string, Change>();
    for (const c of this.changes.slice(0, revision)) {
      if (c.value === undefined) state.delete(c.key);
      else state.set(c.key, c);
    }
    const kvs = [...state.values()].map((c) => ({ key: c.key, value: c.value, createRevision: c.revision, modRevision: c.revision, version: 1 })); // prettier-ignore
    return { revision, kvs, more: false, count: kvs.length };
  }
  #changes({ after }: ChangesRequest): unknown {
    if (after < this.compacted) throw new ApiError('Expired', 'compacted');
    return { changes: this.changes.slice(after), revision: this.changes.length, more: false };
  }
}
async function started(store: ScriptedStore): Promise<{ cache: WatchCache; sync: Sync; names: () => string[] }> {
  const world = realWorld({ level: 'silent' });
  const registry = createRegistry();
  const cache = new WatchCache({ ...openVault, decode }, registry, world.clock);
  const sync = new Sync(store.bus(), cache, world.log);
  await sync.load(new AbortController().signal);
  const configMaps = registry.lookup({ group: '', version: 'v1', resource: 'configmaps' })!;
  return { cache, sync, names: () => [...cache.list(configMaps)].map((o) => o.metadata.name ?? '') };
}

describe('sync', () => {
  it('loads what is there and follows what comes', async () => {
    const store = new ScriptedStore();
    store.write('a');
    const { cache, names } = await started(store);
    store.write('b');
    store.write('a', true);
    expect(names()).toEqual(['b']);
    expect(cache.revision).toBe(3);
  });
  it('knows what came last before it was there: who watched elsewhere until then goes on', async () => {
    const store = new ScriptedStore();
    for (let i = 0; i < 600; i++) store.write(`a${i % 10}`, i % 7 === 0);
    const { cache, names } = await started(store);
    expect(cache.revision).toBe(600);
    const [late, known] = [cache.below('/registry/configmaps/').since(500), store.changes.slice(500)];
    expect(late.map((change) => [change.revision, change.key])).toEqual(known.map((change) => [change.revision, change.key])); // prettier-ignore
    expect(() => cache.below('/registry/configmaps/').since(1)).toThrow('too old resource version: 1 (');
    const present = new Set<string>();
    for (const { key, value } of store.changes) present[value ? 'add' : 'delete'](key.slice(23));
    expect(names()).toEqual([...present].toSorted());
  });
  it('knows all that was since the first write where that is not long ago', async () => {
    const store = new ScriptedStore();
    for (let i = 0; i < 40; i++) store.write('a');
    const { cache } = await started(store);
    expect(cache.below('/registry/configmaps/').since(1)).toHaveLength(39);
  });
  it('does without where that is compacted', async () => {
    const store = new ScriptedStore();
    for (let i = 0; i < 600; i++) store.write('a');
    store.compacted = 590;
    const { cache, names } = await started(store);
    expect([cache.revision, names()]).toEqual([600, ['a']]);
  });
  it('fills a hole from the store before it shows anything newer', async () => {
    const store = new ScriptedStore();
    const { cache, sync, names } = await started(store);
    store.write('a');
    store.write('lost', false, false);
    store.write('c');
    expect(cache.revision).toBe(1);
    expect(names()).toEqual(['a']);
    expect(sync.repairing).toBe(true);
    await sync.settled();
    expect(names()).toEqual(['a', 'c', 'lost']);
    expect(cache.revision).toBe(3);
  });
  it('takes each change once, however often and in whatever order it is heard', async () => {
    const store = new ScriptedStore();
    const { cache, sync, names } = await started(store);
    for (const name of ['a', 'b', 'c']) store.write(name, false, false);
    for (const revision of [2, 1, 3, 3, 1]) store.say(revision);
    await sync.settled();
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(cache.revision).toBe(3);
  });
  it('loads anew when the hole is compacted', async () => {
    const store = new ScriptedStore();
    const { sync, names } = await started(store);
    store.write('lost', false, false);
    store.write('b', false, false);
    store.compacted = 2;
    store.write('c');
    await until(() => store.loads === 2 && !sync.repairing);
    expect(names()).toEqual(['b', 'c', 'lost']);
  });
  it('asks for what somebody waits for and does not hear', async () => {
    const store = new ScriptedStore();
    const { cache, sync, names } = await started(store);
    cache.onLate = () => sync.repair();
    store.write('unheard', false, false);
    await cache.waitFor(1, 10_000);
    expect(names()).toEqual(['unheard']);
  });
  it('asks for what it missed after the connection was away', async () => {
    const store = new ScriptedStore();
    const { sync, names } = await started(store);
    store.write('unheard', false, false);
    sync.repair();
    await sync.settled();
    expect(names()).toEqual(['unheard']);
  });
});

describe('barrier', () => {
  it('shares one round trip among all that ask before it starts', async () => {
    const trips: (() => void)[] = [];
    const barrier = new Barrier(() => new Promise<void>((resolve) => trips.push(resolve)));
    let late = 0;
    const first = barrier.pass();
    const others = [1, 2, 3].map(() => barrier.pass().then(() => late++));
    expect(trips).toHaveLength(1);
    trips[0]!();
    await first;
    await until(() => trips.length === 2);
    // The trip that was under way when they asked says nothing about what was committed before they asked.
    expect(late).toBe(0);
    trips[1]!();
    await Promise.all(others);
    expect(trips).toHaveLength(2);
  });
  it('tells a failed trip to those who waited for it alone', async () => {
    let trips = 0;
    const barrier = new Barrier(() => (trips++ === 0 ? Promise.reject(new Error('gone')) : Promise.resolve()));
    const [a, b] = [barrier.pass(), barrier.pass()];
    const [first, second] = await Promise.allSettled([a, b]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });
});
