/**
 * Addresses and ports of services. `createAllocation(context)` returns the StorageHook of services, and `repair()` to be
 * run after start and now and then: it makes claims that services lack and drops those that no service has.
 * `storeClaims(store)` keeps port claims in the store. Source: kubernetes pkg/registry/core/service/storage.
 */
import { needsHealthCheckPort, needsNodePort } from '../../../schemas/core/service-kinds.ts';
import { adoptAllocated, normalizeAddresses } from '../../../schemas/core/service-linked.ts';
import type { Service, ServicePort } from '../../../schemas/generated/core-v1.ts';
import { fieldPath, invalid, type FieldError } from '../../../schemas/meta/field.ts';
import { invalidError } from '../../../schemas/meta/invalid.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import { endpoints } from '../../runtime/resources.ts';
import { internalError } from '../errors.ts';
import type { Finish, StorageHook } from '../request.ts';
import { Addresses, AddressError, addressesOf, type ServiceRef } from './addresses.ts';
import type { AllocationContext } from './context.ts';
import { keepsPreferDualStack, settleFamilies } from './families.ts';
import type { Family } from './ip.ts';
import { allocationMetrics } from './metrics.ts';
import { AddressRepair } from './repair.ts';
import { NodePorts, PortError, portsOf, type PortOperation } from './ports.ts';

export { storeClaims } from './store-claims.ts';

export interface Allocation extends StorageHook {
  beginCreate(object: DynamicObject, dryRun: boolean): Promise<Finish>;
  beginUpdate(object: DynamicObject, old: DynamicObject, dryRun: boolean): Promise<Finish>;
  afterDelete(object: DynamicObject): Promise<void>;
  /** Makes claims that services lack, drops those that no service has; of all, and from then on after each change. */
  repair(): Promise<void>;
  stop(): void;
}
const at = fieldPath('spec');
const refuse = (service: Service, errors: readonly FieldError[]): void => {
  if (errors.length > 0) throw invalidError('', 'Service', service.metadata.name ?? '', errors);
};

