import { CommandError, type Commands } from '../../host/commands.ts';
import type { Backend } from '../backend.ts';
import { FAMILIES, type Family } from '../plan/address.ts';
import { IptablesTable } from './table.ts';

const TIMEOUT_MS = 120_000;
/** Seconds for which others may hold the lock. Source: pkg/util/iptables WaitSecondsValue. */
const WAIT = ['-w', '5'];
/** Node ports on the loopback; of this network namespace. Source: KubeProxyIPTablesConfiguration localhostNodePorts. */
const ROUTE_LOCALNET = 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet';

/** Chains `KUBE-*` of the tables `filter` and `nat`, as kube-proxy's: rules of others stay as they are. */
export function iptablesBackend(o: { readonly commands: Commands; readonly families?: readonly Family[] | undefined }): Backend {
  const { commands } = o;
  let tables = (o.families ?? FAMILIES).map((family) => new IptablesTable(family));
  const program = (family: Family, what: 'save' | 'restore'): string => `${family === 4 ? 'iptables' : 'ip6tables'}-${what}`;
  const save = async (family: Family, signal: AbortSignal): Promise<string> =>
    (await Promise.all(['filter', 'nat'].map((table) => commands.must(program(family, 'save'), ['-t', table], { signal })))).join('\n');
  const restore = async (family: Family, input: string, signal: AbortSignal): Promise<void> => {
    if (input === '') return;
    const { code, stderr } = await commands.run(program(family, 'restore'), [...WAIT, '--noflush', '--counters'], { input, signal, timeoutMs: TIMEOUT_MS });
    if (code === 0) return;
    const line = Number(/line:? (\d+)/.exec(stderr)?.[1] ?? 0);
    throw new CommandError(`${program(family, 'restore')}: ${stderr.trim()}${line > 0 ? `: ${input.split('\n')[line - 1]}` : ''}`);
  };
  return {
    mode: 'iptables',
    async probe(signal) {
      const failures: unknown[] = [];
      const able: IptablesTable[] = [];
      for (const table of tables)
        await save(table.family, signal).then(() => able.push(table), (error: unknown) => failures.push(error));
      if (able.length === 0) return `iptables cannot be used: ${(failures[0] as Error).message}: install iptables, or choose another mode`;
      // Of one family alone the machine may well know nothing.
      tables = able;
      return undefined;
    },
    async rebuild(services, settings, signal) {
      const all = [...services];
      if (settings.nodePortIPs === undefined || settings.nodePortIPs.some((ip) => ip.startsWith('127.')))
        await commands.must('sh', ['-c', ROUTE_LOCALNET], { signal });
      for (const table of tables)
        await restore(table.family, table.rebuild(all, await save(table.family, signal), settings), signal);
    },
    async update(changes, settings, signal) {
      for (const table of tables) await restore(table.family, table.update(changes, settings), signal);
    },
    hasLeftovers: false,
    async remove(signal) {
      for (const table of tables)
        await restore(table.family, table.removal(await save(table.family, signal)), signal);
    },
    close: () => Promise.resolve(),
  };
} // prettier-ignore
