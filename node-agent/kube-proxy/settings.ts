import type { Family } from './plan/address.ts';

/** What rules say of the node itself, besides Services. Source: KubeProxyConfiguration. */
export interface ProxySettings {
  /** Ranges of the pods of this node, by family: what comes from elsewhere is masqueraded; unknown: nothing is told apart. */
  readonly podCidrs: Readonly<Record<Family, readonly string[]>>;
  /** Addresses at which this node answers node ports; undefined: at all it has. */
  readonly nodePortIPs: readonly string[] | undefined;
  /** The node's own address, by family. */
  readonly nodeIPs: Readonly<Partial<Record<Family, string>>>;
  /** Ranges of the cluster's Services: what of them nobody has is dropped. */
  readonly serviceCidrs: Readonly<Record<Family, readonly string[]>>;
  readonly masqueradeAll: boolean;
}
/** Bit 14. Source: KubeProxyConfiguration masqueradeBit. */
export const MASQUERADE_MARK = '0x00004000';
