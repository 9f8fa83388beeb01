import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { authenticationFlags, type AuthenticationFlags } from '../../cluster/authentication.ts';
import { authorizationFlags, type AuthorizationFlags } from '../../cluster/authorization.ts';
import { checkInFlight, downHere, readConfig, requireCluster } from '../../cluster/config.ts';
import { checkDns, dnsExample, dnsObstacle, settleDns, type DnsFlags } from '../../cluster/dns.ts';
import { ingressObstacle, ingressUrls, settleIngress, type IngressFlags } from '../../cluster/ingress-ports.ts';
import type { EncryptionFlags } from '../../cluster/encryption.ts';
import { clusterPaths, type ClusterPaths } from '../../cluster/paths.ts';
import { obstacle, sharedObstacle } from '../../cluster/ports.ts';
import type { ProxyMode } from '../../../node-agent/kube-proxy/backend.ts';
import { COMPONENTS, isComponent, rolesOf, type ComponentName } from '../../process/spec.ts';
import { ensureEtcdPki } from '../../pki/etcd.ts';
import { openHealthDoor } from '../../process/health.ts';
import { startProcess } from '../../process/start.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printError, UserError } from '../output.ts';
import { auditArguments, type AuditFlags } from '../../cluster/audit.ts';
import { joinCluster, joins } from './join.ts';
import { untilSignal } from '../signals.ts';

