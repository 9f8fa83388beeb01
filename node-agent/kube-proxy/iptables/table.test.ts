import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceFacts, sliceFacts } from '../plan/facts.ts';
import { Plan } from '../plan/plan.ts';
import { goldenSettings } from '../testing/golden.ts';
import { randomSituation, type Situation } from '../testing/random.ts';
import { isOfService } from './names.ts';
import { IptablesTable } from './table.ts';

const settings = goldenSettings('all');
const BUILT_IN = { filter: ['INPUT', 'FORWARD', 'OUTPUT'], nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] };
const VERDICTS = ['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MARK', 'MASQUERADE', 'DNAT'];

/** As much of iptables-restore --noflush as is needed here; refuses what it would refuse. */
class IptablesModel {
  readonly tables = { filter: new Map<string, string[]>(), nat: new Map<string, string[]>() };
  constructor() {
    for (const table of ['filter', 'nat'] as const)
      for (const chain of BUILT_IN[table]) this.tables[table].set(chain, []);
  }
  restore(input: string): void {
    let table = this.tables.filter;
    for (const line of input.split('\n').filter(Boolean)) {
      const [first = '', name = '', ...rest] = line.split(' ');
      const refuse = (): never => {
        throw new Error(line);
      };
      if (first.startsWith('*')) table = this.tables[first.slice(1) as 'filter' | 'nat'];
      else if (first.startsWith(':')) table.set(first.slice(1), []);
      else if (first === '-X') {
        const isNamed = [...table.values()].some((rules) => rules.some((rule) => rule.endsWith(`-j ${name}`)));
        if (table.get(name)?.length !== 0 || isNamed) refuse();
        table.delete(name);
      } else if (first === '-A' || first === '-I') {
        const rule = (first === '-I' ? rest.slice(1) : rest).join(' ');
        const to = /-j (\S+)/.exec(rule)?.[1];
        if (to !== undefined && !VERDICTS.includes(to) && !table.has(to)) refuse();
        const rules = table.get(name) ?? refuse();
        if (first === '-A') rules.push(rule);
        else rules.unshift(rule);
      } else if (first !== 'COMMIT') refuse();
    }
  }
  save(): string {
    const lines: string[] = [];
    for (const [table, chains] of Object.entries(this.tables)) {
      lines.push(`*${table}`, ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`));
      for (const [chain, rules] of chains) lines.push(...rules.map((rule) => `-A ${chain} ${rule}`));
    }
    return lines.join('\n');
  }
  /** Rules of chains that all Services share stand in no order. */
  contents() {
    return Object.entries(this.tables).map(([table, chains]) => [
      table,
      [...chains].map(([name, rules]) => [name, isOfService(name) ? rules : rules.toSorted()] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]); // prettier-ignore
  }
}
const put = (plan: Plan, { services, slices }: Situation): void => {
  for (const service of services) plan.putService(serviceFacts(service)!);
  for (const slice of slices) plan.putSlice(sliceFacts(slice, 'n1')!);
};
const drop = (plan: Plan, { services, slices }: Situation): void => {
  for (const slice of slices) plan.dropSlice(sliceFacts(slice, 'n1')!);
  for (const { metadata: { namespace, name } } of services) plan.dropService(`${namespace}/${name}`);
}; // prettier-ignore

describe('what iptables-restore is given', () => {
  it('leads, change by change, to what stands when all is written at once; others keep their rules', () => {
    const step = fc.record({ seed: fc.nat(10_000), count: fc.integer({ min: 0, max: 6 }), isRebuilt: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 6 as const), fc.array(step, { minLength: 1, maxLength: 5 }), (family, steps) => {
        const plan = new Plan();
        const table = new IptablesTable(family);
        const model = new IptablesModel();
        model.restore('*filter\n-A INPUT -p tcp --dport 22 -j ACCEPT\n:OTHERS - [0:0]\n-A OTHERS -j DROP\nCOMMIT\n');
        model.restore(table.rebuild([], model.save(), settings));
        let before: Situation = { services: [], slices: [] };
        for (const { seed, count, isRebuilt } of steps) {
          const after = randomSituation(seed, count);
          drop(plan, before);
          put(plan, after);
          const changes = plan.changes();
          model.restore(isRebuilt ? table.rebuild(plan.services(), model.save(), settings) : table.update(changes, settings));
          const fresh = new Plan();
          put(fresh, after);
          fresh.changes();
          const whole = new IptablesModel();
          whole.restore('*filter\n-A INPUT -p tcp --dport 22 -j ACCEPT\n:OTHERS - [0:0]\n-A OTHERS -j DROP\nCOMMIT\n');
          whole.restore(new IptablesTable(family).rebuild(fresh.services(), whole.save(), settings));
          expect(model.contents()).toEqual(whole.contents());
          expect(model.tables.nat.get('KUBE-SERVICES')?.at(-1)).toContain('this must be the last rule');
          before = after;
        }
      }),
      { numRuns: 40 },
    );
  }); // prettier-ignore
  it('is nothing where nothing has changed for the family', () => {
    const plan = new Plan();
    put(plan, randomSituation(3, 4, { families: [4] }));
    expect(new IptablesTable(6).update(plan.changes(), settings)).toBe('');
  });
});

describe('taking all away', () => {
  const removal = (...lines: string[]): string => new IptablesTable(4).removal(lines.join('\n'));
  it('also takes what leads to chains of another mode, and leaves the rules of others', () => {
    const said = removal(
      '*filter', ':INPUT ACCEPT [0:0]', ':KUBE-NODE-PORT - [0:0]', '-A INPUT -p tcp --dport 9 -j ACCEPT', '-A INPUT -m comment --comment "x" -j KUBE-NODE-PORT', '-A KUBE-NODE-PORT -j RETURN', 'COMMIT',
      '*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -j DOCKER', 'COMMIT',
    ); // prettier-ignore
    expect(said.split('\n')).toEqual([
      '*filter', ':KUBE-NODE-PORT - [0:0]', '-D INPUT -m comment --comment "x" -j KUBE-NODE-PORT', '-X KUBE-NODE-PORT', 'COMMIT', '',
    ]); // prettier-ignore
  });
  it('is nothing where there is nothing', () => {
    expect(removal('*filter', ':INPUT ACCEPT [0:0]', '-A INPUT -j ACCEPT', 'COMMIT')).toBe('');
    expect(removal('')).toBe('');
  });
});
