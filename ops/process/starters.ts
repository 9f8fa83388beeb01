import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../actors/runtime/component.ts';
import { createInspection, type Inspection } from '../../actors/runtime/inspection.ts';
import type { Bus } from '../../bus/bus.ts';
import type { KeepValue } from '../../bus/kept-values.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import { auditOf } from '../cluster/audit.ts';
import { authenticationOf } from '../cluster/authentication.ts';
import { authorizationOf } from '../cluster/authorization.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { encryptionOf } from '../cluster/encryption.ts';
import { schedulerSettings } from '../cluster/scheduler.ts';
import { addressAt, HOST_PLACE } from '../machine/ranges.ts';
import { addonOf, addonsOf } from './addons.ts';
import { readCredentials, readJointCredentials, readNodeAuthority } from './credentials.ts';
import type { HandedConnections } from './handed-connections.ts';
import type { ComponentName, CoreComponent, ProcessSpec } from './spec.ts';

/** What a component of a process is started with. */
interface Context {
  readonly spec: ProcessSpec;
  readonly config: ClusterConfig;
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly nodes: readonly string[];
  readonly connections: HandedConnections | undefined;
  /** Undefined where store and API server are not of one thread. */
  readonly keepValue: KeepValue | undefined;
  readonly onPodCIDRs: ((podCIDRs: readonly string[]) => void) | undefined;
}
/** Folders of an older version have none: their API servers believe no proxy. */
function frontProxyOf(c: Context): Record<'ca' | 'cert' | 'key', string> | undefined {
  if (!existsSync(join(c.spec.dir, 'pki', 'front-proxy-client.crt'))) return undefined;
  const own = (name: string): string => file(c, 'apiserver', 'pki', `front-proxy-${name}`);
  return { ca: own('ca.crt'), cert: own('client.crt'), key: own('client.key') };
}
/** Thrown: UserError that names the file and whose it is. */
function file(c: Context, component: ComponentName, ...path: string[]): string {
  const place = join(c.spec.dir, ...path);
  try {
    return readFileSync(place, 'utf8');
  } catch (error) {
    throw new UserError(
      `${place} cannot be read (${(error as NodeJS.ErrnoException).code}): the ${component} needs it; copy it from the folder of the cluster`,
    );
  }
}

/** With an inspection that lives as long as the component. */
function inspected(c: Context, component: string, start: (inspection: Inspection) => Component): Component {
  const inspection = createInspection({ world: c.world, bus: c.bus, component, id: c.id });
  const started = start(inspection);
  return {
    name: started.name,
    id: started.id,
    ready: started.ready,
    state: () => started.state(),
    stop: () => started.stop().finally(() => inspection.close()),
  };
}
/** Of the disk of the cluster's folder; Infinity where that cannot be told. */
const freeBytesOf = (dir: string) => (): number => {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
};

/** Whether nodes are a cloud's. */
const cloudProviderOf = ({ config }: Context): 'external' | undefined =>
  addonsOf(config).includes('cloud') ? 'external' : undefined;

/** By which pods and nodes reach the API server of this process; undefined: it says one of this machine's by itself. */
async function advertisedAddress({ spec, config }: Context): Promise<string | undefined> {
  if (spec.advertise !== undefined) return spec.advertise;
  if (config.machine !== undefined) return addressAt(config.machine.range, HOST_PLACE);
  if (config.listen !== undefined) return config.listen;
  if (spec.host !== '0.0.0.0' && spec.host !== '::') return undefined;
  const { addressTowards } = await import('./own-address.ts');
  return addressTowards(spec.nats?.split(',') ?? readCredentials(spec.dir, 'apiserver').urls);
}

