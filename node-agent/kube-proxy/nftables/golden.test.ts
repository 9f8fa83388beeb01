import { describe, expect, it } from 'vitest';
import { FAMILIES, familyName } from '../plan/address.ts';
import golden from '../testdata/nftables.golden.json' with { type: 'json' };
import { goldenPlan, goldenSettings } from '../testing/golden.ts';
import { NftTable } from './table.ts';

/** What a transaction leads to: rules by chain in their order, everything else in any. */
function meaning(lines: readonly string[]): Record<string, readonly string[]> {
  const found: Record<string, string[]> = {};
  const add = (key: string, text: string): void => void (found[key] ??= []).push(text);
  for (const line of lines) {
    const [, what = '', name = '', rest = ''] = /^add (rule|element|set|map|chain) ip6? kube-proxy (\S+) ?(.*)$/.exec(line) ?? [];
    const text = rest.replace(/ ?([:,;{}]) ?/g, ' $1 ').replaceAll(/\s+/g, ' ').trim();
    if (what === 'rule') add(name, text);
    else if (what === 'element') for (const one of text.slice(1, -1).split(' , ')) add(`@${name}`, one.trim());
    else if (what !== '' && text !== '') add(`${what}s`, `${name} ${text}`);
  } // prettier-ignore
  return Object.fromEntries(
    Object.entries(found).map(([key, all]) => [key, /^@|s$/.test(key) && key !== 'services' ? all.toSorted() : all]),
  );
}
describe('rules for nftables', () => {
  it.each(FAMILIES)('are those that kube-proxy 1.36 wrote for the same Services: IPv%i', (family) => {
    const table = new NftTable(family);
    const text = table.rebuild(
      goldenPlan().services(),
      { chains: [], affinitySets: new Map<string, number>() },
      goldenSettings('primary'),
      0,
    );
    const ours = meaning(text.split('\n'));
    expect(Object.keys(ours).length).toBeGreaterThan(20);
    expect(ours).toEqual(meaning(golden[familyName(family)]));
  });
});
