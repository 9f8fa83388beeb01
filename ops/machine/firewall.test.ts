import { describe, expect, it } from 'vitest';
import { ownRules, rulesNeeded } from './firewall.ts';
import { cableOf, machineNames } from './names.ts';

const names = machineNames('/data/kubus');
const open = [
  { protocol: 'tcp', port: 6443 },
  { protocol: 'udp', port: 1053 },
] as const;

describe('the firewall of the machine', () => {
  it('is left alone where it lets all through', () => {
    expect(rulesNeeded(names, { INPUT: '-P INPUT ACCEPT\n', FORWARD: '-P FORWARD ACCEPT\n' }, '10.89.0.1', open)).toEqual([]); // prettier-ignore
  });
  it('lets nodes through where it drops what passes by, and pods to what is theirs where it drops what comes in', () => {
    const chains = { INPUT: '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n', FORWARD: '-P FORWARD DROP\n' };
    const rules = rulesNeeded(names, chains, '10.89.0.1', open).map(({ chain, match }) => `${chain} ${match.join(' ')}`); // prettier-ignore
    expect(rules).toEqual([
      `FORWARD -i ${names.bridge}`,
      `FORWARD -o ${names.bridge} -m conntrack --ctstate RELATED,ESTABLISHED`,
      `INPUT -i ${names.bridge} -d 10.89.0.1 -p tcp --dport 6443`,
      `INPUT -i ${names.bridge} -d 10.89.0.1 -p udp --dport 1053`,
    ]);
  });
  it('has rules taken away that are ours, and no others', () => {
    const said = `-P FORWARD DROP
-A FORWARD -i docker0 -j ACCEPT
-A FORWARD -i kb1 -m comment --comment kubus-1 -j ACCEPT
-A FORWARD -i kb12 -m comment --comment kubus-12 -j ACCEPT
`;
    expect(ownRules(said, 'kubus-1')).toEqual(['FORWARD -i kb1 -m comment --comment kubus-1 -j ACCEPT'.split(' ')]);
  });
});
describe('names', () => {
  it('tell clusters of different folders apart, and fit an interface', () => {
    expect(machineNames('/a')).not.toEqual(machineNames('/b'));
    expect(machineNames('/a')).toEqual(machineNames('/a'));
    expect(cableOf(names, 254).length).toBeLessThanOrEqual(15);
  });
});
