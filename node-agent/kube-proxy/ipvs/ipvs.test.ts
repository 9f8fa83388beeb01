import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Commands } from '../../host/commands.ts';
import { CommandError } from '../../host/commands.ts';
import { serviceFacts, sliceFacts } from '../plan/facts.ts';
import { Plan, type ServicePlan } from '../plan/plan.ts';
import { goldenPlan, goldenSettings } from '../testing/golden.ts';
import { serviceOf, sliceOf } from '../testing/objects.ts';
import { randomSituation } from '../testing/random.ts';
import { ipvsBackend } from './backend.ts';
import { ipsetInput, ipvsInput, ripe, type Retired } from './commands.ts';
import { ipvsRules } from './rules.ts';
import { ipvsState, SET_NAMES, setName, type IpvsState } from './state.ts';

const settings = goldenSettings('primary');
const NODE = ['192.168.0.1'];
const planned = (seed: number, count: number): readonly ServicePlan[] => {
  const plan = new Plan();
  const { services, slices } = randomSituation(seed, count);
  for (const service of services) plan.putService(serviceFacts(service)!);
  for (const slice of slices) plan.putSlice(sliceFacts(slice, 'n1')!);
  plan.changes();
  return [...plan.services()];
};
/** As much of a kernel as the commands speak of; refuses what it would refuse. */
function kernel() {
  const sets = new Map<string, Set<string>>();
  const servers = new Map<string, { persistent: string; readonly reals: Map<string, string> }>();
  return {
    sets,
    servers,
    ipset(input: string): void {
      for (const [verb, name = '', entry = ''] of input
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' '))) {
        if (verb === 'create') sets.set(name, sets.get(name) ?? new Set());
        const set = sets.get(name);
        if (set === undefined) throw new Error(`no set ${name}`);
        if (verb === 'flush') set.clear();
        if (verb === 'add') set.add(entry);
        if (verb === 'del') set.delete(entry);
      }
    },
    ipvs(input: string): void {
      for (const line of input.split('\n').filter(Boolean)) {
        if (line === '-C') {
          servers.clear();
          continue;
        }
        const [, verb, key = '', rest = ''] = /^-(\w) (\S+ \S+)(.*)$/.exec(line) ?? [];
        const known = servers.get(key);
        if ((verb === 'A') !== (known === undefined)) throw new Error(line);
        const persistent = / -p (\d+)/.exec(rest)?.[1] ?? '0';
        const [, real = '', weight] = / -r (\S+)(?: -m -w (\d))?/.exec(rest) ?? [];
        if (verb === 'A') servers.set(key, { persistent, reals: new Map() });
        else if (verb === 'E') known!.persistent = persistent;
        else if (verb === 'D') servers.delete(key);
        else if ((verb === 'a') === known!.reals.has(real)) throw new Error(line);
        else if (verb === 'd') known!.reals.delete(real);
        else known!.reals.set(real, weight!);
      }
    },
  };
}
const holds = ({ sets, servers }: ReturnType<typeof kernel>) => ({
  sets: Object.fromEntries([...sets].map(([name, entries]) => [name, [...entries].toSorted()])),
  servers: Object.fromEntries([...servers].map(([key, { persistent, reals }]) => [key, [persistent, ...[...reals].filter(([, weight]) => weight !== '0').map(([real]) => real).toSorted()]])),
}); // prettier-ignore
const FLAG = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };
const wanted = (state: IpvsState) => ({
  sets: Object.fromEntries(SET_NAMES.map((name) => [setName(name, 4), [...state.sets.get(name)!].toSorted()])),
  servers: Object.fromEntries([...state.servers.values()].map((s) => [`${FLAG[s.protocol]} ${s.address}`, [String(s.persistentSeconds), ...[...s.reals].toSorted()]])),
}); // prettier-ignore

