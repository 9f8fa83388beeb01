import type { Name } from './name.ts';

interface Common {
  readonly name: Name;
  /** Seconds. */
  readonly ttl: number;
}
/** A record of the class IN. */
export type DnsRecord = Common &
  (
    | { readonly type: 'A' | 'AAAA'; readonly address: Uint8Array }
    | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: Name }
    | {
        readonly type: 'SRV';
        readonly priority: number;
        readonly weight: number;
        readonly port: number;
        readonly target: Name;
      }
    | { readonly type: 'TXT'; readonly text: string }
    | {
        readonly type: 'SOA';
        readonly primary: Name;
        readonly mailbox: Name;
        readonly serial: number;
        readonly refresh: number;
        readonly retry: number;
        readonly expire: number;
        readonly minimum: number;
      }
    /** As another server wrote it; without names in it. */
    | { readonly type: number; readonly data: Uint8Array }
  );
export type SoaRecord = Extract<DnsRecord, { type: 'SOA' }>;

export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}
export const bare = (rcode: number): Answer => ({
  rcode,
  authoritative: false,
  answers: [],
  authority: [],
  additional: [],
});