export function createAllocation(context: AllocationContext): Allocation {
  const counts = allocationMetrics(context.metrics, () => addresses.usage(), () => ports.usage); // prettier-ignore
  const addresses = new Addresses(context, counts);
  const ports = new NodePorts(context, counts);
  const repairs = new AddressRepair(context, addresses);
  const { world } = context;
  let begun = false;
  const refOf = (service: Service): ServiceRef => ({
    namespace: service.metadata.namespace ?? '',
    name: service.metadata.name ?? '',
  });

  /** Claims an address for each family from `from` on; what it claimed is appended to `claimed`. */
  const claimAddresses = async (service: Service, from: number, dryRun: boolean, claimed: string[]): Promise<void> => {
    const spec = service.spec!;
    // A second address is added to whatever the first now is; validation sees to it.
    if (from === 0 && (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None')) return;
    const families = (spec.ipFamilies ?? []) as Family[];
    const ips = [...(spec.clusterIPs ?? [])];
    while (ips.length < families.length) ips.push('');
    const chosen = [...ips];
    for (const [i, family] of families.entries()) {
      if (i < from) continue;
      const wanted = ips[i]!;
      try {
        if (wanted === '') chosen[i] = await addresses.next(family, refOf(service), dryRun);
        else await addresses.claim(wanted, refOf(service), dryRun);
      } catch (error) {
        if (!(error instanceof AddressError)) throw error;
        if (error.isFull)
          throw internalError(`failed to allocate a serviceIP for Service ${JSON.stringify(service.metadata.name ?? '')}: ${error.message}`); // prettier-ignore
        const text = wanted === '' ? 'failed to allocate IP' : `failed to allocate IP ${wanted}`;
        refuse(service, [invalid(at('clusterIPs'), ips, `${text}: ${error.message}`)]);
      }
      if (!dryRun) claimed.push(chosen[i]!);
    }
    spec.clusterIPs = chosen;
    if (from === 0 && chosen[0] !== undefined) spec.clusterIP = chosen[0];
  };
  const undo = async (claimed: readonly string[], operation: PortOperation): Promise<void> => {
    const outcomes = await Promise.allSettled([
      ...claimed.map((address) => addresses.release(address)),
      operation.finish(false),
    ]);
    // What could not be given back now is given back by the next repair.
    for (const o of outcomes)
      if (o.status === 'rejected') world.log.warn('a claim was left behind', { err: o.reason as unknown });
  };
  const done = async (released: readonly string[], operation: PortOperation): Promise<void> => {
    const outcomes = await Promise.allSettled([
      ...released.map((address) => addresses.release(address)),
      operation.finish(true),
    ]);
    for (const o of outcomes)
      if (o.status === 'rejected') world.log.warn('a claim was left behind', { err: o.reason as unknown });
  };

  return {
    async beginCreate(object, dryRun) {
      const service = object as unknown as Service;
      service.spec ??= {};
      normalizeAddresses(service, undefined);
      refuse(service, settleFamilies(service, undefined, addresses.families));
      const operation = ports.begin(ownerOf(service), dryRun);
      const claimed: string[] = [];
      try {
        await claimAddresses(service, 0, dryRun, claimed);
        if (needsNodePort(service)) await claimNewPorts(service, operation);
        if (needsHealthCheckPort(service)) await claimHealthPort(service, operation);
      } catch (error) {
        await undo(claimed, operation);
        throw error;
      }
      return (committed) => (committed ? done([], operation) : undo(claimed, operation));
    },
    async beginUpdate(object, before, dryRun) {
      const service = object as unknown as Service;
      const old = before as unknown as Service;
      service.spec ??= {};
      adoptAllocated(service, old);
      normalizeAddresses(service, old);
      refuse(service, settleFamilies(service, old, addresses.families));
      const operation = ports.begin(ownerOf(service), dryRun);
      const claimed: string[] = [];
      const released: string[] = [];
      try {
        await updateAddresses(service, old);
        await updatePorts(service, old, operation);
      } catch (error) {
        await undo(claimed, operation);
        throw error;
      }
      return (committed) => (committed ? done(dryRun ? [] : released, operation) : undo(claimed, operation));

      async function updateAddresses(next: Service, was: Service): Promise<void> {
        const [spec, oldSpec] = [next.spec!, was.spec ?? {}];
        if (keepsPreferDualStack(spec, oldSpec)) return;
        if (oldSpec.type === 'ExternalName' && spec.type !== 'ExternalName')
          return claimAddresses(next, 0, dryRun, claimed);
        if (oldSpec.clusterIPs?.[0] === 'None') return;
        if (oldSpec.type !== 'ExternalName' && spec.type === 'ExternalName') {
          released.push(...addressesOf(was));
          return;
        }
        const [before, after] = [oldSpec.ipFamilies?.length ?? 0, spec.ipFamilies?.length ?? 0];
        if (before === 1 && after === 2) await claimAddresses(next, 1, dryRun, claimed);
        if (before === 2 && after === 1) released.push(...(oldSpec.clusterIPs ?? []).slice(1));
      }
    },
    async afterDelete(object) {
      const service = object as unknown as Service;
      const name = service.metadata.name ?? '';
      const outcomes = await Promise.allSettled([
        ...addressesOf(service).map((address) => addresses.release(address)),
        ports.release(portsOf(service)),
        // So that a new service of that name does not begin with the addresses of the old.
        context.loopback
          .delete(context.registry.lookup(endpoints)!, service.metadata.namespace ?? '', name)
          .catch((error: unknown) => {
            if (reasonOf(error) !== 'NotFound') throw error;
          }),
      ]);
      for (const o of outcomes)
        if (o.status === 'rejected') world.log.warn('a claim was left behind', { err: o.reason as unknown });
    },
    async repair() {
      await context.fresh();
      const [addressRepairs, portRepairs] = await Promise.all([repairs.all(), ports.repair()]);
      if (!begun) repairs.begin();
      begun = true;
      if (addressRepairs + portRepairs > 0)
        world.log.info('service claims repaired', { addresses: addressRepairs, ports: portRepairs });
    },
    stop: () => repairs.stop(),
  };
}
const ownerOf = (service: Service): string => `${service.metadata.namespace ?? ''}/${service.metadata.name ?? ''}`;
const portAt = (i: number) => at('ports')(i)('nodePort');

async function takePort(service: Service, operation: PortOperation, i: number, port: number): Promise<void> {
  try {
    await operation.take(port);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    refuse(service, [invalid(portAt(i), port, error.message)]);
  }
}
async function anyPort(operation: PortOperation, what = 'nodePort'): Promise<number> {
  try {
    return await operation.next();
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw internalError(`failed to allocate a ${what}: ${error.message}`);
  }
}
const mayAllocate = (service: Service): boolean =>
  service.spec?.type === 'NodePort' ||
  (service.spec?.type === 'LoadBalancer' && service.spec.allocateLoadBalancerNodePorts !== false);

/** Ports of one number and several protocols share a node port. */
async function claimNewPorts(service: Service, operation: PortOperation): Promise<void> {
  const list = service.spec?.ports ?? [];
  const chosen = new Map<number, number>();
  for (const [i, port] of list.entries()) {
    if (!port.nodePort && !mayAllocate(service)) continue;
    const shared = chosen.get(port.port);
    if (shared === undefined) {
      const asked = list.find((p: ServicePort) => p.port === port.port && p.nodePort)?.nodePort;
      if (asked) await takePort(service, operation, i, asked);
      port.nodePort = asked || (await anyPort(operation));
      chosen.set(port.port, port.nodePort);
    } else if (!port.nodePort) port.nodePort = shared;
    else if (port.nodePort !== shared) await takePort(service, operation, i, port.nodePort);
  }
}
async function claimHealthPort(service: Service, operation: PortOperation): Promise<void> {
  const asked = service.spec!.healthCheckNodePort ?? 0;
  if (asked === 0) {
    service.spec!.healthCheckNodePort = await anyPort(operation, 'HealthCheck NodePort 0');
    return;
  }
  try {
    await operation.take(asked);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw internalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${error.message}`);
  }
}

async function updatePorts(service: Service, old: Service, operation: PortOperation): Promise<void> {
  const [wants, wanted] = [needsNodePort(service), needsNodePort(old)];
  const before = (old.spec?.ports ?? []).map((p) => p.nodePort ?? 0).filter((p) => p !== 0);
  if (wanted && !wants) for (const port of before) operation.releaseLater(port);
  if (wants) {
    const seen = new Set<string>();
    const taken = new Set<number>();
    for (const [i, port] of (service.spec?.ports ?? []).entries()) {
      if (!port.nodePort) {
        if (!mayAllocate(service)) continue;
        port.nodePort = await anyPort(operation);
      } else if (!before.includes(port.nodePort) && !taken.has(port.nodePort)) {
        await takePort(service, operation, i, port.nodePort);
        taken.add(port.nodePort);
      }
      const id = `${port.protocol ?? 'TCP'} ${port.nodePort}`;
      if (seen.has(id)) throw new ApiError('', `duplicate nodePort: {${port.protocol ?? 'TCP'} ${port.nodePort}}`);
      seen.add(id);
    }
    const after = new Set((service.spec?.ports ?? []).map((p) => p.nodePort ?? 0));
    for (const port of before) if (!after.has(port)) operation.releaseLater(port);
  }
  const [health, healthBefore] = [needsHealthCheckPort(service), needsHealthCheckPort(old)];
  if (health && !healthBefore) await claimHealthPort(service, operation);
  if (!health && healthBefore && old.spec?.healthCheckNodePort) operation.releaseLater(old.spec.healthCheckNodePort);
}
