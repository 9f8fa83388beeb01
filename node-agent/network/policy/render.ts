import {
  EMPTY,
  familyOf,
  TABLE,
  type Allowance,
  type ApiServers,
  type Chain,
  type Direction,
  type Family,
  type Ruleset,
} from './model.ts';

const KEYWORD = { 4: 'ip', 6: 'ip6' } as const;
const TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const MAPS = [
  { direction: 'egress', name: 'from', side: 'saddr' },
  { direction: 'ingress', name: 'to', side: 'daddr' },
] as const;
const FAMILIES = [4, 6] as const;

/** All of it, in place of all that was there, as one transaction. `apiServers`: whom pods always hear. */
export function renderAll(rules: Ruleset, apiServers?: ApiServers): string {
  const lines = [`add table inet ${TABLE}`, `delete table inet ${TABLE}`, `add table inet ${TABLE}`];
  for (const family of FAMILIES) {
    lines.push(`add set inet ${TABLE} own${family} { type ${TYPE[family]} . ${TYPE[family]}; }`);
    for (const { name } of MAPS)
      lines.push(`add map inet ${TABLE} ${name}${family} { type ${TYPE[family]} : verdict; }`);
  }
  const base = (rule: string): number => lines.push(`add rule inet ${TABLE} forward ${rule}`);
  lines.push(`add chain inet ${TABLE} forward { type filter hook forward priority filter; policy accept; }`);
  // What was let through once goes on, and so do answers.
  base('ct state established,related accept');
  for (const address of apiServers?.addresses ?? []) {
    const from = `${KEYWORD[familyOf(address)]} saddr ${address}`;
    base(`iifname "${apiServers!.link}" ${from} accept`);
    // A pod that says so lies.
    base(`${from} drop`);
  }
  // A pod that speaks to itself by a service's address.
  for (const family of FAMILIES) base(`${KEYWORD[family]} saddr . ${KEYWORD[family]} daddr @own${family} accept`);
  // Each chain comes back with what it lets through: both ends have their say.
  for (const { name, side } of MAPS) for (const family of FAMILIES) base(`${KEYWORD[family]} ${side} vmap @${name}${family}`); // prettier-ignore
  return [...lines, ...changes(EMPTY, rules)].map((line) => `${line}\n`).join('');
}
/** What leads from one to the other, as one transaction; '': nothing to do. */
export const renderChanges = (before: Ruleset, after: Ruleset): string =>
  changes(before, after).map((line) => `${line}\n`).join(''); // prettier-ignore
/** Nothing is guarded any more. */
export const renderNothing = (): string => `add table inet ${TABLE}\ndelete table inet ${TABLE}\n`;

function changes(before: Ruleset, after: Ruleset): string[] {
  const lines: string[] = [];
  const say = (verb: string, what: string, name: string, rest = ''): void =>
    void lines.push(`${verb} ${what} inet ${TABLE} ${name}${rest && ` ${rest}`}`);
  const elements = (verb: string, name: string, of: readonly string[]): void => {
    for (let i = 0; i < of.length; i += AT_ONCE) say(verb, 'element', name, `{ ${of.slice(i, i + AT_ONCE).join(', ')} }`);
  };
  for (const [name, members] of after.sets) {
    const old = before.sets.get(name);
    if (old === members) continue;
    if (old === undefined) say('add', 'set', name, `{ type ${setType(name)}; }`);
    elements('delete', name, old === undefined ? [] : without(old, members));
    elements('add', name, old === undefined ? [...members] : without(members, old));
  }
  for (const [name, chain] of after.chains) {
    if (before.chains.has(name)) continue;
    say('add', 'chain', name);
    for (const rule of rulesOf(chain)) say('add', 'rule', name, rule);
  }
  for (const { direction, name } of MAPS)
    for (const family of FAMILIES) {
      const old = entriesOf(before[direction], family);
      const now = entriesOf(after[direction], family);
      elements('delete', `${name}${family}`, without(old, now));
      elements('add', `${name}${family}`, without(now, old));
    }
  for (const family of FAMILIES) {
    const [old, now] = [ownOf(before, family), ownOf(after, family)];
    elements('delete', `own${family}`, without(old, now));
    elements('add', `own${family}`, without(now, old));
  }
  // What nobody is led to any more; chains before the sets that they name.
  const gone = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of gone) say('flush', 'chain', name);
  for (const name of gone) say('delete', 'chain', name);
  for (const name of before.sets.keys()) if (!after.sets.has(name)) say('delete', 'set', name);
  return lines;
} // prettier-ignore
/** Elements of one command. */
const AT_ONCE = 500;
const without = (those: ReadonlySet<string>, these: ReadonlySet<string>): string[] =>
  [...those].filter((one) => !these.has(one));
function entriesOf(map: ReadonlyMap<string, string>, family: Family): Set<string> {
  const out = new Set<string>();
  for (const [ip, chain] of map) if (familyOf(ip) === family) out.add(`${ip} : jump ${chain}`);
  return out;
}
function ownOf({ ingress, egress }: Ruleset, family: Family): Set<string> {
  const out = new Set<string>();
  for (const map of [ingress, egress]) for (const ip of map.keys()) if (familyOf(ip) === family) out.add(`${ip} . ${ip}`);
  return out;
} // prettier-ignore
const setType = (name: string): string => {
  const address = TYPE[name[1] === '6' ? 6 : 4];
  return name.startsWith('n') ? `${address} . inet_proto . inet_service` : address;
};

const rulesOf = ({ direction, allowances }: Chain): string[] => [...allowances.map((a) => `${conditionsOf(direction, a)}return`), 'drop']; // prettier-ignore
function conditionsOf(direction: Direction, { peer, ports, endpoints }: Allowance): string {
  const parts: string[] = [];
  if (endpoints !== undefined) parts.push(`${KEYWORD[endpoints.family]} daddr . meta l4proto . th dport @${endpoints.set}`); // prettier-ignore
  if (peer !== undefined) {
    const address = `${KEYWORD[peer.family]} ${direction === 'ingress' ? 'saddr' : 'daddr'}`;
    if ('set' in peer) parts.push(`${address} @${peer.set}`);
    else {
      // All addresses are no condition to the kernel, but those of a family are.
      parts.push(peer.cidr.endsWith('/0') ? `meta nfproto ipv${peer.family}` : `${address} ${peer.cidr}`);
      if (peer.except.length > 0) parts.push(`${address} != { ${peer.except.join(', ')} }`);
    }
  }
  if (ports !== undefined) {
    const protocol = ports.protocol.toLowerCase();
    const [first] = ports.ranges;
    parts.push(
      first?.[0] === 0 && first[1] === 65_535
        ? `meta l4proto ${protocol}`
        : `${protocol} dport { ${ports.ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(', ')} }`,
    );
  }
  return parts.map((part) => `${part} `).join('');
}
