import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseCidr } from '../../../schemas/meta/ip.ts';
import {
  alreadyUp,
  checkInFlight,
  locate,
  readConfig,
  reservedPorts,
  type ClusterConfig,
} from '../../cluster/config.ts';
import { adoptAudit, auditArguments, checkAudit, type AuditFlags } from '../../cluster/audit.ts';
import {
  adoptAuthentication,
  authenticationArguments,
  checkAuthentication,
  type AuthenticationFlags,
} from '../../cluster/authentication.ts';
import {
  adoptAuthorization,
  authorizationArguments,
  checkAuthorization,
  type AuthorizationFlags,
} from '../../cluster/authorization.ts';
import { checkDns, dnsArguments, dnsExample, settleDns, type DnsFlags } from '../../cluster/dns.ts';
import { adoptEncryption, checkEncryption } from '../../cluster/encryption.ts';
import { contextName } from '../../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { loadBalancerArguments, loadBalancerRanges, type LoadBalancerFlags } from '../../cluster/load-balancers.ts';
import { podRangeArguments, podRanges, type PodRangeFlags } from '../../cluster/pod-ranges.ts';
import { adoptScheduler, checkScheduler, schedulerArguments, type SchedulerFlags } from '../../cluster/scheduler.ts';
import { ingressUrls, settleIngress, type IngressFlags } from '../../cluster/ingress-ports.ts';
import { freePort, isFree } from '../../cluster/ports.ts';
import { addonsOf, readAddons } from '../../process/addons.ts';
import { COMPONENTS, rolesOf } from '../../process/spec.ts';
import { isUp, startCluster, type RunningCluster } from '../../process/supervisor.ts';
import { bold, print, printError, Progress, UserError } from '../output.ts';
import { untilSignal } from '../signals.ts';

export interface UpOptions
  extends
    AuditFlags,
    AuthenticationFlags,
    AuthorizationFlags,
    PodRangeFlags,
    LoadBalancerFlags,
    DnsFlags,
    IngressFlags,
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
  if (options.runtime === 'cri')
    throw new UserError('--runtime cri is not built yet: leave it out for simulated nodes');
  const paths = locate(options.name, options.data);
  const holder = isUp(paths);
  if (holder !== undefined) throw alreadyUp(options.name, holder);
  // What is wrong with the data is said before anything is started.
  await podRanges(options, readConfig(paths));
  checkDns(options, hasDns(options, readConfig(paths)), 'kubus up --addons dns');
  await loadBalancerRanges(options, readConfig(paths));
  await (options.detach ? detached(options, paths) : foreground(options, paths));
}

