import { RCODE, TYPE } from '../wire/codes.ts';
import type { Message, RecordPlace } from '../wire/message.ts';

/** Seconds. Source: kubeadm's Corefile (`cache 30`); coredns plugin/cache for failures. */
const MAX_TTL = 30;
const FAILURE_TTL = 5;
/** As many as CoreDNS keeps. */
const MAX_ENTRIES = 9_984;
const MAX_BYTES = 16 << 20;

export interface Cached {
  readonly message: Message;
  /** Milliseconds of the same clock as `now`. */
  readonly since: number;
  readonly until: number;
}
/** What others said, for as long as they allow, and no longer than half a minute. */
export class ForwardCache {
  readonly #now: () => number;
  readonly #entries = new Map<string, Cached>();
  #bytes = 0;
  constructor(now: () => number) {
    this.#now = now;
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: string): Cached | undefined {
    const found = this.#entries.get(key);
    if (found === undefined || found.until > this.#now()) return found;
    this.#drop(key, found);
    return undefined;
  }
  put(key: string, message: Message): Cached {
    const since = this.#now();
    const entry = { message, since, until: since + ttlOf(message) * 1_000 };
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    if (entry.until === since) return entry;
    this.#entries.set(key, entry);
    this.#bytes += message.bytes.length;
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest, old);
    }
    return entry;
  }
  #drop(key: string, { message }: Cached): void {
    this.#entries.delete(key);
    this.#bytes -= message.bytes.length;
  }
}
/** Seconds that a message may be kept; 0: not at all. Source: RFC 2308 5; coredns plugin/pkg/dnsutil MinimalTTL. */
export function ttlOf({ rcode, records, bytes, isTruncated }: Message): number {
  if (isTruncated) return 0;
  if (rcode === RCODE.SERVFAIL) return FAILURE_TTL;
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  const given = records.filter(({ section }) => section === 0);
  if (rcode === RCODE.NOERROR && given.length > 0) return Math.min(MAX_TTL, ...given.map(({ ttl }) => ttl));
  const soa = records.find(({ section, type }) => section === 1 && type === TYPE.SOA);
  return soa === undefined ? 0 : Math.min(MAX_TTL, soa.ttl, minimumOf(soa, bytes));
}
/** The last number of the record. */
const minimumOf = ({ end, dataAt }: RecordPlace, bytes: Buffer): number =>
  end - dataAt < 22 ? 0 : bytes.readUInt32BE(end - 4);
