import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { IPAddress } from '../../../schemas/generated/networking-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import { services } from '../../runtime/resources.ts';
import { MANAGED_BY, MANAGER, FAMILY, type Addresses } from './addresses.ts';
import type { AllocationContext } from './context.ts';
import { formatAddress, parseAddress, type Family } from './ip.ts';
import { createRecorder } from './recorder.ts';

/** A claim without a service may belong to a create that is under way; after so long it is a leftover. */
const LEFTOVER_MS = 60_000;
/** So long a claim may be there before the service says so. */
const SETTLING_MS = 5_000;
/** What changes together is looked at together. */
const GATHER_MS = 100;
const RETRY_MS = 1_000;
const MOST_TRIES = 15;
type Kind = 'service' | 'address';
interface Due {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly at: number;
  readonly tries: number;
}

/**
 * Keeps addresses of services and IPAddress objects in step, both ways, and tells by events what it found: at once after a
 * change, and of all in rounds. Source: kubernetes pkg/registry/core/service/ipallocator/controller/repairip.go.
 */
export class AddressRepair {
  readonly #context: AllocationContext;
  readonly #addresses: Addresses;
  readonly #recorder;
  readonly #due = new Map<string, Due>();
  readonly #ends: (() => void)[] = [];
  #timer:
    { readonly id: ReturnType<AllocationContext['world']['clock']['setTimeout']>; readonly at: number } | undefined;
  #stopped = false;
  constructor(context: AllocationContext, addresses: Addresses) {
    this.#context = context;
    this.#addresses = addresses;
    this.#recorder = createRecorder(context, 'ipallocator-repair-controller');
  }
  /** From now on changes are followed. */
  begin(): void {
    const { cache } = this.#context;
    const follow = (kind: Kind) => (object: DynamicObject | undefined) => {
      if (object !== undefined)
        this.#later(kind, object.metadata.namespace ?? '', object.metadata.name ?? '', GATHER_MS);
    };
    this.#ends.push(
      cache.onChange(this.#services, follow('service')),
      cache.onChange(this.#addresses.resource, follow('address')),
    );
  }
  stop(): void {
    this.#stopped = true;
    for (const end of this.#ends.splice(0)) end();
    if (this.#timer !== undefined) this.#context.world.clock.clearTimeout(this.#timer.id);
  }
  /** Looks at all there is. Resolves with the count of repairs. */
  async all(): Promise<number> {
    let repairs = 0;
    for (const service of Array.from(this.#context.cache.list<Service>(this.#services)))
      repairs += await this.#checkService(service);
    for (const claim of Array.from(this.#context.cache.list<IPAddress>(this.#addresses.resource)))
      repairs += await this.#checkAddress(claim);
    return repairs;
  }

  get #services() {
    return this.#context.registry.lookup(services)!;
  }
  #later(kind: Kind, namespace: string, name: string, ms: number, tries = 0): void {
    if (this.#stopped) return;
    const at = this.#context.world.clock.now() + ms;
    const key = `${kind} ${namespace}/${name}`;
    const known = this.#due.get(key);
    if (known !== undefined && known.at <= at) return;
    this.#due.set(key, { kind, namespace, name, at, tries });
    this.#schedule(at);
  }
  #schedule(at: number): void {
    const { clock } = this.#context.world;
    if (this.#stopped || (this.#timer !== undefined && this.#timer.at <= at)) return;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer.id);
    const run = (): void => {
      this.#timer = undefined;
      void this.#work();
    };
    this.#timer = { id: clock.setTimeout(run, Math.max(0, at - clock.now())), at };
  }
  async #work(): Promise<void> {
    const { world, cache } = this.#context;
    const now = world.clock.now();
    for (const [key, due] of Array.from(this.#due)) {
      if (due.at > now || this.#stopped) continue;
      this.#due.delete(key);
      try {
        if (due.kind === 'service') {
          const service = cache.get<Service>(this.#services, due.namespace, due.name);
          if (service !== undefined) await this.#checkService(service);
        } else {
          const claim = cache.get<IPAddress>(this.#addresses.resource, '', due.name);
          if (claim !== undefined) await this.#checkAddress(claim);
        }
      } catch (error) {
        if (due.tries < MOST_TRIES)
          this.#later(due.kind, due.namespace, due.name, RETRY_MS * (due.tries + 1), due.tries + 1);
        else world.log.warn('a claim of a service could not be repaired', { object: { name: due.name }, err: error });
      }
    }
    const next = Math.min(...[...this.#due.values()].map(({ at }) => at));
    if (next < Infinity) this.#schedule(next);
  }

  /** That each address of the service is claimed by an IPAddress that names it. */
  async #checkService(service: Service): Promise<number> {
    const { metadata, spec } = service;
    const { name = '', namespace = '' } = metadata;
    if (!spec?.clusterIP || spec.clusterIP === 'None') return 0;
    let repairs = 0;
    const warn = (reason: string, note: string): void => this.#recorder.warn(service, reason, 'ClusterIPAllocation', note);
    for (const text of spec.clusterIPs ?? []) {
      const parsed = parseAddress(text);
      if (parsed === undefined) {
        this.#recorder.warn(service, 'ClusterIPNotValid', 'ClusterIPValidation', 'Cluster IP <nil> is not a valid IP; please recreate Service');
        continue;
      }
      const { family } = parsed;
      const address = formatAddress(family, parsed.value);
      if (!this.#addresses.isOffered(parsed)) {
        warn('ClusterIPOutOfRange', `Cluster IP [${family}]: ${address} is not within any configured Service CIDR; please recreate service`);
        continue;
      }
      const claim = this.#addresses.present(address);
      if (claim === undefined) {
        warn('ClusterIPNotAllocated', `Cluster IP [${family}]: ${address} is not allocated; repairing`);
        if (await this.#addresses.create(family, address, { namespace, name })) repairs++;
        continue;
      }
      const wrong = this.#wrongReference(claim, service);
      if (wrong === 'other') {
        warn('ClusterIPAlreadyAllocated', `Cluster IP [${family}]:${address} was assigned to multiple services; please recreate service`);
      } else if (wrong === 'stale')
        warn('ClusterIPNotAllocated', `the ClusterIP [${family}]: ${address} for Service ${namespace}/${name} has a wrong reference; repairing`);
      if (wrong === 'stale' || !isLabelled(claim, family)) {
        await this.#addresses.release(address);
        if (await this.#addresses.create(family, address, { namespace, name })) repairs++;
      }
    }
    return repairs;
  } // prettier-ignore
  /** `stale`: it names nothing that has a right to it; `other`: a service that has the address too. */
  #wrongReference(claim: IPAddress, service: Service): 'stale' | 'other' | undefined {
    const parent = claim.spec?.parentRef;
    const { name, namespace } = service.metadata;
    if (parent === undefined || parent.group || parent.resource !== 'services') return 'stale';
    if (parent.namespace === namespace && parent.name === name) return undefined;
    const other = this.#context.cache.get<Service>(this.#services, parent.namespace ?? '', parent.name ?? '');
    if (other === undefined) return 'stale';
    return other.spec?.clusterIPs?.includes(claim.metadata.name ?? '') ? 'other' : undefined;
  }
  /** That a claim of ours belongs to a service that has the address. */
  async #checkAddress(claim: IPAddress): Promise<number> {
    const { name: address = '', labels } = claim.metadata;
    if (labels?.[MANAGED_BY] !== MANAGER) return 0;
    const warn = (reason: string, note: string): void => this.#recorder.warn(claim, reason, 'IPAddressAllocation', note);
    const parent = claim.spec?.parentRef;
    if (parent === undefined || parent.group || parent.resource !== 'services') {
      const { group = '', resource = '', namespace = '', name = '' } = parent ?? {};
      warn('IPAddressNotAllocated', `IPAddress ${address} appears to have been modified, not referencing a Service &ParentReference{Group:${group},Resource:${resource},Namespace:${namespace},Name:${name},}: cleaning up`);
      await this.#addresses.release(address);
      return 1;
    }
    const { namespace = '', name = '' } = parent;
    const now = this.#context.world.clock.now();
    const created = parseTime(claim.metadata.creationTimestamp ?? '') ?? now;
    const wait = (ms: number): 0 => {
      this.#later('address', '', address, ms);
      return 0;
    };
    const service = this.#context.cache.get<Service>(this.#services, namespace, name);
    if (service === undefined) {
      if (now - created <= LEFTOVER_MS) return wait(LEFTOVER_MS - (now - created) + GATHER_MS);
      warn('IPAddressNotAllocated', `IPAddress: ${address} for Service ${namespace}/${name} appears to have leaked: cleaning up`);
      await this.#addresses.release(address);
      return 1;
    }
    if (service.spec?.clusterIPs?.includes(address)) return 0;
    // A service that stops being external is given its address before it says so.
    if (service.spec?.type === 'ExternalName' && now - created < LEFTOVER_MS) return wait(LEFTOVER_MS - (now - created));
    // So is one that is written anew.
    const born = parseTime(service.metadata.creationTimestamp ?? '') ?? 0;
    if (created > born && now - created < SETTLING_MS) return wait(SETTLING_MS);
    warn('IPAddressWrongReference', `IPAddress: ${address} for Service ${namespace}/${name} has a wrong reference; cleaning up`);
    await this.#addresses.release(address);
    return 1;
  } // prettier-ignore
}
const isLabelled = ({ metadata }: IPAddress, family: Family): boolean =>
  metadata.labels?.[MANAGED_BY] === MANAGER && metadata.labels[FAMILY] === family;
