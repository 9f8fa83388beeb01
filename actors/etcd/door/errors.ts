import { isNoSpace } from '../../../bus/log.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { Refusal } from './grpc-reader.ts';

/** gRPC's status codes, as far as etcd uses them. */
export const CODES = {
  invalidArgument: 3, notFound: 5, resourceExhausted: 8, failedPrecondition: 9, outOfRange: 11, unimplemented: 12, internal: 13, unavailable: 14,
} as const; // prettier-ignore

/** An error as etcd's clients know them: they compare the text. Source: etcd api/v3rpc/rpctypes/error.go. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: number;
  constructor(code: keyof typeof CODES, message: string) {
    super(`etcdserver: ${message}`);
    this.code = CODES[code];
  }
}
export const emptyKey = (): EtcdError => new EtcdError('invalidArgument', 'key is not provided');
export const compacted = (): EtcdError => new EtcdError('outOfRange', 'mvcc: required revision has been compacted');
export const futureRevision = (): EtcdError =>
  new EtcdError('outOfRange', 'mvcc: required revision is a future revision');
export const leaseNotFound = (): EtcdError => new EtcdError('notFound', 'requested lease not found');
/** What etcd does and this store does not: said plainly, since nothing that follows would be true. */
export const beyond = (what: string): EtcdError => new EtcdError('unimplemented', what);

/** Whatever was thrown, with the code and text that a client of etcd understands. */
export function toEtcdError(error: unknown): Refusal {
  if (error instanceof EtcdError) return { code: error.code, details: error.message };
  const as = (code: keyof typeof CODES, text: string) => ({ code: CODES[code], details: `etcdserver: ${text}` });
  if (isNoSpace(error)) return as('resourceExhausted', 'mvcc: database space exceeded');
  switch (reasonOf(error)) {
    case 'Expired':
      return as('outOfRange', 'mvcc: required revision has been compacted');
    case 'RequestEntityTooLarge':
      return as('invalidArgument', 'request is too large');
    case 'Timeout':
      return as('unavailable', 'request timed out');
    case 'ServerTimeout':
      return as('resourceExhausted', 'too many requests');
    case 'ServiceUnavailable':
      return as('unavailable', `no leader (${(error as Error).message})`);
    case 'BadRequest':
      return as('invalidArgument', (error as Error).message);
    default:
      return as('internal', (error as Error).message);
  }
}