export interface RunOptions
  extends AuditFlags, AuthenticationFlags, AuthorizationFlags, EncryptionFlags, DnsFlags, IngressFlags {
  readonly name: string;
  readonly nats?: string;
  readonly data?: string;
  readonly host: string;
  readonly port?: number;
  /** With apiserver: by which pods and nodes reach it. */
  readonly advertiseAddress?: string;
  readonly node?: readonly string[];
  readonly log?: string;
  /** Bootstrap token: this machine joins as one node. */
  readonly token?: string;
  /** PEM file of the authority of the bus, for one that joins. */
  readonly ca?: string;
  /** Of a node that joins: what runs its containers. */
  readonly runtime?: 'simulated' | 'cri';
  /** Of a real one: by which the others reach it. */
  readonly nodeIp?: string;
  /** Of a real one: what brings Services to it. */
  readonly proxyMode?: ProxyMode;
  /** Of a real one: programs that know credentials for images. */
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
  readonly health?: number;
  /** A KubeSchedulerConfiguration. */
  readonly config?: string;
  readonly schedulerPlugin?: readonly string[];
  readonly etcdPort?: number;
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
}
function folderOf({ name, data }: RunOptions): ClusterPaths {
  if (data === undefined) return requireCluster(name).paths;
  const paths = clusterPaths(resolve(data));
  if (readConfig(paths) === undefined)
    throw new UserError(
      `there is no cluster in ${paths.dir}: point --data to the folder of one, or start one there first`,
    );
  return paths;
}
/** Thrown: UserError where no Endpoints could have it. Source: kubernetes pkg/apis/core/validation ValidateNonSpecialIP. */
function checkAdvertised(address: string | undefined): void {
  if (
    address === undefined ||
    (isIP(address) !== 0 && !/^(0\.0\.0\.0|::1?|127\..*|169\.254\..*|fe80:.*)$/i.test(address))
  )
    return;
  throw new UserError(`--advertise-address takes an address of this machine that pods and nodes reach, not "${address}"`, 2); // prettier-ignore
}
/** Components in this process, against a bus that is somewhere else; until a signal comes. */
export async function run(names: readonly string[], options: RunOptions): Promise<void> {
  const unknown = names.find((c) => !isComponent(c));
  if (unknown !== undefined)
    throw new UserError(`there is no component "${unknown}": choose from ${COMPONENTS.join(', ')}`, 2);
  if (auditArguments(options).length > 0 && !names.includes('apiserver'))
    throw new UserError('--audit-policy-file and the like are for: kubus run apiserver', 2);
  if (Object.keys(authenticationFlags(options)).length > 0 && !names.includes('apiserver'))
    throw new UserError('--authentication-config and the like are for: kubus run apiserver', 2);
  if (Object.keys(authorizationFlags(options)).length > 0 && !names.includes('apiserver'))
    throw new UserError('--authorization-config and the like are for: kubus run apiserver', 2);
  if (options.encryptionConfig !== undefined && !names.includes('apiserver'))
    throw new UserError('--encryption-config is for: kubus run apiserver', 2);
  if (options.encryptionProviderConfigAutomaticReload && options.encryptionConfig === undefined)
    throw new UserError('--encryption-provider-config-automatic-reload goes with: --encryption-config', 2);
  const { maxRequestsInflight, maxMutatingRequestsInflight } = options;
  if ((maxRequestsInflight ?? maxMutatingRequestsInflight) !== undefined && !names.includes('apiserver'))
    throw new UserError('--max-requests-inflight and the like are for: kubus run apiserver', 2);
  if (options.advertiseAddress !== undefined && !names.includes('apiserver'))
    throw new UserError('--advertise-address is for: kubus run apiserver', 2);
  checkAdvertised(options.advertiseAddress);
  if (options.etcdPort !== undefined && !names.includes('etcd'))
    throw new UserError('--etcd-port is for: kubus run etcd', 2);
  if ((options.config ?? options.schedulerPlugin) !== undefined && !names.includes('scheduler'))
    throw new UserError('--config and --scheduler-plugin are for: kubus run scheduler', 2);
  if (options.node !== undefined && !names.includes('nodes')) throw new UserError('--node is for: kubus run nodes', 2);
  if (options.runtime === 'cri' && !joins(names, options))
    throw new UserError('--runtime cri is for a node that joins: kubus run nodes --node NAME --nats URL --token TOKEN --runtime cri', 2); // prettier-ignore
  if (options.proxyMode !== undefined && options.runtime !== 'cri')
    throw new UserError('--proxy-mode is for a node that joins and runs containers: say --runtime cri too', 2);
  if ((options.imageCredentialProviderConfig ?? options.imageCredentialProviderBinDir) !== undefined && options.runtime !== 'cri')
    throw new UserError('--image-credential-provider-config is for a node that joins and runs containers: say --runtime cri too', 2); // prettier-ignore
  checkDns(options, names.includes('dns'), 'kubus run dns');
  if (joins(names, options)) return joinCluster(names, options);
  const components = [...new Set(names)] as ComponentName[];
  const paths = folderOf(options);
  const config = readConfig(paths)!;
  checkInFlight({
    maxRequestsInflight: maxRequestsInflight ?? config.maxRequestsInflight,
    maxMutatingRequestsInflight: maxMutatingRequestsInflight ?? config.maxMutatingRequestsInflight,
  });
  const { dir } = paths;
  const port = options.port ?? config.port;
  if (components.includes('apiserver')) {
    const why = await sharedObstacle(port, options.host, paths.pki);
    if (why !== undefined) throw new UserError(why);
  }
  // Two node agents for one node would undo each other's work.
  if (components.includes('nodes') && options.node === undefined) {
    const pid = isUp(paths);
    if (pid !== undefined && rolesOf(config).includes('nodes'))
      throw new UserError(
        `the nodes of this cluster run already, in process ${pid}: name another with --node NAME, or have more with: kubus scale nodes=${config.nodes + 1}`,
      );
  }
  const etcdWhy = options.etcdPort === undefined ? undefined : await obstacle(options.etcdPort, options.host, '--etcd-port'); // prettier-ignore
  if (etcdWhy !== undefined) throw new UserError(etcdWhy);
  if (options.etcdPort !== undefined) await ensureEtcdPki(paths.pki, [options.host], Date.now());
  const dns = components.includes('dns') ? await settleDns(options, config.dns) : undefined;
  // The name server of this cluster that runs already shares its port.
  if (dns !== undefined && (dns.port !== config.dns?.port || isUp(paths) === undefined)) {
    const why = await dnsObstacle(dns.port, dns.host);
    if (why !== undefined) throw new UserError(why);
  }
  const ingress = components.includes('ingress') ? await settleIngress(options, config.ingressPorts) : undefined;
  // Replicas of a machine share the ports too.
  if (ingress !== undefined && (ingress.http !== config.ingressPorts?.http || isUp(paths) === undefined)) {
    const why = await ingressObstacle(ingress);
    if (why !== undefined) throw new UserError(why);
  }
  // Several of one component may run from one folder: each has a log of its own.
  const replica = `${components.join('-')}-${Math.random().toString(36).slice(2, 7)}`;
  const running = await startProcess({
    name: replica,
    components,
    dir,
    host: options.host,
    advertise: options.advertiseAddress,
    port,
    replica,
    ...(components.length === 1 && { id: replica }),
    nats: options.nats,
    nodes: options.node,
    log: options.log,
    dns,
    ingress,
    encryption: options,
    audit: options,
    authentication: authenticationFlags(options),
    authorization: options,
    scheduler: { schedulerConfig: options.config, schedulerPlugin: options.schedulerPlugin },
    inFlight: { maxRequestsInflight, maxMutatingRequestsInflight },
    ...(options.etcdPort !== undefined && { etcdDoor: { host: options.host, port: options.etcdPort } }),
  });
  const health = options.health === undefined ? undefined : await openHealthDoor(options.health, running.health);
  const signal = untilSignal();
  const first = await Promise.race([running.ready.then(() => 'ready'), running.failed, signal]);
  const told = [...(dns ? [dnsExample(dns)] : []), ...(ingress ? Object.values(ingressUrls(ingress)) : [])];
  if (first === 'ready') print([`running: ${components.join(', ')}`, ...told].join('\n  '));
  const why = first === 'ready' ? await Promise.race([signal, running.failed]) : first;
  const down = first === 'ready' || options.nats !== undefined ? undefined : downHere(paths);
  if (!why.startsWith('SIG')) printError(`kubus: ${why}${down === undefined ? '' : `: ${down.message}`}`);
  health?.close();
  await running.stop();
  process.exit(why.startsWith('SIG') ? 0 : 1);
}
