import type { Family } from '../plan/address.ts';
import { SETS, SET_NAMES, setName, type IpvsState, type VirtualServer } from './state.ts';

/** What `ipset restore` is given, to lead from one state to another; `before` undefined: from none, or nobody knows. */
export function ipsetInput(before: IpvsState | undefined, after: IpvsState, family: Family): string {
  const lines: string[] = [];
  for (const set of SET_NAMES) {
    const name = setName(set, family);
    const had = before?.sets.get(set) ?? new Set<string>();
    const wanted = after.sets.get(set)!;
    if (before === undefined) {
      const [type] = SETS[set];
      const of = type === 'bitmap:port' ? 'range 0-65535' : `family ${family === 4 ? 'inet' : 'inet6'}`;
      lines.push(`create ${name} ${type} ${of} comment -exist`, `flush ${name}`);
    }
    for (const entry of had) if (!wanted.has(entry)) lines.push(`del ${name} ${entry} -exist`);
    for (const entry of wanted) if (!had.has(entry)) lines.push(`add ${name} ${entry} -exist`);
  }
  return lines.length === 0 ? '' : lines.join('\n').concat('\n');
}
const OPTION = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' } as const;
const named = ({ protocol, address }: VirtualServer): string => `${OPTION[protocol]} ${address}`;
const kept = (server: VirtualServer): string => (server.persistentSeconds > 0 ? ` -p ${server.persistentSeconds}` : '');

/** Connections to whom are to end by themselves: nothing new comes to it, and it goes once it has none. */
export interface Retired {
  readonly server: string;
  readonly real: string;
}
/** What `ipvsadm -R` is given; `retired` gets whoever connections may go on with. */
export function ipvsInput(before: IpvsState | undefined, after: IpvsState, retired: Map<string, Retired>): string {
  const lines: string[] = before === undefined ? ['-C'] : [];
  if (before === undefined) retired.clear();
  for (const [key, server] of before?.servers ?? [])
    if (!after.servers.has(key)) {
      lines.push(`-D ${named(server)}`);
      for (const [id, one] of retired) if (one.server === named(server)) retired.delete(id);
    }
  for (const [key, server] of after.servers) {
    const had = before?.servers.get(key);
    if (had === undefined) lines.push(`-A ${named(server)} -s rr${kept(server)}`);
    else if (had.persistentSeconds !== server.persistentSeconds) lines.push(`-E ${named(server)} -s rr${kept(server)}`);
    for (const real of server.reals) {
      const id = `${named(server)} ${real}`;
      if (retired.delete(id)) lines.push(`-e ${named(server)} -r ${real} -m -w 1`);
      else if (!had?.reals.has(real)) lines.push(`-a ${named(server)} -r ${real} -m -w 1`);
    }
    for (const real of had?.reals ?? []) {
      if (server.reals.has(real)) continue;
      // Of packets nobody waits for more.
      if (server.protocol === 'UDP') lines.push(`-d ${named(server)} -r ${real}`);
      else {
        lines.push(`-e ${named(server)} -r ${real} -m -w 0`);
        retired.set(`${named(server)} ${real}`, { server: named(server), real });
      }
    }
  }
  return lines.length === 0 ? '' : lines.join('\n').concat('\n');
}
/** Takes those out of `retired` that have no connections by what `ipvsadm -Ln` says; returns what removes them. */
export function ripe(list: string, retired: Map<string, Retired>): string {
  const lines: string[] = [];
  let server = '';
  for (const line of list.split('\n')) {
    const [, protocol, address] = /^(TCP|UDP|SCTP)\s+(\S+)/.exec(line) ?? [];
    if (protocol !== undefined) server = `${OPTION[protocol as 'TCP']} ${address}`;
    const [, real, active, inactive] = /^\s*->\s+(\S+)\s+\S+\s+\d+\s+(\d+)\s+(\d+)/.exec(line) ?? [];
    if (real === undefined || active !== '0' || inactive !== '0') continue;
    if (retired.delete(`${server} ${real}`)) lines.push(`-d ${server} -r ${real}`);
  }
  return lines.length === 0 ? '' : lines.join('\n').concat('\n');
}
