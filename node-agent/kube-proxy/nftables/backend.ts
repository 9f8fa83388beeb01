import type { World } from '../../../bus/world.ts';
import { CommandError, type Commands } from '../../host/commands.ts';
import type { Backend } from '../backend.ts';
import { FAMILIES, type Family } from '../plan/address.ts';
import { baseCommands, keyword, TABLE } from './base.ts';
import { NftTable, type Present } from './table.ts';

/** Thousands of Services in one transaction take the kernel a while. */
const TIMEOUT_MS = 120_000;

/** The tables `ip kube-proxy` and `ip6 kube-proxy`; no other is touched. `families`: those the machine has. */
export function nftablesBackend(o: {
  readonly world: World;
  readonly commands: Commands;
  readonly families?: readonly Family[] | undefined;
}): Backend {
  const { world, commands } = o;
  const tables = (o.families ?? FAMILIES).map((family) => new NftTable(family));
  const nft = async (input: string, signal: AbortSignal): Promise<void> => {
    if (input === '') return;
    const { code, stderr } = await commands.run('nft', ['-f', '-'], { input, signal, timeoutMs: TIMEOUT_MS });
    if (code !== 0) throw new CommandError(`nft: ${firstLines(stderr)}`);
  };
  const list = async (what: readonly string[], signal: AbortSignal): Promise<readonly Listed[]> =>
    listed(await commands.must('nft', ['-j', ...what], { signal, timeoutMs: TIMEOUT_MS }));
  const present = async (family: Family, signal: AbortSignal): Promise<Present> => {
    const chains = await list(['list', 'chains', keyword(family)], signal);
    const sets = await list(['-t', 'list', 'sets', keyword(family)], signal);
    return {
      chains: chains.flatMap(({ chain }) => (chain?.table === TABLE ? chain.name : [])),
      affinitySets: new Map(sets.flatMap(({ set }) => (set?.table === TABLE && set.name.startsWith('affinity-') ? [[set.name, set.timeout ?? 0]] : []))), // prettier-ignore
    };
  };
  return {
    mode: 'nftables',
    async probe(signal) {
      try {
        for (const { family } of tables)
          await commands.must('nft', ['-c', '-f', '-'], { input: sampleOf(family), signal });
        return undefined;
      } catch (error) {
        return `nftables cannot be used: ${(error as Error).message}: install nftables, or choose another mode`;
      }
    },
    async rebuild(services, settings, signal) {
      const all = [...services];
      for (const table of tables)
        await nft(table.rebuild(all, await present(table.family, signal), settings, world.clock.now()), signal);
    },
    async update(changes, settings, signal) {
      const now = world.clock.now();
      for (const table of tables) {
        await nft(table.tidy(now), signal);
        await nft(table.update(changes, settings, now), signal);
      }
    },
    get hasLeftovers() {
      return tables.some(({ hasStale }) => hasStale);
    },
    async remove(signal) {
      for (const { family } of tables)
        await nft(`add table ${keyword(family)} ${TABLE}\ndelete table ${keyword(family)} ${TABLE}\n`, signal);
    },
    close: () => Promise.resolve(),
  };
}
/** What rules are made of: nft, and the kernel, may know some of it and not all. It is looked at, and not carried out. */
function sampleOf(family: Family): string {
  const settings = { podCidrs: { 4: [], 6: [] }, nodePortIPs: undefined, nodeIPs: {}, serviceCidrs: { 4: [], 6: [] }, masqueradeAll: false }; // prettier-ignore
  const own = `${keyword(family)} ${TABLE}`;
  const ip = family === 4 ? '192.0.2.1' : '2001:db8::1';
  return [
    ...baseCommands(family, settings),
    `add chain ${own} sample`,
    `add set ${own} affinity-sample { type ${family === 4 ? 'ipv4_addr' : 'ipv6_addr'} ; flags dynamic,timeout ; timeout 10s ; }`,
    `add rule ${own} sample update @affinity-sample { ${keyword(family)} saddr }`,
    `add rule ${own} sample meta l4proto tcp dnat ${keyword(family)} addr . port to numgen random mod 1 map { 0 : ${ip} . 80 }`,
    '',
  ].join('\n');
}
interface Listed {
  readonly chain?: { readonly table: string; readonly name: string };
  readonly set?: { readonly table: string; readonly name: string; readonly timeout?: number };
}
/** What nft says in JSON. */
const listed = (text: string): readonly Listed[] =>
  (JSON.parse(text) as { readonly nftables: readonly Listed[] }).nftables;
/** nft repeats the whole command below each complaint. */
const firstLines = (text: string): string => text.slice(0, 2_000).split('\n').slice(0, 4).join(' ').trim();
