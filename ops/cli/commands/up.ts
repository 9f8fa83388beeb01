import {
  alreadyUp,
  checkInFlight,
  locate,
  nodeCount,
  readConfig,
  realNodes,
  reservedPorts,
  type ClusterConfig,
} from '../../cluster/config.ts';
import { adoptAudit, checkAudit, type AuditFlags } from '../../cluster/audit.ts';
import { adoptAuthentication, checkAuthentication, type AuthenticationFlags } from '../../cluster/authentication.ts';
import { adoptAuthorization, checkAuthorization, type AuthorizationFlags } from '../../cluster/authorization.ts';
import { checkDns, settleDns, type DnsFlags } from '../../cluster/dns.ts';
import { adoptEncryption, checkEncryption } from '../../cluster/encryption.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { busHost, dnsFor, listening, usualBusPort, type ListenFlags } from '../../cluster/listen.ts';
import { loadBalancerRanges, type LoadBalancerFlags } from '../../cluster/load-balancers.ts';
import { podRanges, type PodRangeFlags } from '../../cluster/pod-ranges.ts';
import { checkServiceCidrs } from '../../cluster/service-ranges.ts';
import type { CredentialProviderFlags } from '../../../node-agent/kubelet/credential-providers/providers.ts';
import { settleCredentialProviders } from '../../cluster/credential-providers.ts';
import { checkProxyMode, proxyMode, type ProxyModeFlags } from '../../cluster/proxy-mode.ts';
import { adoptScheduler, checkScheduler, type SchedulerFlags } from '../../cluster/scheduler.ts';
import { settleIngress, type IngressFlags } from '../../cluster/ingress-ports.ts';
import { freePort, isFree } from '../../cluster/ports.ts';
import { checkCanHaveRealNodes, settleNodes } from '../../machine/settle.ts';
import { addonsOf, readAddons } from '../../process/addons.ts';
import { stopLeftover } from '../../nats/server.ts';
import { COMPONENTS, rolesOf } from '../../process/spec.ts';
import { isUp, startCluster, type RunningCluster } from '../../process/supervisor.ts';
import { printError, Progress, UserError } from '../output.ts';
import { untilSignal } from '../signals.ts';
import { detached, type Message } from './up-detached.ts';
import { welcome } from './up-welcome.ts';

export interface UpOptions
  extends
    AuditFlags,
    AuthenticationFlags,
    AuthorizationFlags,
    CredentialProviderFlags,
    PodRangeFlags,
    LoadBalancerFlags,
    ListenFlags,
    DnsFlags,
    IngressFlags,
    ProxyModeFlags,
    SchedulerFlags {
  readonly name: string;
  readonly nodes?: number;
  readonly runtime: 'simulated' | 'cri' | 'auto';
  readonly data?: string;
  readonly ephemeral?: boolean;
  readonly port?: number;
  readonly host: string;
  readonly only?: string[];
  readonly disableAdmission?: string[];
  readonly enableAdmission?: string[];
  readonly addons?: string[];
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
  readonly encryptionConfig?: string;
  readonly serviceClusterIpRange?: string[];
  readonly etcdPort?: number;
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly quiet?: boolean;
}
const DEFAULT_PORT = 6443;

export async function up(options: UpOptions): Promise<void> {
  const unknown = options.only?.find((c) => !(COMPONENTS as readonly string[]).includes(c));
  if (unknown !== undefined)
    throw new UserError(`--only knows no component "${unknown}": choose from ${COMPONENTS.join(', ')}`, 2);
  if (options.addons !== undefined) readAddons(options.addons);
  checkServiceCidrs(options.serviceClusterIpRange ?? []);
  await checkAdmission(options);
  if (options.encryptionConfig !== undefined) await checkEncryption(options.encryptionConfig);
  await checkAudit(options);
  await checkAuthentication(options);
  await checkAuthorization(options);
  await checkScheduler(options);
  if (options.runtime === 'cri') checkCanHaveRealNodes();
  const paths = locate(options.name, options.data);
  const holder = isUp(paths);
  if (holder !== undefined) throw alreadyUp(options.name, holder);
  // What is wrong with the data is said before anything is started.
  await podRanges(options, readConfig(paths));
  checkDns(options, hasDns(options, readConfig(paths)), 'kubus up --addons dns');
  await loadBalancerRanges(options, readConfig(paths));
  proxyMode(options, readConfig(paths));
  listening(options, readConfig(paths));
  await settleCredentialProviders(options, readConfig(paths));
  await (options.detach ? detached(options, paths) : foreground(options, paths));
}

