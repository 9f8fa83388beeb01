import type { Commands } from '../../node-agent/host/commands.ts';
import type { MachineNames } from './names.ts';

/** A rule for a chain of the machine's own firewall. */
export interface FirewallRule {
  readonly chain: 'INPUT' | 'FORWARD';
  readonly match: readonly string[];
}
/** A port of this machine's address among the nodes that pods are to reach. */
export interface OpenPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}
/**
 * What a firewall that lets nothing through by itself (Docker's, ufw's) must let through: what nodes send to each other and
 * outside, the answers to that, and pods to the API server and the name server. Nothing where the machine lets all through. `chains`: what
 * `iptables -S` says of each.
 */
export function rulesNeeded(
  { bridge }: MachineNames,
  chains: Readonly<Record<FirewallRule['chain'], string>>,
  address: string,
  open: readonly OpenPort[],
): FirewallRule[] {
  const drops = (chain: FirewallRule['chain']): boolean => /^-P \w+ (DROP|REJECT)$/m.test(chains[chain]);
  return [
    ...(drops('FORWARD')
      ? ([
          { chain: 'FORWARD', match: ['-i', bridge] },
          { chain: 'FORWARD', match: ['-o', bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'] },
        ] as const)
      : []),
    ...(drops('INPUT')
      ? open.map(({ protocol, port }): FirewallRule => {
          return { chain: 'INPUT', match: ['-i', bridge, '-d', address, '-p', protocol, '--dport', String(port)] };
        })
      : []),
  ];
}
const CHAINS = ['INPUT', 'FORWARD'] as const;
const WAIT = ['-w', '10'];
const read = async (commands: Commands, chain: string): Promise<string> =>
  (await commands.run('iptables', [...WAIT, '-S', chain])).stdout;

export async function openFirewall(
  commands: Commands,
  names: MachineNames,
  address: string,
  open: readonly OpenPort[],
): Promise<void> {
  const [INPUT, FORWARD] = await Promise.all([read(commands, 'INPUT'), read(commands, 'FORWARD')]);
  for (const { chain, match } of rulesNeeded(names, { INPUT, FORWARD }, address, open)) {
    const rule = [...match, '-m', 'comment', '--comment', names.comment, '-j', 'ACCEPT'];
    await commands.must('iptables', [...WAIT, '-I', chain, '1', ...rule]);
  }
}
/** Takes away the rules that bear this cluster's comment. */
export async function closeFirewall(commands: Commands, names: MachineNames): Promise<void> {
  for (const chain of CHAINS)
    for (const rule of ownRules(await read(commands, chain), names.comment))
      await commands.run('iptables', [...WAIT, '-D', ...rule]);
}
/** Of what `iptables -S` says: each rule with the comment, as `-D` takes it. */
export const ownRules = (said: string, comment: string): string[][] =>
  said
    .split('\n')
    .filter((line) => line.startsWith('-A ') && line.split(' ').includes(comment))
    .map((line) => line.split(' ').slice(1));
