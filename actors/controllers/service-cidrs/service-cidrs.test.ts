import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IPAddress, ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startServiceCidrs } from './actor.ts';
import { containingAddress, containingRange, overlapping, rangesOf, type Found } from './ranges.ts';
import { ipAddresses, reconcile, serviceCidrs } from './reconcile.ts';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
const cidr = (name: string, cidrs: readonly string[], o: { deletedAt?: number; status?: object } = {}): ServiceCIDR => ({
  apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR',
  metadata: { name, finalizers: [FINALIZER], ...(o.deletedAt !== undefined && { deletionTimestamp: new Date(o.deletedAt).toISOString() }) },
  spec: { cidrs: [...cidrs] }, ...(o.status && { status: o.status }),
}); // prettier-ignore
const ip = (name: string, manager = 'ipallocator.k8s.io'): IPAddress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { name, labels: { 'ipaddress.kubernetes.io/managed-by': manager } },
  spec: { parentRef: { resource: 'services', name: 's', namespace: 'd' } },
});
const names = (list: readonly (ServiceCIDR | Found)[]): string[] =>
  list.map((one) => ('cidr' in one ? one.cidr : one).metadata.name!).sort();

describe('ranges', () => {
  const all = [
    cidr('wide', ['10.0.0.0/16']),
    cidr('narrow', ['10.0.1.0/24']),
    cidr('tiny', ['10.9.0.0/31']),
    cidr('one', ['10.9.0.5/32']),
    cidr('dual', ['10.5.0.0/29', 'fd00::/112']),
  ];
  it.each([
    ['10.0.1.7', ['narrow', 'wide']],
    ['10.0.1.0', ['wide']],
    ['10.0.1.255', ['wide']],
    ['10.0.0.0', []],
    ['10.0.255.255', []],
    ['10.9.0.0', []],
    ['10.9.0.1', []],
    ['10.9.0.5', []],
    ['10.5.0.6', ['dual']],
    ['10.5.0.7', []],
    ['fd00::', []],
    ['fd00::1', ['dual']],
    ['fd00::ffff', ['dual']],
    ['fd00::1:0', []],
    ['x', []],
  ])('that could have given %s: %j', (address, found) =>
    expect(names(containingAddress(all, ip(address)))).toEqual(found),
  );
  it('know what they are part of, and what they share', () => {
    expect(names(containingRange(all, rangesOf(all[1]!)[0]!))).toEqual(['narrow', 'wide']);
    expect(names(containingRange(all, rangesOf(all[0]!)[0]!))).toEqual(['wide']);
    expect(names(overlapping(all, all[0]!))).toEqual(['narrow', 'wide']);
    expect(names(overlapping(all, cidr('x', ['10.8.0.0/15', 'fd00::/64'])))).toEqual(['dual', 'one', 'tiny']);
  });
});