const hasDns = (options: UpOptions, before: ClusterConfig | undefined): boolean =>
  addonsOf({
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
/** Thrown: UserError. Source: kubernetes cmd/kube-apiserver/app/options validateClusterIPFlags. */
function checkServiceCidrs(cidrs: readonly string[]): void {
  const parsed = cidrs.map((cidr) => {
    const range = parseCidr(cidr);
    const host = range && (range.family === 4 ? 32 : 128) - range.bits;
    if (range === undefined || host === undefined || host > (range.family === 4 ? 31 : 64) || host < 3)
      throw new UserError(`--service-cluster-ip-range: "${cidr}" is no range of addresses for services, such as 10.96.0.0/16 or fd00:10:96::/112`, 2); // prettier-ignore
    return range;
  });
  if (parsed.length > 2 || (parsed.length === 2 && parsed[0]!.family === parsed[1]!.family))
    throw new UserError('--service-cluster-ip-range takes one range, or one of IPv4 and one of IPv6', 2);
}

/** What was asked for, over what the cluster was, over the defaults. */
async function settle(options: UpOptions, paths: ClusterPaths): Promise<ClusterConfig> {
  const before = readConfig(paths);
  if (before !== undefined && options.ephemeral && !before.ephemeral)
    throw new UserError(`cluster "${options.name}" keeps its data and cannot become ephemeral: use another --name`);
  const port = options.port === 0 ? await freePort() : (options.port ?? before?.port ?? (await newPort(options.host)));
  const natsPort = before !== undefined && (await isFree(before.natsPort)) ? before.natsPort : await freePort();
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
  const dns = hasDns(options, before) ? await settleDns(options, before?.dns) : undefined;
  const ingressPorts = addons?.includes('ingress') ? await settleIngress(options, before?.ingressPorts) : undefined;
  return {
    format: 1, name: options.name, nodes: options.nodes ?? before?.nodes ?? 1, runtime: 'simulated', port, natsPort,
    ...(only && { only }),
    ...(replicas && { replicas }),
    ...(serviceCidrs && { serviceCidrs }),
    ...ranges,
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

/** The usual one, if it is free now and no other cluster of this user has it. */
async function newPort(host: string): Promise<number> {
  const reserved = reservedPorts();
  if (!reserved.has(DEFAULT_PORT) && (await isFree(DEFAULT_PORT, host))) return DEFAULT_PORT;
  return freePort();
}

/** What the process of a detached cluster tells the one that the user waits for. */
type Message =
  { readonly step: string } | { readonly warning: string } | { readonly ready: string } | { readonly failed: string };

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

/** The same in a process of its own, whose progress is shown here until it is ready. */
async function detached(options: UpOptions, paths: ClusterPaths): Promise<void> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.logs, 'up.log'), 'a', 0o600);
  const args = [...process.execArgv, process.argv[1]!, 'up', '--quiet', ...argumentsOf(options)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const progress = new Progress(options.quiet);
  const { promise: server, resolve, reject } = Promise.withResolvers<string>();
  let current: { done: () => void; fail: (error: Error) => void } | undefined;
  let running: Promise<void> = Promise.resolve();
  const fail = (message: string): void => {
    const error = new UserError(message);
    current?.fail(error);
    reject(error);
  };
  child.on('message', (message: Message) => {
    if ('warning' in message) return printError(`kubus: ${message.warning}`);
    if ('failed' in message) return fail(message.failed);
    current?.done();
    current = undefined;
    if ('ready' in message) return resolve(message.ready);
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<void>();
    current = { done, fail: failed };
    running = running.then(() => progress.step(message.step, () => promise));
    running.catch(() => undefined);
  });
  child.once('exit', (code, signal) =>
    fail(
      `the cluster ended while it was starting (${signal ?? `exit status ${code}`}): ${lastLine(join(paths.logs, 'up.log'))}`,
    ),
  );
  // The child is in a session of its own and hears nothing of a Ctrl-C here.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => child.kill('SIGTERM'));
  try {
    const url = await server;
    await running;
    if (!options.quiet) welcome(readConfig(paths)!, url, paths);
  } finally {
    child.unref();
    if (child.connected) child.disconnect();
  }
}
/** What the user asked for, for another process of ours. */
function argumentsOf(options: UpOptions): string[] {
  const args = ['--name', options.name, '--host', options.host, '--runtime', options.runtime];
  if (options.nodes !== undefined) args.push('--nodes', String(options.nodes));
  if (options.port !== undefined) args.push('--port', String(options.port));
  if (options.data !== undefined) args.push('--data', options.data);
  if (options.only !== undefined) args.push('--only', options.only.join(','));
  if (options.disableAdmission !== undefined) args.push('--disable-admission', options.disableAdmission.join(','));
  if (options.enableAdmission !== undefined) args.push('--enable-admission', options.enableAdmission.join(','));
  if (options.addons !== undefined) args.push('--addons', options.addons.join(','));
  if (options.ingressHost !== undefined) args.push('--ingress-host', options.ingressHost);
  if (options.ingressHttpPort !== undefined) args.push('--ingress-http-port', String(options.ingressHttpPort));
  if (options.ingressHttpsPort !== undefined) args.push('--ingress-https-port', String(options.ingressHttpsPort));
  if (options.encryptionConfig !== undefined) args.push('--encryption-config', resolve(options.encryptionConfig));
  if (options.maxRequestsInflight !== undefined)
    args.push('--max-requests-inflight', String(options.maxRequestsInflight));
  if (options.maxMutatingRequestsInflight !== undefined)
    args.push('--max-mutating-requests-inflight', String(options.maxMutatingRequestsInflight));
  args.push(...auditArguments(options));
  args.push(...authenticationArguments(options));
  args.push(...authorizationArguments(options));
  args.push(...schedulerArguments(options));
  if (options.serviceClusterIpRange !== undefined)
    args.push('--service-cluster-ip-range', options.serviceClusterIpRange.join(','));
  args.push(...dnsArguments(options), ...podRangeArguments(options), ...loadBalancerArguments(options));
  if (options.etcdPort !== undefined) args.push('--etcd-port', String(options.etcdPort));
  if (options.ephemeral) args.push('--ephemeral');
  if (options.wait) args.push('--wait');
  return args;
}
const lastLine = (file: string): string =>
  existsSync(file) ? (readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '') : '';

function welcome(config: ClusterConfig, server: string, { pki }: ClusterPaths): void {
  const suffix = config.name === 'kubus' ? '' : ` --name ${config.name}`;
  print(
    `\nCluster "${config.name}" is up at ${server} (context ${contextName(config.name)}).${config.ephemeral ? ' It is ephemeral: nothing of it is kept.' : ''}\n\nNext:`,
  );
  print(`  ${bold(`kubectl --context ${contextName(config.name)} get nodes`)}`);
  print(
    `  ${bold(`kubectl --context ${contextName(config.name)} create deployment hello --image=hello --replicas=3`)}`,
  );
  print(`  ${bold(`kubus status${suffix}`)}`);
  const { ingressPorts, dns } = config;
  if (dns !== undefined) print(`\nNames of the cluster are answered:\n  ${bold(dnsExample(dns))}`);
  if (ingressPorts !== undefined)
    print(
      `\nIngresses are served at ${ingressUrls(ingressPorts).http} and ${ingressUrls(ingressPorts).https}:\n  ${bold(`kubectl --context ${contextName(config.name)} create ingress hello --rule='hello.local/*=hello:80'`)}\n  ${bold(`curl -H 'Host: hello.local' ${ingressUrls(ingressPorts).http}/`)}`,
    );
  if (config.etcdPort === undefined) return;
  const file = (name: string): string => join(pki, 'etcd', name);
  print(
    `\nThe store speaks etcd's protocol:\n  ${bold(`etcdctl --endpoints https://127.0.0.1:${config.etcdPort} --cacert ${file('ca.crt')} --cert ${file('client.crt')} --key ${file('client.key')} endpoint status`)}`,
  );
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
  await waitForNodes(paths, config.only === undefined || config.only.includes('nodes') ? config.nodes : 0);
}
