/** What the store writes on its entries, beside the log's own headers. */
export const HEADERS = {
  /** `<createRevision> <version>` of a value that is not the key's first: it outlives the purge of those before it. */
  origin: 'Kubus-Origin',
  /** Milliseconds after which the value expires, counted from the log's time stamp. */
  ttlMs: 'Kubus-TTL',
  /** Id of the lease that the key lives by: see leases.ts. */
  lease: 'Kubus-Lease',
  /** Id of the message that led to the write. */
  cause: 'Kubus-Cause',
  /** `<transitions> <holder> <key of the lease>`: the leadership under which an elected component wrote. */
  fence: 'Kubus-Fence',
} as const;

export const formatOrigin = (createRevision: number, version: number): string => `${createRevision} ${version}`;

export function parseOrigin(header: string | undefined): { createRevision: number; version: number } | undefined {
  const match = header === undefined ? undefined : /^(\d+) (\d+)$/.exec(header);
  return match ? { createRevision: Number(match[1]), version: Number(match[2]) } : undefined;
}