const hasDns = (options: Pick<UpOptions, 'addons' | 'only' | 'runtime'>, before: ClusterConfig | undefined): boolean =>
  addonsOf({
    runtime: options.runtime === 'auto' ? (before?.runtime ?? 'simulated') : options.runtime,
    ...(options.addons === undefined
      ? before?.addons && { addons: before.addons }
      : { addons: readAddons(options.addons) }),
    ...((options.only ?? before?.only) && { only: options.only ?? before!.only! }),
  }).includes('dns');
/** Thrown: UserError. What an earlier start asked for may not contradict either. */
async function checkAdmission({ enableAdmission, disableAdmission }: UpOptions): Promise<void> {
  if (enableAdmission === undefined && disableAdmission === undefined) return;
  const { checkPlugins } = await import('../../../actors/apiserver/admission/index.ts');
  try {
    checkPlugins(enableAdmission ?? [], disableAdmission ?? []);
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), 2);
  }
}
/** What was asked for, over what the cluster was, over the defaults. */
async function settle(options: UpOptions, paths: ClusterPaths): Promise<ClusterConfig> {
  const before = readConfig(paths);
  if (before !== undefined && options.ephemeral && !before.ephemeral)
    throw new UserError(`cluster "${options.name}" keeps its data and cannot become ephemeral: use another --name`);
  const port = options.port === 0 ? await freePort() : (options.port ?? before?.port ?? (await newPort(options.host)));
  const listen = listening(options, before);
  const natsPort = await busPort(paths, before, listen);
  const only = options.only ?? before?.only;
  const replicas = before?.replicas;
  const etcdPort = options.etcdPort === 0 ? await freePort() : (options.etcdPort ?? before?.etcdPort);
  const serviceCidrs = options.serviceClusterIpRange ?? before?.serviceCidrs;
  const ranges = { ...(await podRanges(options, before)), ...(await loadBalancerRanges(options, before)) };
  if (options.encryptionConfig !== undefined) await adoptEncryption(paths, options.encryptionConfig);
  await adoptAudit(paths.dir, options);
  await adoptAuthentication(paths.dir, options);
  await adoptAuthorization(paths.dir, options);
  await adoptScheduler(paths.dir, options);
  const maxRequestsInflight = options.maxRequestsInflight ?? before?.maxRequestsInflight;
  const maxMutatingRequestsInflight = options.maxMutatingRequestsInflight ?? before?.maxMutatingRequestsInflight;
  checkInFlight({ maxRequestsInflight, maxMutatingRequestsInflight });
  const enableAdmission = options.enableAdmission ?? before?.enableAdmission;
  const addons = options.addons === undefined ? before?.addons : readAddons(options.addons);
  const names = dnsFor(listen, options, before);
  const dns = hasDns(options, before) ? await settleDns(names.flags, names.before) : undefined;
  const ingressPorts = addons?.includes('ingress') ? await settleIngress(options, before?.ingressPorts) : undefined;
  const nodes = await settleNodes(options, options.name, before, ranges.clusterCidrs);
  const proxy = proxyMode(options, before);
  if (proxy.proxyMode !== undefined && realNodes(nodes).length > 0) await checkProxyMode(proxy.proxyMode);
  const credentials = await settleCredentialProviders(options, before);
  return {
    format: 1, name: options.name, port, natsPort,
    ...(only && { only }),
    ...(replicas && { replicas }),
    ...(serviceCidrs && { serviceCidrs }),
    ...ranges,
    ...nodes,
    ...proxy,
    ...listen,
    ...credentials,
    ...(etcdPort !== undefined && { etcdPort }),
    disableAdmission: options.disableAdmission ?? before?.disableAdmission ?? [],
    ...(enableAdmission && { enableAdmission }),
    ...(addons && { addons }),
    ...(ingressPorts && { ingressPorts }),
    ...(dns && { dns }),
    ...(maxRequestsInflight !== undefined && { maxRequestsInflight }),
    ...(maxMutatingRequestsInflight !== undefined && { maxMutatingRequestsInflight }),
    ephemeral: options.ephemeral ?? before?.ephemeral ?? false,
  }; // prettier-ignore
}

