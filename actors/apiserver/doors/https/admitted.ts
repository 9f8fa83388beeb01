import type { Core } from '../../core.ts';
import type { Admission } from '../../flow-control/index.ts';
import { TOO_MANY } from '../../flow-control/waiting.ts';
import type { Exchange } from './exchange.ts';
import { respondText } from './respond.ts';

/** Waits until a request may go on; false: it was refused, and told so. Source: apiserver pkg/server/filters/priority-and-fairness.go. */
export async function isAdmitted(
  core: Core,
  exchange: Exchange,
  admission: Admission,
  query: URLSearchParams,
): Promise<boolean> {
  let isGone = false;
  exchange.onGone(() => {
    isGone = true;
    admission.cancel();
  });
  if (await core.flow.decided(admission, query)) return true;
  await core.flow.refusalTurn();
  if (!isGone) respondText(core, exchange, 429, `${TOO_MANY}\n`, ['Retry-After', String(admission.retryAfterSeconds)]);
  return false;
}