describe('reconcile', () => {
  const now = Date.parse('2026-01-01T00:01:00Z');
  const observe = (one: ServiceCIDR, others: readonly ServiceCIDR[] = [], addresses: readonly IPAddress[] = []) =>
    reconcile({ cidr: one, all: [one, ...others], addresses: () => addresses }, now);
  const TERMINATING = 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR'; // prettier-ignore

  it('holds a new one and says that it is ready, once', () => {
    const bare = { ...cidr('a', ['10.1.0.0/24']), metadata: { name: 'a' } };
    const { intents } = observe(bare);
    expect(intents).toMatchObject([
      { op: 'patch', type: 'strategic', patch: { metadata: { finalizers: [FINALIZER] } } },
      { op: 'patch', type: 'apply', subresource: 'status', fieldManager: 'service-cidr-controller', force: true, patch: { status: { conditions: [{ type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }] } } },
    ]); // prettier-ignore
    const { status } = (intents[1] as { patch: ServiceCIDR }).patch;
    expect(observe(cidr('a', ['10.1.0.0/24'], { status: status! })).intents).toEqual([]);
  });
  it.each<[string, readonly ServiceCIDR[], readonly IPAddress[], 'blocked' | 'goes']>([
    ['nobody has an address of it', [], [], 'goes'],
    ['somebody has', [], [ip('10.1.0.7')], 'blocked'],
    ['an address is of someone else than the API server', [], [ip('10.1.0.7', 'me')], 'goes'],
    ['an address is of another range', [], [ip('10.2.0.7')], 'goes'],
    ['another has all of its addresses', [cidr('b', ['10.1.0.0/16'])], [ip('10.1.0.7')], 'goes'],
    ['another has the same range', [cidr('b', ['10.1.0.0/24'])], [ip('10.1.0.7')], 'goes'],
    ['another has the addresses in use', [cidr('b', ['10.1.0.0/28'])], [ip('10.1.0.7')], 'goes'],
    ['another has only some of those in use', [cidr('b', ['10.1.0.0/28'])], [ip('10.1.0.7'), ip('10.1.0.77')], 'blocked'],
    ['another has it for its broadcast address', [cidr('b', ['10.1.0.0/28'])], [ip('10.1.0.15')], 'blocked'],
  ])('lets one go or not: %s', (_name, others, addresses, outcome) => {
    const fresh = observe(cidr('a', ['10.1.0.0/24'], { deletedAt: now - 4_000 }), others, addresses);
    const old = observe(cidr('a', ['10.1.0.0/24'], { deletedAt: now - 10_000 }), others, addresses);
    if (outcome === 'goes') {
      expect(fresh).toEqual({ intents: [], requeueAfterMs: 6_000 });
      expect(old.intents).toMatchObject([{ op: 'patch', patch: { metadata: { '$deleteFromPrimitiveList/finalizers': [FINALIZER] } } }]); // prettier-ignore
    } else
      for (const { intents, requeueAfterMs } of [fresh, old]) {
        expect(requeueAfterMs).toBeUndefined();
        expect(intents).toMatchObject([{ patch: { status: { conditions: [{ status: 'False', reason: 'Terminating', message: TERMINATING }] } } }]); // prettier-ignore
      }
  }); // prettier-ignore
  it('keeps one of two that go and have only each other', () => {
    const both = (a: readonly string[], b: readonly string[]) => {
      const [one, other] = [cidr('a', a, { deletedAt: 0 }), cidr('b', b, { deletedAt: 0 })];
      const goes = (self: ServiceCIDR, its: ServiceCIDR) => (observe(self, [its], [ip('10.1.0.7')]).intents[0] as { type: string }).type === 'strategic'; // prettier-ignore
      return [goes(one, other), goes(other, one)];
    };
    expect(both(['10.1.0.0/24'], ['10.1.0.0/24'])).toEqual([true, false]);
    expect(both(['10.1.0.0/28'], ['10.1.0.0/24'])).toEqual([true, false]);
    expect(both(['10.1.0.0/24'], ['10.1.0.0/28'])).toEqual([false, true]);
    expect(both(['10.1.0.0/24', 'fd00::/112'], ['10.1.0.0/24', 'fd01::/112'])).toEqual([true, false]);
  });
  it('asks for both ranges of one of two families', () => {
    const dual = cidr('a', ['10.1.0.0/24', 'fd00::/112'], { deletedAt: 0 });
    expect(observe(dual, [cidr('b', ['10.1.0.0/16'])], [ip('fd00::7')]).intents).toMatchObject([{ type: 'apply' }]);
    expect(observe(dual, [cidr('b', ['10.1.0.0/16', 'fd00::/64'])], [ip('fd00::7')]).intents).toMatchObject([{ type: 'strategic' }]); // prettier-ignore
  });
});

describe('controller', () => {
  it('keeps every address given by some range, whatever comes and goes, and gets quiet', async () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('add' as const), name: fc.constantFrom('a', 'b', 'c'), bits: fc.constantFrom(24, 26, 28) }),
      fc.record({ op: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ op: fc.constantFrom('give' as const, 'take' as const), n: fc.nat(70) }),
      fc.record({ op: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 12_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const { world, client, start, quiet, list } = testCluster();
        start(startServiceCidrs);
        const swallow = (): void => undefined;
        for (const s of steps) {
          const present = list<ServiceCIDR>(serviceCidrs);
          if (s.op === 'add') await client.create(serviceCidrs, { ...cidr(s.name, [`10.1.0.0/${s.bits}`]), metadata: { name: s.name } }).catch(swallow);
          else if (s.op === 'delete') await client.delete(serviceCidrs, s.name).catch(swallow);
          else if (s.op === 'wait') await world.advance(s.ms);
          else if (s.op === 'take') await client.delete(ipAddresses, `10.1.0.${s.n}`).catch(swallow);
          // As an API server: only of a range that does not go.
          else if (containingAddress(present.filter((c) => !c.metadata.deletionTimestamp), ip(`10.1.0.${s.n}`)).length > 0)
            await client.create(ipAddresses, ip(`10.1.0.${s.n}`)).catch(swallow);
          await quiet();
          const left = list<ServiceCIDR>(serviceCidrs);
          for (const address of list<IPAddress>(ipAddresses)) expect(containingAddress(left, address).length).toBeGreaterThan(0);
        }
        await world.advance(12_000);
        await quiet();
        const shown = list<ServiceCIDR>(serviceCidrs).map((c) => c.metadata.resourceVersion);
        await world.advance(60_000);
        expect(list<ServiceCIDR>(serviceCidrs).map((c) => c.metadata.resourceVersion)).toEqual(shown);
        for (const { metadata, status } of list<ServiceCIDR>(serviceCidrs)) {
          expect(metadata.finalizers).toEqual([FINALIZER]);
          expect(status!.conditions![0]!.status).toBe(metadata.deletionTimestamp ? 'False' : 'True');
        }
      }),
      { numRuns: 30 },
    );
  }); // prettier-ignore
});
