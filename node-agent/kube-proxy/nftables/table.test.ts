import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceFacts, sliceFacts } from '../plan/facts.ts';
import { Plan } from '../plan/plan.ts';
import { goldenSettings } from '../testing/golden.ts';
import { NftModel } from '../testing/nft-model.ts';
import { serviceOf, sliceOf } from '../testing/objects.ts';
import { randomSituation, type Situation } from '../testing/random.ts';
import { isOfService } from './names.ts';
import { NftTable } from './table.ts';

const settings = goldenSettings('primary');
const NONE = { chains: [], affinitySets: new Map<string, number>() };
const presentIn = (model: NftModel) => ({
  chains: [...model.chains.keys()],
  affinitySets: new Map(
    [...model.containers]
      .filter(([name]) => name.startsWith('affinity-'))
      .map(([name, { options }]) => [name, Number(/timeout (\d+)s/.exec(options)?.[1])]),
  ),
});
/** From one situation to the next: what was there and is not any more goes. */
function move(plan: Plan, from: Situation, to: Situation): void {
  for (const { metadata: { namespace, name } } of from.services)
    if (!to.services.some((other) => other.metadata.name === name)) plan.dropService(`${namespace}/${name}`);
  for (const slice of from.slices)
    if (!to.slices.some((other) => other.metadata.name === slice.metadata.name)) plan.dropSlice(sliceFacts(slice, 'n1')!);
  for (const service of to.services) plan.putService(serviceFacts(service)!);
  for (const slice of to.slices) plan.putSlice(sliceFacts(slice, 'n1')!);
} // prettier-ignore
const fresh = (situation: Situation, family: 4 | 6) => {
  const plan = new Plan();
  move(plan, { services: [], slices: [] }, situation);
  plan.changes();
  const model = new NftModel();
  model.apply(new NftTable(family).rebuild(plan.services(), NONE, settings, 0));
  return model.contents();
};

describe('transactions of nftables', () => {
  it('lead, change by change, to what stands when all is written at once', () => {
    const step = fc.record({ seed: fc.nat(10_000), count: fc.integer({ min: 0, max: 7 }), isRebuilt: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 6 as const), fc.array(step, { minLength: 1, maxLength: 6 }), (family, steps) => {
        const plan = new Plan();
        const table = new NftTable(family);
        const model = new NftModel();
        model.apply(table.rebuild([], NONE, settings, 0));
        let now = 0;
        let before: Situation = { services: [], slices: [] };
        for (const { seed, count, isRebuilt } of steps) {
          const after = randomSituation(seed, count);
          move(plan, before, after);
          const changes = plan.changes();
          now += 700;
          model.apply(table.tidy(now));
          model.apply(isRebuilt ? table.rebuild(plan.services(), presentIn(model), settings, now) : table.update(changes, settings, now));
          expect(model.contents()).toEqual(fresh(after, family));
          before = after;
        }
        model.apply(table.tidy(now + 1_000));
        expect(table.hasStale).toBe(false);
        const empty = [...model.chains].filter(([name, rules]) => isOfService(name) && rules.length === 0);
        // An external chain without a rule is there while nobody outside may be served.
        expect(empty.map(([name]) => name).filter((name) => !name.startsWith('external-'))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }); // prettier-ignore
  it('name nothing but what has changed', () => {
    const plan = new Plan();
    move(plan, { services: [], slices: [] }, randomSituation(1, 40));
    const web = serviceOf('web', { clusterIP: '10.96.7.7', ports: [{ name: '', port: 80, protocol: 'TCP' }] });
    plan.putService(serviceFacts(web)!);
    const endpoints = (...ips: string[]): void =>
      plan.putSlice(sliceFacts(sliceOf('web', 'a', ips.map((ip) => ({ ip })), [{ name: '', port: 8080 }]), 'n1')!); // prettier-ignore
    endpoints('10.244.1.1');
    plan.changes();
    const table = new NftTable(4);
    table.rebuild(plan.services(), NONE, settings, 0);
    endpoints('10.244.1.1', '10.244.1.2');
    const lines = table.update(plan.changes(), settings, 1).trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/service-\S+/, 'CHAIN'))).toEqual([
      'add chain ip kube-proxy CHAIN',
      'flush chain ip kube-proxy CHAIN',
      'add rule ip kube-proxy CHAIN meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.1.1 . 8080, 1 : 10.244.1.2 . 8080 }',
    ]);
    endpoints('10.244.1.1', '10.244.1.2');
    expect(table.update(plan.changes(), settings, 2)).toBe('');
  });
  it('give an address that two Services want to one of them, and to the other when the first is gone', () => {
    const plan = new Plan();
    for (const [name, clusterIP] of [['b', '10.96.7.1'], ['a', '10.96.7.2']] as const) {
      plan.putService(serviceFacts(serviceOf(name, { clusterIP, externalIPs: ['192.0.2.1'], ports: [{ name: '', port: 80, protocol: 'TCP' }] }))!);
      plan.putSlice(sliceFacts(sliceOf(name, 'x', [{ ip: '10.244.1.1' }], [{ name: '', port: 8080 }]), 'n1')!);
    }
    const table = new NftTable(4);
    const model = new NftModel();
    model.apply(table.rebuild([], NONE, settings, 0));
    const has = (): string | undefined => /default\/\w/.exec(model.containers.get('service-ips')!.elements.get('192.0.2.1 . tcp . 80') ?? '')?.[0];
    model.apply(table.update(plan.changes(), settings, 1));
    expect(has()).toBe('default/a');
    plan.dropService('default/a');
    model.apply(table.update(plan.changes(), settings, 2));
    expect(has()).toBe('default/b');
    plan.dropService('default/b');
    model.apply(table.update(plan.changes(), settings, 3));
    expect(has()).toBeUndefined();
  }); // prettier-ignore
  it('give a set of clients another time by making another set', () => {
    const plan = new Plan();
    const put = (timeoutSeconds: number): void =>
      plan.putService(serviceFacts(serviceOf('web', { clusterIP: '10.96.7.1', ports: [{ name: '', port: 80, protocol: 'TCP' }], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } }))!); // prettier-ignore
    put(10);
    plan.putSlice(sliceFacts(sliceOf('web', 'a', [{ ip: '10.244.1.1' }, { ip: '10.244.1.2' }], [{ name: '', port: 8080 }]), 'n1')!); // prettier-ignore
    plan.changes();
    const table = new NftTable(4);
    const model = new NftModel();
    model.apply(table.rebuild(plan.services(), NONE, settings, 0));
    put(20);
    model.apply(table.update(plan.changes(), settings, 1));
    const times = [...model.containers].flatMap(([name, { options }]) => (name.startsWith('affinity-') ? options : []));
    expect(times).toEqual(Array(2).fill('{ type ipv4_addr ; flags dynamic,timeout ; timeout 20s ; }'));
    // Whoever begins anew finds sets of another time there as well.
    put(30);
    plan.changes();
    model.apply(new NftTable(4).rebuild(plan.services(), presentIn(model), settings, 2));
  });
});
