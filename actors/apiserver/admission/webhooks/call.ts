/** One call of one webhook. Source: apiserver pkg/admission/plugin/webhook dispatcher.go, pkg/util/webhook/client.go. */
import { delay } from '../../../../bus/world.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { BadAnswer } from '../../outbound/answer.ts';
import type { OutboundAnswer, OutboundRequest } from '../../../runtime/outbound/outbound.ts';
import { resolveService } from '../../outbound/services.ts';
import { portOf, webhookUrl } from '../../outbound/webhook-url.ts';
import type { AdmissionAttributes } from '../../request.ts';
import type { AdmissionContext } from '../common.ts';
import type { Seen } from '../dynamic/versioned.ts';
import { readReview } from './answer.ts';
import { CallError, CanceledCall, dryRunUnsupported } from './errors.ts';
import { encodeReview, readVerdict, reviewVersion, type Verdict } from './review.ts';
import type { Hook, Webhook } from './source.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;
/** Source: client-go rest/with_retry.go, request.go maxRetries. */
const MAX_RETRIES = 10;

export interface Invocation {
  readonly hook: Hook;
  /** The resource under the name by which a rule speaks of it. */
  readonly as: Resource;
}
/** Throws CallError where there was no good answer, ApiError where it is refused to ask. */
export async function callHook(
  context: AdmissionContext,
  { hook, as }: Invocation,
  a: AdmissionAttributes,
  seen: Seen,
  isMutating: boolean,
): Promise<Verdict> {
  const { webhook } = hook;
  const { name } = webhook;
  if (a.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') throw dryRunUnsupported(name);
  const version = reviewVersion(webhook.admissionReviewVersions);
  if (version === undefined)
    throw new CallError(name, 'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)', 400);
  const uid = context.world.ids.uuid();
  const seconds = webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const body = encodeReview(version, a, uid, as, seen);
  const limit = deadline(context, a.signal, seconds * 1000);
  try {
    const request: OutboundRequest = {
      method: 'POST',
      ...target(context, webhook, seconds),
      headers: { 'content-type': 'application/json', accept: 'application/json, */*', 'user-agent': 'kube-apiserver-admission' },
      body,
      signal: limit.signal,
    };
    const review = await readReview(await persistently(context, request), version);
    try {
      return readVerdict(version, uid, isMutating, review);
    } catch (error) {
      throw new CallError(name, `received invalid webhook response: ${(error as Error).message}`);
    }
  } catch (error) {
    if (error instanceof CallError) throw error;
    const { message } = error as Error;
    if (error instanceof BadConfiguration) throw new CallError(name, message, 500);
    const reason = `failed to call webhook: ${message}`;
    if (a.signal?.aborted === true) throw new CanceledCall(name, reason);
    throw new CallError(name, reason, error instanceof BadAnswer ? error.code : 503);
  } finally {
    limit.clear();
  }
} // prettier-ignore

class BadConfiguration extends Error {}
function target(context: AdmissionContext, { clientConfig }: Webhook, seconds: number): Pick<OutboundRequest, 'url' | 'ca' | 'route'> {
  const { service, caBundle } = clientConfig ?? {};
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString() : undefined;
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new BadConfiguration('could not get REST client: unable to load root certificates: unable to parse bytes as PEM block');
  const trust = ca !== undefined && { ca };
  const url = webhookUrl(clientConfig ?? {}, seconds);
  if (service === undefined) return { url, ...trust };
  const ground = { ...context, random: context.world.random };
  return { url, route: () => resolveService(ground, service.namespace, service.name, portOf(service)), ...trust };
} // prettier-ignore
/** Once more, for as long as the server asks for it and there is time. */
async function persistently(context: AdmissionContext, request: OutboundRequest): Promise<OutboundAnswer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await context.outbound(request);
    const after = answer.headers['retry-after'] ?? '';
    const asks = (answer.status === 429 || answer.status >= 500) && /^[+-]?\d+$/.test(after);
    if (!asks || attempt >= MAX_RETRIES) return answer;
    await delay(context.world.clock, Math.max(0, Number(after)) * 1000, request.signal);
  }
} // prettier-ignore
function deadline(context: AdmissionContext, outer: AbortSignal | undefined, ms: number) {
  const controller = new AbortController();
  const { clock } = context.world;
  const timer = clock.setTimeout(() => controller.abort(new Error('context deadline exceeded')), ms);
  const onAbort = (): void => controller.abort(new Error('context canceled'));
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    clear(): void {
      clock.clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