/** How each component is started; imported when it is, so that a process loads only what it runs. */
const STARTERS: Readonly<Record<CoreComponent, (c: Context) => Promise<Component>>> = {
  etcd: async (c) => {
    const [{ startEtcd }, { openNatsLog }, { natsConnectionOf }] = await Promise.all([
      import('../../actors/etcd/actor.ts'),
      import('../../bus/nats/log.ts'),
      import('../../bus/nats/connect.ts'),
    ]);
    const log = await openNatsLog({
      connection: natsConnectionOf(c.bus),
      world: c.world,
      durable: !c.config.ephemeral,
    });
    const snapshotDir = join(c.spec.dir, 'snapshots');
    return inspected(c, 'etcd', (inspection) =>
      startEtcd({
        world: c.world,
        bus: c.bus,
        id: c.id,
        keepValue: c.keepValue,
        log,
        snapshotDir,
        freeBytes: freeBytesOf(c.spec.dir),
        door: c.spec.etcdDoor && {
          ...c.spec.etcdDoor,
          ca: file(c, 'etcd', 'pki', 'etcd', 'ca.crt'),
          cert: file(c, 'etcd', 'pki', 'etcd', 'server.crt'),
          key: file(c, 'etcd', 'pki', 'etcd', 'server.key'),
        },
        inspection,
      }),
    );
  },
  apiserver: async (c) => {
    const { startApiserver } = await import('../../actors/apiserver/actor.ts');
    const { sourceOfPods } = await import('../machine/api-servers.ts');
    const { accountTokensKeyIn } = await import('../pki/account-tokens.ts');
    const encryption = await encryptionOf(c.spec.dir, c.spec.encryption ?? {}, c.world.log);
    const audit = await auditOf(c.spec.dir, c.spec.audit ?? {});
    const authentication = await authenticationOf(c.spec.dir, c.spec.authentication ?? {});
    const authorization = await authorizationOf(c.spec.dir, c.spec.authorization ?? {}, c.world.log);
    const proxy = frontProxyOf(c);
    const advertiseAddress = await advertisedAddress(c);
    const start = (inspection: Inspection): Component =>
      startApiserver({
        inspection,
        world: c.world,
        bus: c.bus,
        id: c.id,
        keepValue: c.keepValue,
        https: {
          host: c.spec.host,
          port: c.spec.port ?? c.config.port,
          key: file(c, 'apiserver', 'pki', 'apiserver.key'),
          cert: file(c, 'apiserver', 'pki', 'apiserver.crt'),
          clientCa: file(c, 'apiserver', 'pki', 'ca.crt'),
          frontProxyCa: proxy?.ca,
          connections: c.connections,
        },
        ...(proxy && { frontProxy: proxy }),
        reusePort: true,
        replica: c.spec.replica,
        serviceAccountKey: file(c, 'apiserver', 'pki', 'sa.key'),
        secretTokensKey: accountTokensKeyIn(join(c.spec.dir, 'pki')),
        encryption,
        audit,
        authentication,
        authorization,
        maxRequestsInFlight: c.spec.inFlight?.maxRequestsInflight ?? c.config.maxRequestsInflight,
        maxMutatingRequestsInFlight:
          c.spec.inFlight?.maxMutatingRequestsInflight ?? c.config.maxMutatingRequestsInflight,
        enableAdmission: c.config.enableAdmission,
        disableAdmission: c.config.disableAdmission,
        serviceCidrs: c.config.serviceCidrs,
        advertiseAddress,
        sourceOf: sourceOfPods(c.config),
        servesMetrics: addonsOf(c.config).includes('metrics'),
      });
    return inspected(c, 'apiserver', start);
  },
  'controller-manager': async (c) => {
    const { startControllerManager } = await import('./controller-manager.ts');
    const clusterCa = file(c, 'controller-manager', 'pki', 'ca.crt');
    const [{ readRequest, signerIn }, { tokenIssuerIn }] = await Promise.all([
      import('../pki/signing.ts'),
      import('../pki/account-tokens.ts'),
    ]);
    const pki = join(c.spec.dir, 'pki');
    const [signer, issueToken] = [signerIn(pki), tokenIssuerIn(pki)];
    const { clusterCidrs, serviceCidrs, nodeMasks } = c.config;
    return startControllerManager({ world: c.world, bus: c.bus, id: c.id, clusterCa, signer, readRequest, issueToken, clusterCidrs, serviceCidrs, nodeMasks }); // prettier-ignore
  },
  scheduler: async (c) => {
    const settings = await schedulerSettings(c.spec.dir, c.spec.scheduler ?? {}, c.world.log);
    return (await import('./scheduler.ts')).startSchedulerProcess({ world: c.world, bus: c.bus, id: c.id, settings });
  },
  'node-authenticator': async (c) => {
    const [{ startNodeAuthenticator }, { createNodeGate }] = await Promise.all([
      import('../../actors/node-authenticator/actor.ts'),
      import('../../bus/nats/node-gate.ts'),
    ]);
    const { urls, ca } = c.spec.joint
      ? readJointCredentials(c.spec.dir)
      : readCredentials(c.spec.dir, 'node-authenticator');
    const servers = { urls: c.spec.nats?.split(',') ?? urls, ca };
    const gate = createNodeGate({ bus: c.bus, world: c.world, authority: readNodeAuthority(c.spec.dir), servers });
    // Folders of an older version have none: there no certificate is believed.
    const hasCa = existsSync(join(c.spec.dir, 'pki', 'ca.crt'));
    const clusterCa = hasCa ? file(c, 'node-authenticator', 'pki', 'ca.crt') : undefined;
    return startNodeAuthenticator({ world: c.world, bus: c.bus, id: c.id, gate, clusterCa, cloudProvider: cloudProviderOf(c) }); // prettier-ignore
  },
  'certificate-signer': async (c) => {
    const [{ startCertificateSigner }, { signerIn }] = await Promise.all([
      import('./certificate-signer.ts'),
      import('../pki/signing.ts'),
    ]);
    // Now, and not with the first request, it is told what is missing.
    for (const name of ['ca.crt', 'ca.key']) file(c, 'certificate-signer', 'pki', name);
    const signer = signerIn(join(c.spec.dir, 'pki'))!;
    return startCertificateSigner({ world: c.world, bus: c.bus, id: c.id, signer });
  },
  nodes: async (c) => {
    if (c.spec.real !== undefined) {
      const { startRealNode } = await import('./real-node.ts');
      const { real } = c.spec;
      return startRealNode({
        world: c.world,
        bus: c.bus,
        id: c.id,
        node: {
          name: real.name,
          ip: real.ip,
          secondIP: real.secondIP,
          knowsIP: true,
          cloudProvider: cloudProviderOf(c),
        },
        apiServers: real.apiServers,
        proxyMode: c.config.proxyMode,
        credentialProviders: c.config.credentialProviders,
        cgroup: real.cgroup,
        cniPlugins: real.cniPlugins,
        clusterDomain: c.config.dns?.domain,
        onPodCIDRs: c.onPodCIDRs,
      });
    }
    return (await import('./nodes.ts')).startNodes({
      world: c.world,
      bus: c.bus,
      id: c.id,
      nodes: c.nodes.map((name) => ({ name })),
      podCIDRs: c.config.clusterCidrs || c.config.nodeMasks ? 'byCluster' : c.spec.podCIDRs,
      cloudProvider: cloudProviderOf(c),
    });
  },
};
/** Starts what the name says with what it needs of the cluster's folder. Thrown: UserError that names a file it lacks. */
export const startComponent = (name: ComponentName, c: Context): Promise<Component> =>
  addonOf(name)?.start({
    world: c.world,
    bus: c.bus,
    id: c.id,
    config: c.config,
    dir: c.spec.dir,
    dns: c.spec.dns,
    ingress: c.spec.ingress,
  }) ?? STARTERS[name as CoreComponent](c);
