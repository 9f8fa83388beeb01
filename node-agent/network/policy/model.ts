import type { Labels } from '../../../schemas/meta/selectors.ts';

/** Of the kernel's tables, that of policies. */
/** API servers that run beside the nodes: what they say by these addresses comes in by this link of the node. */
export interface ApiServers {
  readonly link: string;
  readonly addresses: readonly string[];
}
export const TABLE = 'kubus-policy';

export type Family = 4 | 6;
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** What policies go by of a pod. */
export interface PolicyPod {
  /** `namespace/name` */
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  /** In canonical form; none: it has no address of its own (yet, or any more). */
  readonly ips: readonly string[];
  readonly node: string;
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[];
}

/** Whose word is let through: that of addresses in a set, or in a range. Both ends included in port ranges. */
export interface Allowance {
  readonly peer?: { readonly family: Family; readonly set: string } | { readonly family: Family; readonly cidr: string; readonly except: readonly string[] }; // prettier-ignore
  readonly ports?: { readonly protocol: Protocol; readonly ranges: readonly (readonly [from: number, to: number])[] };
  /** Address, protocol and port of who is spoken to, instead of both. */
  readonly endpoints?: { readonly family: Family; readonly set: string };
}
export type Direction = 'ingress' | 'egress';
/** What pods under the same policies share: who is named by none of it is kept away. */
export interface Chain {
  readonly direction: Direction;
  readonly allowances: readonly Allowance[];
}
/** All that the kernel is told, by names that say what is in them, so that what is there already is known by its name. */
export interface Ruleset {
  readonly chains: ReadonlyMap<string, Chain>;
  /** `p4-…`, `p6-…`: addresses of pods. `n4-…`, `n6-…`: `address . protocol . port`. */
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
  /** Chain of each address that is guarded. */
  readonly ingress: ReadonlyMap<string, string>;
  readonly egress: ReadonlyMap<string, string>;
}
export const EMPTY: Ruleset = { chains: new Map(), sets: new Map(), ingress: new Map(), egress: new Map() };
export const familyOf = (ip: string): Family => (ip.includes(':') ? 6 : 4);