describe('what IPVS is told', () => {
  it('leads from any Services to any others, and leaves connections that are under way', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.integer({ min: 0, max: 8 })), { minLength: 2, maxLength: 5 }), (steps) => {
        const machine = kernel();
        const retired = new Map<string, Retired>();
        let before: IpvsState | undefined;
        for (const [seed, count] of steps) {
          const after = ipvsState(planned(seed, count), 4, settings, NODE);
          machine.ipset(ipsetInput(before, after, 4));
          machine.ipvs(ipvsInput(before, after, retired));
          expect(holds(machine)).toEqual(wanted(after));
          const resting = [...machine.servers].flatMap(([key, { reals }]) => [...reals].filter(([, weight]) => weight === '0').map(([real]) => `${key} ${real}`));
          expect(resting.toSorted()).toEqual([...retired.keys()].toSorted());
          before = after;
        }
      }),
      { numRuns: 40 },
    );
  }); // prettier-ignore
  it('takes away who is retired once nobody is connected to it', () => {
    const retired = new Map([
      ['-t 10.96.0.1:80 10.244.0.2:8080', { server: '-t 10.96.0.1:80', real: '10.244.0.2:8080' }],
      ['-t 10.96.0.1:80 10.244.0.3:8080', { server: '-t 10.96.0.1:80', real: '10.244.0.3:8080' }],
    ]);
    const list = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:80 rr
  -> 10.244.0.2:8080              Masq    0      1          0
  -> 10.244.0.3:8080              Masq    0      0          0
  -> 10.244.0.4:8080              Masq    1      0          0`;
    expect(ripe(list, retired)).toBe('-d -t 10.96.0.1:80 -r 10.244.0.3:8080\n');
    expect([...retired.keys()]).toEqual(['-t 10.96.0.1:80 10.244.0.2:8080']);
  });
  it('names sets that are there, and rules that name no others', () => {
    for (const family of [4, 6] as const) {
      const state = ipvsState(goldenPlan().services(), family, settings, NODE);
      const made = new Set([...ipsetInput(undefined, state, family).matchAll(/^create (\S+)/gm)].map(([, name]) => name));
      const named = [...ipvsRules(state, family, settings, '').matchAll(/--match-set (\S+)/g)].map(([, name]) => name!);
      expect(named.length).toBeGreaterThan(10);
      expect(named.filter((name) => !made.has(name) || name.length > 31)).toEqual([]);
    }
  }); // prettier-ignore
  it('masquerades what would come back another way, and keeps sources where a Service asks for it', () => {
    const plan = new Plan();
    plan.putService(serviceFacts(serviceOf('web', { type: 'NodePort', clusterIP: '10.96.0.1', ports: [{ name: '', port: 80, protocol: 'TCP', nodePort: 30_080 }], externalTrafficPolicy: 'Local' }))!);
    plan.putSlice(sliceFacts(sliceOf('web', 'a', [{ ip: '10.244.0.2', node: 'n1' }, { ip: '10.244.1.2', node: 'n2' }], [{ name: '', port: 8080 }]), 'n1')!);
    plan.changes();
    const state = ipvsState(plan.services(), 4, settings, NODE);
    const reals = [...state.servers].map(([key, { reals: of }]) => [key, [...of]]);
    expect(reals).toEqual([['TCP 10.96.0.1:80', ['10.244.0.2:8080', '10.244.1.2:8080']], ['TCP 192.168.0.1:30080', ['10.244.0.2:8080']]]);
    expect([...state.addresses]).toEqual(['10.96.0.1']);
    const rules = ipvsRules(state, 4, settings, '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES').split('\n');
    const [stays, leaves] = ['KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN', 'KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ'].map((end) => rules.findIndex((rule) => rule.endsWith(end)));
    expect(stays).toBeGreaterThan(0);
    expect(leaves).toBe(stays! + 1);
    // Jumps that are there already are left alone.
    expect(rules.filter((rule) => rule.startsWith('-I OUTPUT') && rule.endsWith('KUBE-SERVICES'))).toEqual([]);
    expect(rules.filter((rule) => rule.startsWith('-I PREROUTING') && rule.endsWith('KUBE-SERVICES'))).toHaveLength(1);
  }); // prettier-ignore
});

describe('where the kernel has no IPVS', () => {
  it('that is said, with what it takes', async () => {
    const missing = new CommandError("ipvsadm -Ln: Can't initialize ipvs: Protocol not available");
    const commands: Commands = { run: () => Promise.reject(missing), must: () => Promise.reject(missing) };
    const why = await ipvsBackend({ commands }).probe(new AbortController().signal);
    expect(why).toBe(
      "IPVS cannot be used: ipvsadm -Ln: Can't initialize ipvs: Protocol not available: the kernel needs CONFIG_IP_VS and CONFIG_IP_SET, the machine ipvsadm, ipset and iptables; or choose another mode (nftables)",
    );
  });
});
