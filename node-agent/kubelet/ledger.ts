import type { Pod } from '../../schemas/generated/core-v1.ts';
import { hostPorts, podRequests, type Amounts, type HostPort } from '../../schemas/helpers/pod-resources.ts';

/** What the pods of one node take from it, kept as sums so that admitting a pod costs the same on a full node. */
export class Ledger {
  readonly used: Amounts = new Map();
  readonly ports = new Map<string, readonly HostPort[]>();
  /** Pods that wait for room, by uid, and what has them look again. */
  readonly waiting = new Map<string, () => void>();
  readonly #requests = new Map<string, Amounts>();

  get pods(): number {
    return this.#requests.size;
  }
  add(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    this.remove(uid);
    const requests = podRequests(pod);
    this.#requests.set(uid, requests);
    for (const [name, n] of requests) this.used.set(name, (this.used.get(name) ?? 0) + n);
    const ports = hostPorts(pod);
    if (ports.length > 0) this.ports.set(uid, ports);
  }
  remove(uid: string): void {
    for (const [name, n] of this.#requests.get(uid) ?? []) this.used.set(name, (this.used.get(name) ?? 0) - n);
    this.#requests.delete(uid);
    this.ports.delete(uid);
  }
  /** It takes nothing any more, nor waits; those that wait look again. */
  give(uid: string): void {
    this.remove(uid);
    this.waiting.delete(uid);
    for (const look of this.waiting.values()) look();
  }
}
