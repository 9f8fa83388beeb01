import { ApiError } from '../../../schemas/meta/status.ts';
import type { Admission, FlowControl } from './index.ts';

/** Source: apiserver pkg/server/filters tooManyRequests. */
export const TOO_MANY = 'Too many requests, please try again later.';

/** Resolves when a request may go on that could not at once. Throws TooManyRequests. */
export async function turnOf(
  flow: FlowControl,
  admission: Admission,
  { query, signal }: { readonly query: URLSearchParams; readonly signal: AbortSignal },
): Promise<void> {
  const cancel = (): void => admission.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const isAdmitted = await flow.decided(admission, query);
  signal.removeEventListener('abort', cancel);
  if (isAdmitted) return;
  await flow.refusalTurn();
  const { retryAfterSeconds } = admission;
  throw new ApiError('TooManyRequests', TOO_MANY, { details: { retryAfterSeconds } });
}
