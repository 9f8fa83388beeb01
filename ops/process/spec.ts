import type { AuditFlags } from '../cluster/audit.ts';
import type { AuthenticationFlags } from '../cluster/authentication.ts';
import type { AuthorizationFlags } from '../cluster/authorization.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import type { DnsConfig } from '../cluster/dns.ts';
import type { IngressPorts } from '../cluster/ingress-ports.ts';
import type { EncryptionFlags } from '../cluster/encryption.ts';
import type { SchedulerFlags } from '../cluster/scheduler.ts';
import { ADDON_COMPONENTS, ADDONS, addonsOf, type AddonComponent } from './addons.ts';

const CORE = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'node-authenticator', 'nodes'] as const;
/** What another of them does too where all run together: `up` starts none of these unless it is told to. */
const APART = ['certificate-signer'] as const;
export type CoreComponent = (typeof CORE | typeof APART)[number];
export type ComponentName = CoreComponent | AddonComponent;
/** The components that `kubus run` and `up --only` know, in the order they are started. */
export const COMPONENTS: readonly ComponentName[] = [...CORE, ...APART, ...ADDON_COMPONENTS];
export const isComponent = (name: string): name is ComponentName => (COMPONENTS as readonly string[]).includes(name);

/** What one operating-system process runs. Everything else it needs is in the cluster's folder. */
export interface ProcessSpec {
  /** Name of its log file, and of its connections in the server's list. */
  readonly name: string;
  readonly components: readonly ComponentName[];
  /** The cluster's data folder: cluster.json, and the keys and credentials of these components. */
  readonly dir: string;
  /** Address the HTTPS door listens on. */
  readonly host: string;
  /** Of an API server: by which pods and nodes reach it; default: see `advertisedAddress`. */
  readonly advertise?: string | undefined;
  /** Default: the one in cluster.json. */
  readonly port?: number | undefined;
  /**
   * The parent process listens and hands connections over (see `handed-connections.ts`); default: the API server listens
   * itself, on a port that it shares with the cluster's other API servers on this machine.
   */
  readonly handed?: boolean | undefined;
  /** Of a process with one component: its name among the replicas, `apiserver-2`, the same at each start. */
  readonly replica?: string | undefined;
  /** Under which that component is known to the others; default: the replica's name with something random. */
  readonly id?: string | undefined;
  /** One connection with the rights of all these components together (see writeCredentials); default: one each. */
  readonly joint?: boolean | undefined;
  /** Of an API server: an EncryptionConfiguration instead of the one in the folder. */
  readonly encryption?: EncryptionFlags | undefined;
  /** Of an API server: what it notes of requests, instead of what the folder says. */
  readonly audit?: AuditFlags | undefined;
  /** Of an API server: who decides what users may, instead of what the folder says. */
  readonly authorization?: AuthorizationFlags | undefined;
  /** Of an API server: how it knows people, instead of what the folder says. */
  readonly authentication?: AuthenticationFlags | undefined;
  /** Of a scheduler: how it places pods, instead of what the folder says. */
  readonly scheduler?: SchedulerFlags | undefined;
  /** Of an API server: how much it deals with at once, instead of what the cluster's configuration says. */
  readonly inFlight?:
    | { readonly maxRequestsInflight?: number | undefined; readonly maxMutatingRequestsInflight?: number | undefined }
    | undefined;
  /** Of a store: where it speaks etcd's own protocol too, with the keys in `pki/etcd`. */
  readonly etcdDoor?: { readonly host: string; readonly port: number } | undefined;
  /** Of a name server: what is not as the cluster's configuration says. */
  readonly dns?: Partial<DnsConfig> | undefined;
  /** Of an ingress controller: where it listens, if not where the cluster's configuration says. */
  readonly ingress?: IngressPorts | undefined;
  /** Overrides the URL in the credentials. */
  readonly nats?: string | undefined;
  /** Nodes to run; default those of cluster.json. */
  readonly nodes?: readonly string[] | undefined;
  /** The one node of this process is real, and this process runs in its namespaces. */
  readonly real?: RealNodeSpec | undefined;
  /** Who gives nodes their ranges of pod addresses; only the first start of a cluster knows that nobody has any yet. */
  readonly podCIDRs?: 'byPlace' | 'byCluster' | undefined;
  /** File of the log, `-` for standard error; default `logs/<name>.log` in the folder. */
  readonly log?: string | undefined;
}
/** What only who made a real node knows of it. */
export interface RealNodeSpec {
  readonly name: string;
  readonly ip: string;
  /** Of IPv6, where pods have such addresses. */
  readonly secondIP?: string | undefined;
  /** Of this machine, by which its API servers ask pods. */
  readonly apiServers?: readonly string[] | undefined;
  /** Of the machine's cgroup hierarchies: all of the node's is below. */
  readonly cgroup: string;
  /** Socket in the node's folder that leads to the bus. */
  readonly bus: string;
  readonly cniPlugins: string;
}
export function rolesOf(config: ClusterConfig): ComponentName[] {
  const core = CORE.filter(
    (c) => (config.only === undefined || config.only.includes(c)) && (c !== 'nodes' || config.nodes > 0),
  );
  const apart = APART.filter((c) => config.only?.includes(c));
  return [...core, ...apart, ...addonsOf(config).map((name) => ADDONS[name].component)];
}
export const nodeNames = (config: Pick<ClusterConfig, 'name' | 'nodes'>): string[] =>
  Array.from({ length: config.nodes }, (_, i) => `${config.name}-node-${i + 1}`);
