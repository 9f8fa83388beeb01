import type { Change, ServicePlan } from './plan/plan.ts';
import type { ProxySettings } from './settings.ts';

/** Source: KubeProxyConfiguration mode; `userspace` is ours. */
export const PROXY_MODES = ['nftables', 'iptables', 'ipvs', 'userspace'] as const;
export type ProxyMode = (typeof PROXY_MODES)[number];

/** Has a plan come true on this machine. Each call ends before the next begins. */
export interface Backend {
  readonly mode: ProxyMode;
  /** Why it cannot work here, in a sentence for people; undefined: it can. */
  probe(signal: AbortSignal): Promise<string | undefined>;
  /** From whatever stands there to this. Rejects with what the machine's programs said; then nothing is known, and the next is a rebuild too. */
  rebuild(services: Iterable<ServicePlan>, settings: ProxySettings, signal: AbortSignal): Promise<void>;
  /** From what the last call left. */
  update(changes: readonly Change[], settings: ProxySettings, signal: AbortSignal): Promise<void>;
  /** Whether something is left over that an update without changes takes away, a second later. */
  readonly hasLeftovers: boolean;
  /** Takes away all that is its own. */
  remove(signal: AbortSignal): Promise<void>;
  /** What it holds in this process; rules stay. */
  close(): Promise<void>;
}
