import type { Commands } from '../host/commands.ts';
import { addressOf, familyName, withPort, type Family } from './plan/address.ts';
import type { Change, PortPlan } from './plan/plan.ts';

/** A UDP conversation that the kernel remembers, by what tells it from others: whom it was meant for, and who answers. */
interface Flow {
  readonly originalTo: string;
  readonly originalPort: string;
  readonly answers: string;
  readonly answersPort: string;
}
/** Of `conntrack -L`: `udp 17 29 src=A dst=B sport=1 dport=2 src=C dst=D sport=3 dport=4 ...`. */
const LINE = /\bdst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/;

/** How long the kernel remembers connections, in seconds. Source: KubeProxyConntrackConfiguration's defaults. */
const TIMEOUTS = { nf_conntrack_tcp_timeout_established: 86_400, nf_conntrack_tcp_timeout_close_wait: 3_600 };

/** Of this network namespace alone; how many it remembers is the machine's affair. */
export async function setTimeouts(commands: Commands, signal: AbortSignal): Promise<void> {
  for (const [name, seconds] of Object.entries(TIMEOUTS))
    await commands.must('sh', ['-c', `echo ${seconds} > /proc/sys/net/netfilter/${name}`], { signal });
}

/** Whether such a change may leave conversations with who is no more. Source: UpdateEndpointsMapResult.ConntrackCleanupRequired. */
export const mayLeaveFlows = (changes: readonly Change[]): boolean =>
  changes.some(({ before, after }) =>
    [...(before?.ports ?? []), ...(after?.ports ?? [])].some(({ protocol }) => protocol === 'UDP'),
  );

/**
 * Which of the kernel's conversations are with who does not serve any more; each once. A Service without endpoints is left
 * alone, as upstream leaves it: its packets are refused. Source: pkg/proxy/conntrack CleanStaleEntries.
 */
export function staleFlows(list: string, ports: Iterable<PortPlan>, family: Family): readonly Flow[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<string, ReadonlySet<string>>();
  for (const port of ports) {
    if (port.protocol !== 'UDP' || port.family !== family || port.serving.length === 0) continue;
    const serving = new Set(port.serving.map((target) => withPort(target.ip, target.port)));
    for (const ip of [port.clusterIP, ...port.balancerIPs, ...port.externalIPs]) byAddress.set(withPort(ip, port.port), serving);
    if (port.nodePort !== 0) byNodePort.set(String(port.nodePort), serving);
  } // prettier-ignore
  const stale = new Map<string, Flow>();
  if (byAddress.size === 0) return [];
  for (const line of list.split('\n')) {
    const [, to = '', originalPort = '', from = '', answersPort = ''] = LINE.exec(line) ?? [];
    const originalTo = addressOf(to)?.text;
    const answers = addressOf(from)?.text;
    if (originalTo === undefined || answers === undefined) continue;
    const answering = withPort(answers, Number(answersPort));
    for (const serving of [byAddress.get(withPort(originalTo, Number(originalPort))), byNodePort.get(originalPort)])
      if (serving !== undefined && !serving.has(answering))
        stale.set(`${originalTo} ${originalPort} ${answering}`, { originalTo, originalPort, answers, answersPort });
  }
  return [...stale.values()];
}

/** Has the kernel forget them, so that the next packet finds who serves. Resolves with how many kinds there were. */
export async function forgetStaleFlows(o: {
  readonly commands: Commands;
  readonly ports: Iterable<PortPlan>;
  readonly family: Family;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { commands, family, signal } = o;
  const of = ['-f', familyName(family).toLowerCase(), '-p', 'udp'];
  const flows = staleFlows(await commands.must('conntrack', ['-L', ...of], { signal }), o.ports, family);
  for (const { originalTo, originalPort, answers, answersPort } of flows)
    // It fails where all of them have ended by themselves meanwhile.
    await commands.run('conntrack', ['-D', ...of, '-d', originalTo, '--dport', originalPort, '--reply-src', answers, '--reply-port-src', answersPort], { signal }); // prettier-ignore
  return flows.length;
}
