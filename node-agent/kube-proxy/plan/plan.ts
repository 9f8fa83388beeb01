import { withPort } from './address.ts';
import { bare, choose, inOrder, type Candidate, type Choice, type Target } from './choose.ts';
import type { ServiceFacts, ServicePort, SliceFacts } from './facts.ts';

/** Which endpoints traffic of a kind goes to; or that it is refused, for there are none, or vanishes, for there are none here. */
export type Way = 'cluster' | 'local' | 'reject' | 'drop';

/** What becomes of the packets to one port of a Service, for one family of addresses. */
export interface PortPlan extends ServicePort, Omit<Choice, 'hasAny'> {
  /** `namespace/name:port`. Source: pkg/proxy ServicePortName.String. */
  readonly text: string;
  /** Of who asks the cluster IP. */
  readonly internal: Way;
  /** Of who asks a node port, an external IP or a load balancer's, and is neither a pod of this node nor the node. */
  readonly external: Way;
  /** All that answer, wherever they are: connections to these are left alone. */
  readonly serving: readonly Target[];
}
export interface ServicePlan {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly ports: readonly PortPlan[];
  /** 0: nobody asks. */
  readonly healthCheckNodePort: number;
  /** Addresses of this node's endpoints that are ready. */
  readonly localReady: number;
}
/** `before`, `after`: undefined where there was, or is, no such Service. */
export interface Change {
  readonly key: string;
  readonly before: ServicePlan | undefined;
  readonly after: ServicePlan | undefined;
}
interface Entry {
  facts: ServiceFacts | undefined;
  readonly slices: Map<string, SliceFacts>;
  plan: ServicePlan | undefined;
}

/**
 * What this node does with the traffic to all Services: facts go in as they change, and only what they touch is made anew.
 * Pure but for what it remembers; it looks the same whatever the order in which facts came.
 */
export class Plan {
  readonly #entries = new Map<string, Entry>();
  readonly #touched = new Set<string>();
  #zone: string | undefined;

  /** Ports of all Services. */
  *all(): Generator<PortPlan> {
    for (const { plan } of this.#entries.values()) if (plan !== undefined) yield* plan.ports;
  }
  *services(): Generator<ServicePlan> {
    for (const { plan } of this.#entries.values()) if (plan !== undefined) yield plan;
  }
  get hasChanges(): boolean {
    return this.#touched.size > 0;
  }
  /** Where this node is; undefined: nobody knows. */
  setZone(zone: string | undefined): void {
    if (zone === this.#zone) return;
    this.#zone = zone;
    for (const key of this.#entries.keys()) this.#touched.add(key);
  }
  putService(facts: ServiceFacts): void {
    this.#entry(facts.key).facts = facts;
    this.#touched.add(facts.key);
  }
  dropService(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.facts === undefined) return;
    entry.facts = undefined;
    this.#touched.add(key);
  }
  putSlice(facts: SliceFacts): void {
    this.#entry(facts.service).slices.set(facts.name, facts);
    this.#touched.add(facts.service);
  }
  dropSlice({ service, name }: Pick<SliceFacts, 'service' | 'name'>): void {
    if (this.#entries.get(service)?.slices.delete(name) === true) this.#touched.add(service);
  }
  /** What has come of the facts since the last call; a Service for which the same comes out is left out. */
  changes(): readonly Change[] {
    const changes: Change[] = [];
    for (const key of this.#touched) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      const before = entry.plan;
      const after = entry.facts === undefined ? undefined : servicePlan(entry.facts, entry.slices, this.#zone);
      entry.plan = after;
      if (entry.facts === undefined && entry.slices.size === 0) this.#entries.delete(key);
      if (!isSame(before, after)) changes.push({ key, before, after });
    }
    this.#touched.clear();
    return changes;
  }
  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = { facts: undefined, slices: new Map(), plan: undefined }));
    return entry;
  }
}
function servicePlan(
  facts: ServiceFacts,
  slices: ReadonlyMap<string, SliceFacts>,
  zone: string | undefined,
): ServicePlan {
  const found = [...slices.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const localReady = new Set<string>();
  const ports = facts.ports.map((port) => {
    const candidates = candidatesFor(port, found);
    for (const { of } of candidates) if (of.isLocal && of.isReady) localReady.add(of.ip);
    const { hasAny, ...choice } = choose(port, candidates, zone);
    const way = (isLocal: boolean): Way =>
      !hasAny ? 'reject' : !isLocal ? 'cluster' : choice.local.length > 0 ? 'local' : 'drop';
    const isAll = choice.reachable.length === candidates.length && candidates.every(({ of }) => of.isServing);
    return {
      ...port,
      ...choice,
      text: `${port.service}${port.portName === '' ? '' : `:${port.portName}`}`,
      internal: way(port.isInternalLocal),
      external: way(port.isExternalLocal),
      // In most cases the same, and kept once.
      serving: isAll ? choice.reachable : bare(candidates.filter(({ of }) => of.isServing)),
    };
  });
  return { key: facts.key, uid: facts.uid, ports, healthCheckNodePort: facts.ports[0]?.healthCheckNodePort ?? 0, localReady: localReady.size }; // prettier-ignore
}
/** Each address and port once: who is not ending goes before who is, for an address may already be another pod's. */
function candidatesFor(
  { portName, protocol, family }: ServicePort,
  slices: readonly SliceFacts[],
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { name, protocol: speaks, port } of slice.ports) {
      if (name !== portName || speaks !== protocol) continue;
      for (const of of slice.endpoints) {
        const text = withPort(of.ip, port);
        if (of.isTerminating && found.has(text)) continue;
        found.set(text, { ip: of.ip, port, isLocal: of.isLocal, text, of });
      }
    }
  }
  return inOrder([...found.values()]);
}
function isSame(a: ServicePlan | undefined, b: ServicePlan | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}
