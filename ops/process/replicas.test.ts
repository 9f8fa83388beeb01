import { describe, expect, it } from 'vitest';
import { nameOf, Replicas, type Scalable } from './replicas.ts';

/** Replicas that do nothing but note when they serve and when they end. */
function rig(options: { readonly fails?: (name: string) => boolean; readonly patienceMs?: number } = {}) {
  const history: string[] = [];
  const serving = new Set<string>();
  /** Fewest that served at any time since it was last asked. */
  let fewest = Number.POSITIVE_INFINITY;
  const replicas = new Replicas((component: Scalable, slot: number) => {
    const name = nameOf(component, slot);
    history.push(`begin ${name}`);
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => undefined);
    setImmediate(() => {
      if (options.fails?.(name) === true) return ready.reject(new Error(`${name} cannot`));
      serving.add(name);
      history.push(`ready ${name}`);
      ready.resolve();
    });
    return {
      pid: slot,
      ready: ready.promise,
      stop: async () => {
        serving.delete(name);
        fewest = Math.min(fewest, serving.size);
        history.push(`end ${name}`);
        await new Promise((r) => setImmediate(r));
      },
    };
  }, options.patienceMs);
  const names = (): string[] => replicas.list().map((r) => r.name);
  const take = (): string[] => history.splice(0);
  const least = (): number => {
    const n = fewest;
    fewest = Number.POSITIVE_INFINITY;
    return n;
  };
  return { replicas, names, take, least, serving };
}

describe('replicas', () => {
  it('come in the lowest free slots and go from the highest', async () => {
    const { replicas, names, take } = rig();
    await replicas.scale('etcd', 3);
    expect(names()).toEqual(['etcd', 'etcd-2', 'etcd-3']);
    await replicas.scale('etcd', 1);
    expect(names()).toEqual(['etcd']);
    take();
    await replicas.scale('etcd', 2);
    expect(take()).toEqual(['begin etcd-2', 'ready etcd-2']);
    await replicas.scale('etcd', 0);
    expect(names()).toEqual([]);
  });
  it('of one component do not change at once; of another they do', async () => {
    const { replicas, names, take } = rig();
    await Promise.all([replicas.scale('etcd', 2), replicas.scale('apiserver', 1), replicas.scale('etcd', 1)]);
    expect(names()).toEqual(['etcd', 'apiserver']);
    const history = take();
    expect(history.indexOf('ready etcd-2')).toBeLessThan(history.indexOf('end etcd-2'));
    expect(history.indexOf('begin apiserver')).toBeLessThan(history.indexOf('ready etcd-2'));
  });
  it('are replaced when another serves, and the first comes back to its place', async () => {
    const { replicas, names, take, least } = rig();
    await replicas.scale('apiserver', 1);
    take();
    await replicas.restart('apiserver');
    expect(take()).toEqual([
      'begin apiserver-2', 'ready apiserver-2', 'end apiserver', 'begin apiserver', 'ready apiserver', 'end apiserver-2',
    ]); // prettier-ignore
    expect(names()).toEqual(['apiserver']);
    expect(least()).toBe(1);
  });
  it.each([2, 3, 5])('%d of them are all replaced, and never are fewer there', async (n) => {
    const { replicas, names, take, least } = rig();
    await replicas.scale('apiserver', n);
    const before = names();
    take();
    await replicas.restart('apiserver');
    const ended = take().filter((line) => line.startsWith('end '));
    for (const name of before) expect(ended).toContain(`end ${name}`);
    expect(names()).toHaveLength(n);
    expect(names()[0]).toBe('apiserver');
    expect(least()).toBeGreaterThanOrEqual(n);
  });
  it('stay as they are when another cannot come', async () => {
    const fails = new Set(['etcd-2']);
    const { replicas, names, serving } = rig({ fails: (name) => fails.has(name) });
    await replicas.scale('etcd', 1);
    await expect(replicas.restart('etcd')).rejects.toThrow('etcd-2 cannot');
    await expect(replicas.scale('etcd', 2)).rejects.toThrow('etcd-2 cannot');
    expect([names(), [...serving]]).toEqual([['etcd'], ['etcd']]);
    fails.clear();
    await replicas.scale('etcd', 2);
    expect(names()).toEqual(['etcd', 'etcd-2']);
  });
  it('that do not serve in time are taken away again', async () => {
    const replicas = new Replicas(
      () => ({ pid: 1, ready: new Promise(() => undefined), stop: async () => undefined }),
      20,
    );
    await expect(replicas.scale('scheduler', 1)).rejects.toThrow('scheduler does not serve within 0.02 s');
    expect(replicas.count('scheduler')).toBe(0);
  });
  it('do not come any more once all were stopped', async () => {
    const { replicas, names } = rig();
    await replicas.scale('etcd', 2);
    await replicas.stop('etcd');
    expect(names()).toEqual([]);
    await expect(replicas.scale('etcd', 1)).rejects.toThrow('going down');
  });
});
