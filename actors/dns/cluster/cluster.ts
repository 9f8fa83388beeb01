import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { serviceFacts, sliceFacts, type Endpoint, type ServiceFacts, type SliceFacts } from './facts.ts';

/** Something that answers are made from: an answer is good while its version is the one that it was made of. */
export interface Cell {
  version: number;
}
export interface ServiceEntry extends Cell {
  readonly namespace: string;
  readonly name: string;
  /** undefined: there are slices for it, but no such service. */
  facts: ServiceFacts | undefined;
  readonly slices: Map<string, SliceFacts>;
}
export interface Clock {
  now(): number;
}
export const SERVICE_NAME = 'kubernetes.io/service-name';

/** What the cluster's names say, kept by informers: found by name, and by address. */
export class Cluster {
  /** With each change of anything. */
  readonly all: Cell = { version: 0 };
  /** Which namespaces there are. */
  readonly spaces: Cell = { version: 0 };
  /** Which pods have which address. */
  readonly pods: Cell = { version: 0 };
  /** When anything changed last, in seconds since the epoch. */
  changedSeconds: number;
  readonly #clock: Clock;
  /** Each one's version says which services there are in it. */
  readonly #namespaces = new Map<string, Cell>();
  readonly #services = new Map<string, ServiceEntry>();
  readonly #byClusterIp = new Map<string, Set<ServiceEntry>>();
  readonly #byEndpoint = new Map<string, Map<ServiceEntry, number>>();
  readonly #podAddresses = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.changedSeconds = Math.floor(clock.now() / 1_000);
  }
  namespace(name: string): Cell | undefined {
    return this.#namespaces.get(name);
  }
  service(namespace: string, name: string): ServiceEntry | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }
  /** Services with this cluster IP, the first that came first. */
  byClusterIp(address: string): Iterable<ServiceEntry> {
    return this.#byClusterIp.get(address) ?? [];
  }
  byEndpoint(address: string): Iterable<ServiceEntry> {
    return this.#byEndpoint.get(address)?.keys() ?? [];
  }
  hasPod(namespace: string, address: string): boolean {
    return this.#podAddresses.has(`${namespace}/${address}`);
  }

  putNamespace(name: string): void {
    if (this.#namespaces.has(name)) return;
    this.#namespaces.set(name, { version: 0 });
    this.#changed(this.spaces);
  }
  dropNamespace(name: string): void {
    this.#namespaces.delete(name);
    this.#changed(this.spaces);
  }
  putService(service: Service): void {
    const entry = this.#entry(service.metadata.namespace ?? '', service.metadata.name ?? '');
    this.#setFacts(entry, serviceFacts(service));
  }
  dropService(namespace: string, name: string): void {
    const entry = this.service(namespace, name);
    if (entry !== undefined) this.#setFacts(entry, undefined);
  }
  putSlice(slice: EndpointSlice, old?: EndpointSlice): void {
    const { name = '', namespace = '', labels } = slice.metadata;
    // It may be another service's now.
    const owner = labels?.[SERVICE_NAME];
    if (old !== undefined && old.metadata.labels?.[SERVICE_NAME] !== owner) this.dropSlice(old);
    if (owner !== undefined && owner !== '') this.#setSlice(this.#entry(namespace, owner), name, sliceFacts(slice));
  }
  dropSlice({ metadata: { name = '', namespace = '', labels } }: EndpointSlice): void {
    const entry = this.service(namespace, labels?.[SERVICE_NAME] ?? '');
    if (entry !== undefined) this.#setSlice(entry, name, undefined);
  }
  putPod(namespace: string, address: string): void {
    const key = `${namespace}/${address}`;
    this.#podAddresses.set(key, (this.#podAddresses.get(key) ?? 0) + 1);
    this.#changed(this.pods);
  }
  dropPod(namespace: string, address: string): void {
    const key = `${namespace}/${address}`;
    const left = (this.#podAddresses.get(key) ?? 0) - 1;
    if (left > 0) this.#podAddresses.set(key, left);
    else this.#podAddresses.delete(key);
    this.#changed(this.pods);
  }

  #entry(namespace: string, name: string): ServiceEntry {
    const key = `${namespace}/${name}`;
    let entry = this.#services.get(key);
    if (entry === undefined)
      this.#services.set(key, (entry = { namespace, name, version: 0, facts: undefined, slices: new Map() }));
    return entry;
  }
  #setFacts(entry: ServiceEntry, facts: ServiceFacts | undefined): void {
    for (const { text } of clusterIps(entry.facts)) removeFrom(this.#byClusterIp, text, entry);
    for (const { text } of clusterIps(facts)) {
      const known = this.#byClusterIp.get(text);
      if (known === undefined) this.#byClusterIp.set(text, new Set([entry]));
      else known.add(entry);
    }
    const isNews = (entry.facts === undefined) !== (facts === undefined);
    entry.facts = facts;
    this.#changed(entry);
    if (isNews) this.#changed(this.namespace(entry.namespace));
    this.#forgetEmpty(entry);
  }
  #setSlice(entry: ServiceEntry, name: string, facts: SliceFacts | undefined): void {
    for (const { address } of entry.slices.get(name)?.endpoints ?? []) count(this.#byEndpoint, address.text, entry, -1);
    if (facts === undefined) entry.slices.delete(name);
    else entry.slices.set(name, facts);
    for (const { address } of facts?.endpoints ?? []) count(this.#byEndpoint, address.text, entry, 1);
    this.#changed(entry);
    this.#forgetEmpty(entry);
  }
  #forgetEmpty(entry: ServiceEntry): void {
    if (entry.facts === undefined && entry.slices.size === 0) this.#services.delete(`${entry.namespace}/${entry.name}`);
  }
  #changed(cell: Cell | undefined): void {
    if (cell !== undefined) cell.version++;
    this.all.version++;
    this.changedSeconds = Math.floor(this.#clock.now() / 1_000);
  }
}
const clusterIps = (facts: ServiceFacts | undefined) => (facts?.kind === 'clusterIp' ? facts.addresses : []);

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) sets.delete(key);
}
/** A service may have an address several times. */
function count<K, V>(maps: Map<K, Map<V, number>>, key: K, value: V, by: 1 | -1): void {
  let map = maps.get(key);
  if (map === undefined) maps.set(key, (map = new Map<V, number>()));
  const now = (map.get(value) ?? 0) + by;
  if (now > 0) map.set(value, now);
  else map.delete(value);
  if (map.size === 0) maps.delete(key);
}
/** All that are ready, of all families. */
export function* endpointsOf(entry: ServiceEntry): Generator<Endpoint> {
  for (const { endpoints } of entry.slices.values()) yield* endpoints;
}
