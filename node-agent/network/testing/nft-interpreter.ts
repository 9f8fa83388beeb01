import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';

/** A packet that begins something. */
export interface Packet {
  readonly from: string;
  readonly to: string;
  /** `tcp`, `udp`, `sctp`, `icmp`, ... */
  readonly protocol: string;
  readonly port: number;
  /** By which it comes in. */
  readonly link?: string;
}
interface Tables {
  readonly sets: Map<string, Set<string>>;
  readonly maps: Map<string, Map<string, string>>;
  readonly chains: Map<string, string[]>;
}
/**
 * A kernel of our own for what `policy/render.ts` writes: it takes transactions, refuses what the real one refuses (names
 * that are there or not, elements that are not, what is still in use), and says whether a forwarded packet passes.
 */
export class Interpreter {
  #tables: Tables | undefined;

  apply(transaction: string): void {
    const draft: Tables = {
      sets: new Map([...(this.#tables?.sets ?? [])].map(([k, v]) => [k, new Set(v)])),
      maps: new Map([...(this.#tables?.maps ?? [])].map(([k, v]) => [k, new Map(v)])),
      chains: new Map([...(this.#tables?.chains ?? [])].map(([k, v]) => [k, [...v]])),
    };
    let has = this.#tables !== undefined;
    for (const line of transaction.split('\n').filter((l) => l !== '')) {
      const [, verb = '', what = '', rest = ''] = /^(\w+) (\w+) inet kubus-policy ?(.*)$/.exec(line) ?? [];
      if (what === 'table') {
        if (verb === 'delete') for (const part of Object.values(draft)) (part as Map<string, unknown>).clear();
        has = verb === 'add';
        continue;
      }
      if (!has) throw new Error(`no table: ${line}`);
      change(draft, verb, what, rest, line);
    }
    this.#tables = has ? draft : undefined;
  }
  /** How many sets, chains and elements there are. */
  get size(): number {
    const { sets, maps, chains } = this.#tables ?? { sets: new Map(), maps: new Map(), chains: new Map() };
    return [...sets.values(), ...maps.values(), ...chains.values()].reduce((n, { size, length }: { size?: number; length?: number }) => n + 1 + (size ?? length ?? 0), 0); // prettier-ignore
  }
  passes(packet: Packet): boolean {
    if (this.#tables === undefined) return true;
    return this.#run(this.#tables, 'forward', packet) !== 'drop';
  }
  #run(tables: Tables, chain: string, packet: Packet): 'accept' | 'drop' | undefined {
    for (const rule of tables.chains.get(chain) ?? []) {
      const verdict = this.#rule(tables, rule, packet);
      if (verdict === 'return') return undefined;
      if (verdict === 'accept' || verdict === 'drop') return verdict;
    }
    return undefined;
  }
  #rule(tables: Tables, rule: string, packet: Packet): string | undefined {
    let rest = rule;
    const take = (pattern: RegExp): RegExpExecArray | undefined => {
      const match = pattern.exec(rest);
      if (match === null) return undefined;
      rest = rest.slice(match[0].length);
      return match;
    };
    const isOf = (keyword: string): boolean => (keyword === 'ip6') === packet.from.includes(':');
    const side = (name: string): string => (name === 'saddr' ? packet.from : packet.to);
    while (rest !== '') {
      let m: RegExpExecArray | undefined;
      if ((m = take(/^(return|drop|accept)$/))) return m[1];
      if (take(/^ct state \S+ accept$/)) return undefined;
      if ((m = take(/^iifname "(\w+)" /))) {
        if (m[1] !== packet.link) return undefined;
        continue;
      }
      if ((m = take(/^(ip6?) saddr \. ip6? daddr @(\S+) /))) {
        if (!isOf(m[1]!) || !set(tables, m[2]!).has(`${packet.from} . ${packet.to}`)) return undefined;
      } else if ((m = take(/^(ip6?) daddr \. meta l4proto \. th dport @(\S+) /))) {
        if (!isOf(m[1]!) || !set(tables, m[2]!).has(`${packet.to} . ${packet.protocol} . ${packet.port}`)) return undefined; // prettier-ignore
      } else if ((m = take(/^(ip6?) (saddr|daddr) vmap @(\S+)$/))) {
        const map = tables.maps.get(m[3]!);
        if (map === undefined) throw new Error(`no map ${m[3]}`);
        const jump = isOf(m[1]!) ? map.get(side(m[2]!)) : undefined;
        return jump && this.#run(tables, jump.replace('jump ', ''), packet);
      } else if ((m = take(/^(ip6?) (saddr|daddr) @(\S+) /))) {
        if (!isOf(m[1]!) || !set(tables, m[3]!).has(side(m[2]!))) return undefined;
      } else if ((m = take(/^(ip6?) (saddr|daddr) != \{ ([^}]*) \} /))) {
        if (!isOf(m[1]!) || m[3]!.split(', ').some((cidr) => contains(cidr, side(m![2]!)))) return undefined;
      } else if ((m = take(/^(ip6?) (saddr|daddr) (\S+\/\d+) /))) {
        if (!isOf(m[1]!) || !contains(m[3]!, side(m[2]!))) return undefined;
      } else if ((m = take(/^(ip6?) (saddr|daddr) ([\da-f.:]+) /))) {
        if (!isOf(m[1]!) || side(m[2]!) !== m[3]) return undefined;
      } else if ((m = take(/^meta nfproto ipv([46]) /))) {
        if ((m[1] === '6') !== packet.from.includes(':')) return undefined;
      } else if ((m = take(/^meta l4proto (\w+) /))) {
        if (m[1] !== packet.protocol) return undefined;
      } else if ((m = take(/^(tcp|udp|sctp) dport \{ ([^}]*) \} /))) {
        const isIn = m[2]!.split(', ').some((range) => {
          const [from = 0, to = from] = range.split('-').map(Number);
          return from <= packet.port && packet.port <= to;
        });
        if (m[1] !== packet.protocol || !isIn) return undefined;
      } else throw new Error(`what is ${rest}`);
    }
    return undefined;
  }
}
function set(tables: Tables, name: string): Set<string> {
  const found = tables.sets.get(name);
  if (found === undefined) throw new Error(`no set ${name}`);
  return found;
}
function contains(cidr: string, ip: string): boolean {
  const [range, one] = [parseCidr(cidr)!, parseIp(ip)!];
  const shift = BigInt((range.family === 4 ? 32 : 128) - range.bits);
  return range.family === one.family && one.value >> shift === range.base >> shift;
}
function change(draft: Tables, verb: string, what: string, rest: string, line: string): void {
  const [, name = '', spec = ''] = /^(\S+) ?(.*)$/.exec(rest) ?? [];
  const refuse = (why: string): never => {
    throw new Error(`${why}: ${line}`);
  };
  const all = { set: draft.sets, map: draft.maps, chain: draft.chains }[what] as Map<string, unknown> | undefined;
  const isNamed = (text: string): boolean => [...draft.chains.values()].some((rules) => rules.some((rule) => rule.includes(text))); // prettier-ignore
  if (all !== undefined && verb === 'add') {
    if (all.has(name)) refuse('is there');
    all.set(name, what === 'set' ? new Set() : what === 'map' ? new Map() : []);
  } else if (all !== undefined && verb === 'delete') {
    if (what === 'set' && isNamed(`@${name} `)) refuse('in use');
    if (what === 'chain' && [...draft.maps.values()].some((map) => [...map.values()].includes(`jump ${name}`))) refuse('in use'); // prettier-ignore
    if (what === 'chain' && draft.chains.get(name)?.length !== 0) refuse('not empty');
    if (!all.delete(name)) refuse('not there');
  } else if (what === 'chain' && verb === 'flush') {
    draft.chains.set(name, []);
  } else if (what === 'rule') {
    const chain = draft.chains.get(name) ?? refuse('no chain');
    for (const [, used = ''] of spec.matchAll(/@(\S+)/g)) if (!draft.sets.has(used) && !draft.maps.has(used)) refuse(`no ${used}`); // prettier-ignore
    chain.push(spec);
  } else if (what === 'element') {
    const [of, map] = [draft.sets.get(name), draft.maps.get(name)];
    for (const element of spec.replace(/^\{ | \}$/g, '').split(', ')) {
      const [key = '', jump] = element.split(' : ');
      if (jump !== undefined && verb === 'add' && !draft.chains.has(jump.replace('jump ', ''))) refuse('no chain');
      if (verb === 'delete') {
        if ((of ?? map)?.delete(key) !== true) refuse('not there');
      } else if (map?.has(key) || (of === undefined && map === undefined)) refuse('is there');
      else if (map !== undefined) map.set(key, jump!);
      else of!.add(key);
    }
  } else refuse('what is this');
}
