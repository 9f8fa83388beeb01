import { describe, expect, it } from 'vitest';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { keepFlow } from './flow.ts';

const GROUP = 'flowcontrol.apiserver.k8s.io';
const AUTOUPDATE = 'apf.kubernetes.io/autoupdate-spec';
interface Shown {
  readonly metadata: { readonly generation?: number; readonly annotations?: Record<string, string> };
  readonly spec: {
    readonly matchingPrecedence?: number;
    readonly exempt?: { readonly nominalConcurrencyShares?: number };
  };
}
const get = (c: FakeCluster, name: string, resource = 'flowschemas'): Shown | undefined =>
  c.cache.get(c.resource(GROUP, resource), '', name) as unknown as Shown | undefined;
/** As somebody has left a FlowSchema: with another precedence. */
const changed = (c: FakeCluster, name: string, said: string | undefined, generation: number): void => {
  const present = get(c, name)!;
  const metadata = { ...present.metadata, generation, annotations: said === undefined ? {} : { [AUTOUPDATE]: said } };
  c.put({ ...present, metadata, spec: { ...present.spec, matchingPrecedence: 77 } });
};

describe('FlowSchemas and priority levels that there always are', () => {
  it('are made, and are left alone by the next server', async () => {
    const c = fakeCluster();
    await keepFlow(c);
    const made = c.writes.length;
    await keepFlow(c);
    expect([made, c.writes.length]).toEqual([19, made]);
  });
  it.each<[string, string | undefined, number, boolean, string]>([
    ['catch-all', 'false', 2, true, 'true'],
    ['service-accounts', 'true', 2, true, 'true'],
    ['service-accounts', 'false', 2, false, 'false'],
    ['service-accounts', undefined, 1, true, 'true'],
    ['service-accounts', undefined, 2, false, 'false'],
    ['service-accounts', 'perhaps', 2, false, 'false'],
  ])(
    '%s that says %j, of generation %i: put back %j, then says %s',
    async (name, said, generation, isPutBack, says) => {
      const c = fakeCluster();
      await keepFlow(c);
      changed(c, name, said, generation);
      await keepFlow(c);
      const found = get(c, name)!;
      expect([found.spec.matchingPrecedence !== 77, found.metadata.annotations?.[AUTOUPDATE]]).toEqual([
        isPutBack,
        says,
      ]);
      const writes = c.writes.length;
      await keepFlow(c);
      expect(c.writes.length).toBe(writes);
    },
  );
  it('the seats of the exempt are left as they are', async () => {
    const c = fakeCluster();
    await keepFlow(c);
    const resource = 'prioritylevelconfigurations';
    const present = get(c, 'exempt', resource)!;
    c.put({ ...present, spec: { ...present.spec, exempt: { nominalConcurrencyShares: 9, lendablePercent: 50 } } });
    await keepFlow(c);
    expect(get(c, 'exempt', resource)!.spec.exempt!.nominalConcurrencyShares).toBe(9);
  });
  it('those of another version go; those of users stay', async () => {
    const c = fakeCluster();
    await keepFlow(c);
    const base = get(c, 'service-accounts')!;
    for (const [name, said] of [
      ['old', 'true'],
      ['mine', 'false'],
      ['yours', undefined],
    ] as const)
      c.put({ ...base, metadata: { name, annotations: said === undefined ? {} : { [AUTOUPDATE]: said } } });
    await keepFlow(c);
    expect(['old', 'mine', 'yours'].map((name) => get(c, name) !== undefined)).toEqual([false, true, true]);
  });
});
