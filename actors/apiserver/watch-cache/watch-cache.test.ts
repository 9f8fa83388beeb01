import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../bus/codec.ts';
import { simulate } from '../../../bus/memory/simulation.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import type { Change, Entry } from './entry.ts';
import { openVault } from '../encryption/vault.ts';
import { WatchCache } from './watch-cache.ts';
import type { WatchEncoding, WatchScope } from './watchers.ts';

const registry = createRegistry();
const configMaps = registry.lookup({ group: '', version: 'v1', resource: 'configmaps' })!;
const PREFIX = '/registry/configmaps/';
const cacheOf = (): WatchCache => {
  const cache = new WatchCache({ ...openVault, decode }, registry, simulate(1).world('test').clock);
  cache.loaded(0);
  return cache;
};
const bytesOf = (name: string, labels: Record<string, string> = {}): Uint8Array =>
  encode({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'd', labels } });
const put = (cache: WatchCache, name: string, labels?: Record<string, string>): void =>
  cache.apply({ revision: cache.revision + 1, key: `${PREFIX}d/${name}`, value: bytesOf(name, labels) });
const drop = (cache: WatchCache, name: string): void =>
  cache.apply({ revision: cache.revision + 1, key: `${PREFIX}d/${name}`, value: undefined });

/** Frames as text, so that tests can read them. */
const text: WatchEncoding<string> = {
  id: 'text',
  event: (type, entry, revision) => `${type} ${entry.object.metadata.name}@${revision}`,
  bookmark: (revision) => `BOOKMARK ${revision}`,
  join: (frames) => frames.join(';'),
};
const everything: WatchScope = { id: 'all', prefix: PREFIX };
const labelled: WatchScope = {
  id: 'a=1',
  prefix: PREFIX,
  matches: (entry: Entry) => entry.object.metadata.labels?.['a'] === '1',
};
function listen(cache: WatchCache, scope: WatchScope, encoding = text): { frames: string[]; ended: () => boolean } {
  const frames: string[] = [];
  let ended = false;
  cache.of(configMaps).watchers.join(scope, encoding, {
    write: (frame) => frames.push(frame) > 0,
    end: () => (ended = true),
  });
  return { frames, ended: () => ended };
}
const turn = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));

it('keeps what nobody looks at as bytes while others of its kind change, and what is looked at as an object', async () => {
  const simulation = simulate(1);
  const cache = new WatchCache({ ...openVault, decode }, registry, simulation.world('test').clock);
  cache.loaded(0);
  const objectOf = (name: string): unknown => cache.get(configMaps, 'd', name);
  put(cache, 'rests');
  put(cache, 'used');
  put(cache, 'other');
  const [rests, used] = [objectOf('rests'), objectOf('used')];
  for (let i = 0; i < 3; i++) {
    await simulation.advance(2000);
    expect(objectOf('used')).toBe(used);
    put(cache, 'other');
  }
  expect(objectOf('used')).toBe(used);
  expect(objectOf('rests')).not.toBe(rests);
  expect(objectOf('rests')).toEqual(rests);
});

it('keeps Events, which are many and which few read, as bytes from the first', () => {
  const cache = cacheOf();
  const events = registry.lookup({ group: '', version: 'v1', resource: 'events' })!;
  const key = `${events.storagePrefix}d/e`;
  const object = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'd' }, reason: 'Started' };
  const value = encode(object);
  cache.expectOwn(key, value, structuredClone(object));
  let told: DynamicObject | undefined;
  cache.onChange(events, (now) => (told = now));
  cache.apply({ revision: 1, key, value });
  expect(cache.get(events, 'd', 'e')).not.toBe(told);
  expect(cache.get(events, 'd', 'e')).toEqual(told);
});

