import { ApiError, type Status } from '../../../../schemas/meta/status.ts';
import { badRequest } from '../../errors.ts';

/** The webhook was not asked, or did not answer as one. What `failurePolicy` is about. */
export class CallError extends Error {
  /** For the metrics alone: a status code. */
  readonly code: number;
  constructor(webhook: string, reason: string, code = 503) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
    this.code = code;
  }
}
/** Whoever sent the request is gone; nobody has failed. */
export class CanceledCall extends CallError {}

const denials = new WeakSet<object>();
/** Whether an error is a webhook's own word. */
export const isDenial = (error: unknown): boolean => denials.has(error as object);
/** The webhook said no. Source: apiserver pkg/admission/plugin/webhook/errors ToStatusErr. */
export function denied(webhook: string, result: Partial<Status> | null | undefined): ApiError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const { code = 0, message = '', reason = '', details, metadata } = result ?? {};
  const why = message || reason;
  const error = new ApiError('', why === '' ? `${by} without explanation` : `${by}: ${why}`, {
    code: code < 400 ? 400 : code,
    ...(details && { details }),
  });
  denials.add(error);
  return Object.assign(error, {
    status: {
      ...error.status,
      ...(metadata && { metadata }),
      status: !result?.status || result.status === 'Success' ? 'Failure' : result.status,
      reason: reason || undefined,
    },
  });
}
export const dryRunUnsupported = (webhook: string): ApiError =>
  badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`);
export const timedOut = (): ApiError =>
  new ApiError('Timeout', 'Timeout: request did not complete within requested timeout', { details: {} });
