/** metav1.Status, the only error shape on any wire. Source: k8s.io/apimachinery pkg/apis/meta/v1/types.go. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: StatusReason | '';
  readonly details?: StatusDetails;
  /** HTTP status code, e.g. 409. */
  readonly code: number;
}
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}
const CODE_OF = {
  Unauthorized: 401, Forbidden: 403, NotFound: 404, AlreadyExists: 409, Conflict: 409, Gone: 410, Invalid: 422,
  ServerTimeout: 500, StoreReadError: 500, Timeout: 504, TooManyRequests: 429, BadRequest: 400, MethodNotAllowed: 405,
  NotAcceptable: 406, RequestEntityTooLarge: 413, UnsupportedMediaType: 415, InternalError: 500, Expired: 410,
  ServiceUnavailable: 503, Unknown: 500,
} as const; // prettier-ignore
export type StatusReason = keyof typeof CODE_OF;
const RETRYABLE: ReadonlySet<string> = new Set([
  'Conflict',
  'Timeout',
  'ServerTimeout',
  'TooManyRequests',
  'InternalError',
  'ServiceUnavailable',
  'Unknown',
]);

/** Thrown inside one process; crosses a wire only as its `status`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: Status;
  constructor(
    reason: StatusReason | '',
    message: string,
    options?: ErrorOptions & { details?: StatusDetails; code?: number },
  ) {
    super(message, options);
    this.status = {
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason,
      ...(options?.details && { details: options.details }),
      code: options?.code ?? (reason === '' ? 500 : CODE_OF[reason]),
    }; // prettier-ignore
  }
  /** An error that arrived as a Status. */
  static from(status: Status, options?: ErrorOptions): ApiError {
    return new ApiError(status.reason ?? '', status.message ?? '', {
      ...options,
      code: status.code,
      ...(status.details && { details: status.details }),
    });
  }
}
/** The Status of anything thrown, if it has one. Never `instanceof`: the error may have crossed the bus. */
export const statusOf = (error: unknown): Status | undefined => {
  const s = (error as { status?: Partial<Status> } | null | undefined)?.status;
  return s?.kind === 'Status' ? (s as Status) : undefined;
};
export const reasonOf = (error: unknown): StatusReason | '' | undefined => statusOf(error)?.reason;
/** The Status of anything thrown; what has none is an InternalError. */
export const toStatus = (error: unknown): Status =>
  statusOf(error) ?? new ApiError('InternalError', error instanceof Error ? error.message : String(error)).status;
export const isRetryable = (error: unknown): boolean => {
  const s = statusOf(error);
  return s === undefined || RETRYABLE.has(s.reason ?? '') || s.reason === '';
};
