/** Types of records that are dealt with by name. Source: IANA DNS parameters. */
export const TYPE = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, IXFR: 251, AXFR: 252,
} as const; // prettier-ignore
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export const CLASS_IN = 1;

/** Bits of the header's third and fourth byte. */
export const FLAG = { QR: 0x80, AA: 0x04, TC: 0x02, RD: 0x01, RA: 0x80, CD: 0x10 } as const;
export const HEADER_BYTES = 12;
/** Of a UDP answer to who says nothing about it. Source: RFC 1035 4.2.1. */
export const PLAIN_UDP_BYTES = 512;
/** Of any answer: the length before it has two bytes over TCP. */
export const MAX_BYTES = 65_535;
/** The largest answer over UDP, whatever the client says it takes: more is asked for again over TCP. */
export const MAX_UDP_BYTES = 4_096;

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(TYPE).map(([name, type]) => [type, name] as const),
  [35, 'NAPTR'], [43, 'DS'], [46, 'RRSIG'], [47, 'NSEC'], [48, 'DNSKEY'], [64, 'SVCB'], [65, 'HTTPS'], [255, 'ANY'],
]); // prettier-ignore
/** For labels of metrics: the types that are told apart. Source: coredns plugin/metrics/vars monitorType. */
export const typeText = (type: number): string => TYPE_NAMES.get(type) ?? 'other';

const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));
export const rcodeText = (rcode: number): string => RCODE_NAMES.get(rcode) ?? String(rcode);
