import { networkInterfaces } from 'node:os';
import { CommandError, type Commands } from '../../host/commands.ts';
import type { Backend } from '../backend.ts';
import { FAMILIES, type Family } from '../plan/address.ts';
import type { ServicePlan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { ipsetInput, ipvsInput, ripe, type Retired } from './commands.ts';
import { ipvsRules } from './rules.ts';
import { ipvsState, SET_NAMES, setName, type IpvsState } from './state.ts';

/** Source: pkg/proxy/ipvs defaultDummyDevice. */
const DEVICE = 'kube-ipvs0';
/** Of this network namespace. Source: pkg/proxy/ipvs NewProxier. */
const SYSCTLS = ['vs/conntrack=1', 'vs/expire_nodest_conn=1', 'vs/expire_quiescent_template=1', 'ip_forward=1'];
const TIMEOUT_MS = 120_000;

/** IPVS, which the kernel must have: it balances, and ipset with a few rules of iptables says whom it answers. */
export function ipvsBackend({ commands, families = FAMILIES }: { readonly commands: Commands; readonly families?: readonly Family[] | undefined }): Backend {
  const plans = new Map<string, ServicePlan>();
  const applied = new Map<Family, IpvsState>();
  const retired = new Map<string, Retired>();
  const say = async (program: string, args: readonly string[], input: string, signal: AbortSignal): Promise<void> => {
    if (input === '') return;
    const { code, stderr } = await commands.run(program, args, { input, signal, timeoutMs: TIMEOUT_MS });
    if (code !== 0) throw new CommandError(`${program}: ${stderr.trim().split('\n')[0]}`);
  };
  /** Node ports are answered where the node is told to, or at all addresses that it has. */
  const nodeIPs = (family: Family, settings: ProxySettings): readonly string[] =>
    (settings.nodePortIPs ?? Object.entries(networkInterfaces()).flatMap(([name, all]) => (name === DEVICE || name === 'lo' ? [] : (all ?? []).map(({ address }) => address))))
      .filter((ip) => ip.includes(':') === (family === 6) && !ip.startsWith('fe80:'));
  const bind = async (verb: 'add' | 'del', addresses: Iterable<string>, signal: AbortSignal): Promise<void> => {
    const lines = [...addresses].map((ip) => `addr ${verb} ${ip}/${ip.includes(':') ? 128 : 32} dev ${DEVICE}`);
    // Those that are there, or gone, already are no failure.
    if (lines.length > 0) await commands.run('ip', ['-force', '-batch', '-'], { input: lines.join('\n'), signal });
  };
  const bring = async (family: Family, settings: ProxySettings, signal: AbortSignal): Promise<void> => {
    const before = applied.get(family);
    applied.delete(family);
    const after = ipvsState(plans.values(), family, settings, nodeIPs(family, settings));
    const added = [...after.addresses].filter((ip) => !before?.addresses.has(ip));
    await say('ipset', ['restore'], ipsetInput(before, after, family), signal);
    const program = family === 4 ? 'iptables' : 'ip6tables';
    const present = (await Promise.all(['nat', 'filter'].map((table) => commands.must(`${program}-save`, ['-t', table], { signal })))).join('\n');
    await say(`${program}-restore`, ['-w', '5', '--noflush', '--counters'], ipvsRules(after, family, settings, present), signal);
    await bind('add', added, signal);
    // Both families are in one table: the first empties it.
    const input = ipvsInput(before, after, retired);
    await say('ipvsadm', ['-R'], family === families[0] ? input : input.replace(/^-C\n/, ''), signal);
    await bind('del', [...(before?.addresses ?? [])].filter((ip) => !after.addresses.has(ip)), signal);
    applied.set(family, after);
  };
  return {
    mode: 'ipvs',
    async probe(signal) {
      for (const [program, args] of [['ipvsadm', ['-Ln']], ['ipset', ['list', '-name']], ['iptables-save', ['-t', 'nat']]] as const)
        try {
          await commands.must(program, args, { signal });
        } catch (error) {
          const why = (error as Error).message;
          return `IPVS cannot be used: ${why}: the kernel needs CONFIG_IP_VS and CONFIG_IP_SET, the machine ipvsadm, ipset and iptables; or choose another mode (nftables)`;
        }
      return undefined;
    },
    async rebuild(services, settings, signal) {
      plans.clear();
      for (const plan of services) plans.set(plan.key, plan);
      applied.clear();
      for (const sysctl of SYSCTLS) await commands.must('sh', ['-c', `echo ${sysctl.split('=')[1]} > /proc/sys/net/ipv4/${sysctl.split('=')[0]}`], { signal });
      await commands.run('ip', ['link', 'add', DEVICE, 'type', 'dummy'], { signal });
      for (const family of families) await bring(family, settings, signal);
    },
    async update(changes, settings, signal) {
      for (const { key, after } of changes)
        if (after === undefined) plans.delete(key);
        else plans.set(key, after);
      if (retired.size > 0) await say('ipvsadm', ['-R'], ripe(await commands.must('ipvsadm', ['-Ln'], { signal }), retired), signal);
      for (const family of families) await bring(family, settings, signal);
    },
    // Who is retired goes with a later change: its connections may last for hours.
    hasLeftovers: false,
    async remove(signal) {
      await commands.run('ipvsadm', ['-C'], { signal });
      await commands.run('ip', ['link', 'del', DEVICE], { signal });
      for (const family of families)
        for (const set of SET_NAMES) await commands.run('ipset', ['flush', setName(set, family)], { signal });
    },
    close: () => Promise.resolve(),
  };
} // prettier-ignore
