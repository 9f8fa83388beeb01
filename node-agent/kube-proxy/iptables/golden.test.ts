import { describe, expect, it } from 'vitest';
import { FAMILIES, familyName } from '../plan/address.ts';
import golden from '../testdata/iptables.golden.json' with { type: 'json' };
import { goldenPlan, goldenSettings } from '../testing/golden.ts';
import { IptablesTable } from './table.ts';

/** Rules by table and chain; in chains of Services in their order, in those that all share in any. */
function meaning(lines: readonly string[]): Record<string, readonly string[]> {
  const found: Record<string, string[]> = {};
  let table = '';
  for (const line of lines) {
    if (line.startsWith('*')) table = line.slice(1);
    if (line.startsWith(':')) found[`${table} ${line.slice(1, line.indexOf(' '))}`] ??= [];
    const [, chain, rule = ''] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    // Counters of the kernel's, where it has any; the rules for the loopback's are these over again.
    if (chain === undefined || (rule.includes('nfacct') && chain === 'KUBE-NODEPORTS')) continue;
    found[`${table} ${chain}`]!.push(rule.replace(/ -m nfacct --nfacct-name \S+/, ''));
  }
  const isShared = (key: string): boolean => !/KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(key);
  return Object.fromEntries(Object.entries(found).map(([key, all]) => [key, isShared(key) ? all.toSorted() : all]));
}
describe('rules for iptables', () => {
  it.each(FAMILIES)('are those that kube-proxy 1.36 wrote for the same Services: IPv%i', (family) => {
    const text = new IptablesTable(family).rebuild(goldenPlan().services(), '', goldenSettings('all'));
    const ours = meaning(text.split('\n').filter((line) => !line.startsWith('-I')));
    const theirs = meaning(golden[familyName(family)]);
    if (family === 6) theirs['filter KUBE-FIREWALL'] ??= [];
    expect(Object.keys(ours).length).toBeGreaterThan(20);
    expect(ours).toEqual(theirs);
  });
});