describe('fan-out', () => {
  it('joins what one turn brings into one write', async () => {
    const cache = cacheOf();
    const { frames } = listen(cache, everything);
    put(cache, 'a');
    put(cache, 'b');
    expect(frames).toEqual([]);
    await turn();
    expect(frames).toEqual(['ADDED a@1;ADDED b@2']);
  });
  it('shows entering a selector as ADDED, leaving it as DELETED, the rest not at all', async () => {
    const cache = cacheOf();
    const { frames } = listen(cache, labelled);
    for (const a of ['0', '1', '1', '2', '2', '1']) {
      put(cache, 'x', { a });
      await turn();
    }
    drop(cache, 'x');
    await turn();
    expect(frames).toEqual(['ADDED x@2', 'MODIFIED x@3', 'DELETED x@4', 'ADDED x@6', 'DELETED x@7']);
  });
  it('encodes an event once for all watchers of a kind', async () => {
    const cache = cacheOf();
    let encoded = 0;
    const counting = { ...text, id: 'counting', event: () => `${++encoded}` };
    const readers = Array.from({ length: 50 }, () => listen(cache, everything, counting));
    put(cache, 'a');
    await turn();
    expect(encoded).toBe(1);
    expect(readers.every((r) => r.frames.length === 1)).toBe(true);
  });
  it('drops a watcher that cannot keep up and keeps the others', async () => {
    const cache = cacheOf();
    let ended = 0;
    const slow = { write: () => false, end: () => ended++ };
    cache.of(configMaps).watchers.join(everything, text, slow);
    const { frames } = listen(cache, everything);
    put(cache, 'a');
    await turn();
    put(cache, 'b');
    await turn();
    expect(ended).toBe(1);
    expect(frames).toEqual(['ADDED a@1', 'ADDED b@2']);
    expect(cache.of(configMaps).watchers.count).toBe(1);
  });
});

describe('history', () => {
  it('forgets old changes and says so', () => {
    const cache = cacheOf();
    for (let i = 0; i < 9000; i++) put(cache, `n${i % 10}`);
    const resource = cache.of(configMaps);
    expect(resource.since(8990).map((c: Change) => c.revision)).toEqual([8991, 8992, 8993, 8994, 8995, 8996, 8997, 8998, 8999, 9000]); // prettier-ignore
    let error: unknown;
    try {
      resource.since(5);
    } catch (thrown) {
      error = thrown;
    }
    expect(reasonOf(error)).toBe('Expired');
  });
  it('replayed on the state it began with gives the present state', () => {
    const change = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), gone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.nat(40), (changes, at) => {
        const cache = cacheOf();
        const seen = new Map<string, number>();
        let from = 0;
        changes.forEach(({ name, gone }, i) => {
          if (i === at) {
            from = cache.revision;
            for (const e of cache.of(configMaps).below(PREFIX)) seen.set(e.key, e.revision);
          }
          if (gone) drop(cache, name);
          else put(cache, name);
        });
        if (changes.length <= at) return;
        for (const c of cache.of(configMaps).since(from)) {
          if (c.entry === undefined) seen.delete(c.key);
          else seen.set(c.key, c.entry.revision);
        }
        const present = cache.of(configMaps).below(PREFIX);
        expect([...seen].sort()).toEqual(present.map((e) => [e.key, e.revision]).sort());
      }),
    );
  });
});

describe('pages', () => {
  it('of a kept snapshot show the state of their first page', () => {
    const cache = cacheOf();
    for (const name of ['a', 'b', 'c', 'd']) put(cache, name);
    const resource = cache.of(configMaps);
    const first = resource.page(PREFIX, PREFIX, 2, undefined, undefined)!;
    resource.keepSnapshot(4);
    drop(cache, 'c');
    put(cache, 'aa');
    const rest = resource.page(PREFIX, `${first.entries.at(-1)!.key}\0`, 10, 4, undefined)!;
    expect([...first.entries, ...rest.entries].map((e) => e.object.metadata.name)).toEqual(['a', 'b', 'c', 'd']);
    expect(first).toMatchObject({ more: true, remaining: 2 });
  });
});

describe('own writes', () => {
  it('are not decoded again', () => {
    const cache = cacheOf();
    const bytes = bytesOf('mine');
    const object = decode(bytes) as Entry['object'];
    cache.expectOwn(`${PREFIX}d/mine`, bytes, object);
    cache.apply({ revision: 1, key: `${PREFIX}d/mine`, value: bytes.slice() });
    expect(cache.entry(configMaps, 'd', 'mine')!.object).toBe(object);
    expect(object.metadata.resourceVersion).toBe('1');
  });
  it('give way to what was really stored', () => {
    const cache = cacheOf();
    cache.expectOwn(`${PREFIX}d/x`, bytesOf('x', { by: 'me' }), decode(bytesOf('x', { by: 'me' })) as Entry['object']);
    cache.apply({ revision: 1, key: `${PREFIX}d/x`, value: bytesOf('x', { by: 'other' }) });
    expect(cache.entry(configMaps, 'd', 'x')!.object.metadata.labels).toEqual({ by: 'other' });
  });
});