/** That of before, by which nodes elsewhere know it: a server whose supervisor was killed gives it up first. */
async function busPort(paths: ClusterPaths, before: ClusterConfig | undefined, listen: Pick<ClusterConfig, 'listen'>): Promise<number> {
  const host = busHost(listen);
  if (before?.listen !== undefined) await stopLeftover(paths.nats);
  const wanted = before?.natsPort ?? usualBusPort(listen);
  return wanted !== undefined && (await isFree(wanted, host)) ? wanted : freePort(host);
} // prettier-ignore
/** The usual one, if it is free now and no other cluster of this user has it. */
async function newPort(host: string): Promise<number> {
  const reserved = reservedPorts();
  if (!reserved.has(DEFAULT_PORT) && (await isFree(DEFAULT_PORT, host))) return DEFAULT_PORT;
  return freePort();
}

async function foreground(options: UpOptions, paths: ClusterPaths): Promise<void> {
  const isChild = process.send !== undefined;
  const tell = (message: Message): void => void (process.connected && process.send?.(message));
  const progress = new Progress(options.quiet === true || isChild);
  // A signal while it starts ends it as cleanly as one later.
  let ready = false;
  const signal = Promise.race([
    untilSignal('SIGINT', 'SIGTERM', 'SIGHUP'),
    // Who started it in the background has gone before it was up.
    new Promise<string>((resolve) => process.once('disconnect', () => !ready && resolve('SIGHUP'))),
  ]);
  const step = <T>(label: string, work: () => Promise<T>): Promise<T> =>
    progress.step(label, () => {
      tell({ step: label });
      return Promise.race([work(), signal.then(() => Promise.reject(new UserError('interrupted', 130)))]);
    });
  const warn = (text: string): void => {
    if (isChild && process.connected) tell({ warning: text });
    else printError(`kubus: ${text}`);
  };
  let cluster: RunningCluster;
  try {
    const settled = (): Promise<ClusterConfig> => settle(options, paths);
    const isNew = readConfig(paths) === undefined;
    const { name, host } = options;
    if (options.runtime === 'cri') await (await import('../../machine/install.ts')).installMissing({ step });
    cluster = await startCluster({ name, paths, host, settle: settled, isNew, step, warn });
  } catch (error) {
    if (!isChild) throw error;
    tell({ failed: (error as Error).message });
    printError(`kubus: ${(error as Error).message}`);
    process.exitCode = 1;
    return;
  }
  const { config, server } = cluster;
  await accountReady(config, paths).catch((error: unknown) => warn((error as Error).message));
  if (options.wait) {
    try {
      await step('nodes Ready', () => nodesReady(config, paths));
    } catch (error) {
      // It is up all the same, and can be looked at.
      if (isChild) tell({ failed: (error as Error).message });
      else if ((error as UserError).exitCode !== 130) warn((error as Error).message);
    }
  }
  ready = true;
  if (isChild) {
    tell({ ready: server });
    if (process.connected) process.disconnect();
  } else if (!options.quiet) welcome(config, server, paths);
  const why = await Promise.race([signal, cluster.failed]);
  if (isChild || !options.quiet) printError(`\nkubus: ${why.startsWith('SIG') ? 'stopping' : why}`);
  await cluster.stop();
  process.exit(why.startsWith('SIG') ? 0 : 1);
}

/** Who creates a pod right after this must not hear that its service account is not found. */
async function accountReady(config: ClusterConfig, paths: ClusterPaths): Promise<void> {
  const roles = rolesOf(config);
  if (!roles.includes('apiserver') || !roles.includes('controller-manager')) return;
  if (config.replicas?.['controller-manager'] === 0) return;
  const { waitForDefaultAccount } = await import('../../cluster/wait.ts');
  await waitForDefaultAccount(paths);
}
async function nodesReady(config: ClusterConfig, paths: ClusterPaths): Promise<void> {
  const { waitForNodes } = await import('../../cluster/wait.ts');
  await waitForNodes(paths, config.only === undefined || config.only.includes('nodes') ? nodeCount(config) : 0);
}
