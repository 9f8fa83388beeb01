import type { Family } from '../plan/address.ts';
import type { Change, PortPlan, ServicePlan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { baseCommands, keyword, TABLE } from './base.ts';
import { isOfService } from './names.ts';
import { render, type Container, type Element, type Rendered } from './render.ts';

/** An element that somebody wants: of several who want one key, the first by name has it. */
interface Claim {
  readonly by: string;
  readonly element: Element;
}
/** What of the table's own is there already, by names. */
export interface Present {
  readonly chains: readonly string[];
  /** And how long they remember, in seconds. */
  readonly affinitySets: ReadonlyMap<string, number>;
}
const CHUNK = 256;

/** One family's table as it should be, and the commands that lead there. Pure but for what it remembers. */
export class NftTable {
  readonly family: Family;
  readonly #own: string;
  /** By container and key. */
  readonly #claims = new Map<string, readonly Claim[]>();
  /** Chains that nothing leads to any more, and since when. */
  readonly #stale = new Map<string, number>();

  constructor(family: Family) {
    this.family = family;
    this.#own = `${keyword(family)} ${TABLE}`;
  }
  get hasStale(): boolean {
    return this.#stale.size > 0;
  }
  /** Everything, whatever stands there now; in one transaction. */
  rebuild(services: Iterable<ServicePlan>, present: Present, settings: ProxySettings, now: number): string {
    this.#claims.clear();
    this.#stale.clear();
    const parts = new Parts(this.#own);
    const wanted = new Set<string>();
    const sticky = new Map<string, number>();
    for (const { ports } of services)
      for (const port of this.#mine(ports)) {
        const rendered = render(port, settings);
        for (const element of rendered.elements) this.#claim(ownerOf(port), element, parts, false);
        for (const { name } of rendered.chains) wanted.add(name);
        for (const { name, seconds } of rendered.affinity) sticky.set(name, seconds);
        parts.build(rendered);
      }
    for (const [key, claims] of this.#claims) parts.change(key, undefined, claims[0]!.element);
    for (const name of present.chains) if (isOfService(name) && !wanted.has(name)) this.#retire(name, parts, now);
    for (const [name, seconds] of present.affinitySets) if (sticky.get(name) !== seconds) parts.dropSets.push(name);
    return [...baseCommands(this.family, settings), ...parts.commands()].join('\n').concat('\n');
  }
  /** What these changes come to; empty: nothing. */
  update(changes: readonly Change[], settings: ProxySettings, now: number): string {
    const parts = new Parts(this.#own);
    for (const { before, after } of changes) {
      const had = new Map(this.#mine(before?.ports ?? []).map((port) => [ownerOf(port), render(port, settings)]));
      for (const port of this.#mine(after?.ports ?? [])) {
        const owner = ownerOf(port);
        this.#replace(owner, had.get(owner), render(port, settings), parts, now);
        had.delete(owner);
      }
      for (const [owner, rendered] of had) this.#replace(owner, rendered, EMPTY, parts, now);
    }
    const commands = parts.commands();
    return commands.length === 0 ? '' : commands.join('\n').concat('\n');
  }
  /** Chains that have been empty for a second: older kernels notice late that no map leads there. Source: staleChains. */
  tidy(now: number): string {
    const lines: string[] = [];
    for (const [name, since] of this.#stale)
      if (now - since >= 1_000) {
        lines.push(`delete chain ${this.#own} ${name}\n`);
        this.#stale.delete(name);
      }
    return lines.join('');
  }
  #mine(ports: readonly PortPlan[]): readonly PortPlan[] {
    return ports.filter(({ family }) => family === this.family);
  }
  #replace(owner: string, before: Rendered | undefined, after: Rendered, parts: Parts, now: number): void {
    const wanted = new Map(after.elements.map((element) => [keyOf(element), element]));
    for (const element of before?.elements ?? []) if (!wanted.has(keyOf(element))) this.#release(owner, element, parts);
    for (const element of wanted.values()) this.#claim(owner, element, parts, true);

    const chains = new Map(before?.chains.map(({ name, rules }) => [name, rules.join('\n')]));
    const sets = new Map(before?.affinity.map(({ name, seconds }) => [name, seconds]));
    const kept = new Set(after.affinity.map(({ name }) => name));
    // A set's time cannot be changed: another takes its place, and rules of both name it.
    const isOther = after.affinity.some(({ name, seconds }) => sets.has(name) && sets.get(name) !== seconds);
    for (const name of sets.keys()) if (isOther || !kept.has(name)) parts.dropSets.push(name);
    parts.build({
      chains: after.chains.filter(({ name, rules }) => isOther || chains.get(name) !== rules.join('\n')),
      affinity: after.affinity.filter(({ name }) => isOther || !sets.has(name)),
    });
    for (const { name } of after.chains) {
      chains.delete(name);
      this.#stale.delete(name);
    }
    for (const name of chains.keys()) this.#retire(name, parts, now);
  }
  #retire(name: string, parts: Parts, now: number): void {
    parts.flush.add(name);
    this.#stale.set(name, now);
  }
  #claim(by: string, element: Element, parts: Parts, isChange: boolean): void {
    const key = keyOf(element);
    const known = this.#claims.get(key);
    if (known === undefined) {
      this.#claims.set(key, [{ by, element }]);
      if (isChange) parts.change(key, undefined, element);
      return;
    }
    const others = known.filter((claim) => claim.by !== by);
    const claims = [...others, { by, element }].toSorted((a, b) => (a.by < b.by ? -1 : 1));
    this.#claims.set(key, claims);
    if (isChange) parts.change(key, known[0]!.element, claims[0]!.element);
  }
  #release(by: string, element: Element, parts: Parts): void {
    const key = keyOf(element);
    const known = this.#claims.get(key) ?? [];
    const claims = known.filter((claim) => claim.by !== by);
    if (claims.length > 0) this.#claims.set(key, claims);
    else this.#claims.delete(key);
    if (known.length > 0) parts.change(key, known[0]!.element, claims[0]?.element);
  }
}
const EMPTY: Rendered = { elements: [], chains: [], affinity: [] };
const ownerOf = (port: PortPlan): string => `${port.service}:${port.portName}/${port.protocol}`;
const keyOf = ({ container, key }: Element): string => `${container} ${key}`;
/** Of one transaction, each kind together: a command may only name what a command before it has made. */
class Parts {
  readonly #own: string;
  readonly #create = new Set<string>();
  readonly flush = new Set<string>();
  readonly dropSets: string[] = [];
  readonly #addSets: string[] = [];
  readonly #rules: string[] = [];
  /** What stands at a key, and what is to stand there once all is done. */
  readonly #elements = new Map<string, { readonly was: Element | undefined; now: Element | undefined }>();
  constructor(own: string) {
    this.#own = own;
  }
  build({ chains, affinity }: Pick<Rendered, 'chains' | 'affinity'>): void {
    const address = this.#own.startsWith('ip6') ? 'ipv6_addr' : 'ipv4_addr';
    for (const { name, seconds } of affinity)
      this.#addSets.push(`add set ${this.#own} ${name} { type ${address} ; flags dynamic,timeout ; timeout ${seconds}s ; }`); // prettier-ignore
    for (const { name, rules } of chains) {
      this.#create.add(name);
      this.flush.add(name);
      for (const rule of rules) this.#rules.push(`add rule ${this.#own} ${name} ${rule}`);
    }
  }
  change(key: string, was: Element | undefined, now: Element | undefined): void {
    const known = this.#elements.get(key);
    if (known !== undefined) known.now = now;
    else this.#elements.set(key, { was, now });
  }
  commands(): string[] {
    const own = this.#own;
    const out = new Map<Container, string[]>();
    const into = new Map<Container, string[]>();
    for (const { was, now } of this.#elements.values()) {
      if (was?.value === now?.value && was?.comment === now?.comment && was !== undefined) continue;
      if (was !== undefined) push(out, was.container, was.key);
      if (now !== undefined) push(into, now.container, textOf(now));
    }
    return [
      ...[...this.#create].map((name) => `add chain ${own} ${name}`),
      ...[...this.flush].map((name) => `flush chain ${own} ${name}`),
      ...chunks(out, (container, some) => `delete element ${own} ${container} { ${some} }`),
      ...this.dropSets.map((name) => `delete set ${own} ${name}`),
      ...this.#addSets,
      ...this.#rules,
      ...chunks(into, (container, some) => `add element ${own} ${container} { ${some} }`),
    ];
  }
}
const textOf = ({ key, value, comment }: Element): string =>
  `${key}${comment === undefined ? '' : ` comment "${comment}"`}${value === '' ? '' : ` : ${value}`}`;
function push(lists: Map<Container, string[]>, container: Container, text: string): void {
  const list = lists.get(container);
  if (list === undefined) lists.set(container, [text]);
  else list.push(text);
}
function* chunks(lists: ReadonlyMap<Container, readonly string[]>, command: (container: Container, some: string) => string): Generator<string> {
  for (const [container, all] of lists)
    for (let at = 0; at < all.length; at += CHUNK) yield command(container, all.slice(at, at + CHUNK).join(', '));
} // prettier-ignore
