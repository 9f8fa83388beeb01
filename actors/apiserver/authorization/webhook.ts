import type { SubjectAccessReviewSpec } from '../../../schemas/generated/authorization-v1.ts';
import type { World } from '../../../bus/world.ts';
import { BadAnswer, readObject, unregistered } from '../outbound/answer.ts';
import { createKubeconfigWebhook, type WebhookAttempt } from '../outbound/kubeconfig-webhook.ts';
import type { Decision, RequestInfo } from '../request.ts';
import { accessSpecOf, type AccessSpec } from './access-spec.ts';
import type { ChainedAuthorizer } from './authorizer.ts';
import type { AuthorizerConfiguration } from './configuration.ts';
import type { AuthorizationMetrics, Outcome } from './metrics.ts';

type WebhookAuthorizer = Extract<AuthorizerConfiguration, { readonly type: 'Webhook' }>;
interface Answer {
  readonly allowed?: boolean;
  readonly denied?: boolean;
  readonly reason?: string;
}
/** Answers that are kept. Source: apiserver plugin/pkg/authorizer/webhook. */
const MAX_ANSWERS = 8192;
/** What a client can make as long as it likes is not kept. Source: webhook.go maxControlledAttrCacheSize. */
const MAX_KEPT_CHARACTERS = 10_000;
/** A review has a few hundred bytes; more is not read. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const GROUP = 'authorization.k8s.io';

/**
 * Asks elsewhere, unless it has asked of the same a moment ago. Source: apiserver plugin/pkg/authorizer/webhook webhook.go.
 */
export function createWebhookAuthorizer(
  { name, webhook }: WebhookAuthorizer,
  world: Pick<World, 'clock' | 'random'>,
  metrics: AuthorizationMetrics,
): ChainedAuthorizer & { close(): void } {
  const { server, version, timeoutMs, authorizedTtlMs, unauthorizedTtlMs, deniesOnError, conditions } = webhook;
  const { clock } = world;
  const apiVersion = `${GROUP}/${version}`;
  const kept = new Map<string, { readonly answer: Answer; readonly until: number }>();
  const client = createKubeconfigWebhook({ world, server, timeoutMs, maxBytes: MAX_ANSWER_BYTES });
  const failed = (error: string): Decision => ({ allowed: deniesOnError ? 'no' : 'noOpinion', reason: '', error });

  const keep = (key: string, answer: Answer): void => {
    const ttlMs = answer.allowed ? authorizedTtlMs : unauthorizedTtlMs;
    if (ttlMs <= 0) return;
    kept.delete(key);
    if (kept.size >= MAX_ANSWERS) kept.delete(kept.keys().next().value!);
    kept.set(key, { answer, until: clock.now() + ttlMs });
  };
  const known = (key: string): Answer | undefined => {
    const found = kept.get(key);
    if (found === undefined) return undefined;
    kept.delete(key);
    if (found.until <= clock.now()) return undefined;
    // The one used last goes last.
    kept.set(key, found);
    return found.answer;
  };
  const ask = async (spec: AccessSpec, key: string, mayKeep: boolean): Promise<Decision> => {
    let last: Outcome = 'error';
    let good: WebhookAttempt | undefined;
    const onAttempt = (attempt: WebhookAttempt): void => {
      // Whether an answer is one shows when it is read.
      if (attempt.code.startsWith('2')) return void (good = attempt);
      last = attempt.late === true || attempt.code === '504' ? 'timeout' : 'error';
      metrics.called(name, last, attempt.seconds);
    };
    const read = (result: Outcome): void => {
      if (good !== undefined) metrics.called(name, result, good.seconds);
      good = undefined;
    };
    try {
      const review = { kind: 'SubjectAccessReview', apiVersion, metadata: {}, spec: spelled(spec, version), status: { allowed: false } }; // prettier-ignore
      const answer = answerIn(await readObject(await client.post(review, undefined, onAttempt)), apiVersion);
      read('success');
      if (mayKeep) keep(key, answer);
      return decisionOf(answer);
    } catch (error) {
      read('error');
      if (!deniesOnError) metrics.failedOpen(name, last);
      return failed((error as Error).message);
    }
  };
  return {
    authorize(user, info) {
      const spec = accessSpecOf(user, info);
      if (conditions !== undefined) {
        const began = clock.now();
        const held = conditions(spec);
        const seconds = (clock.now() - began) / 1000;
        metrics.evaluated(name, seconds, held === true ? 'held' : held === false ? 'excluded' : 'failed');
        if (held === false) return { allowed: 'noOpinion', reason: '' };
        if (held !== true) return failed(held.error);
      }
      const key = JSON.stringify(spec);
      const answer = known(key);
      return answer === undefined ? ask(spec, key, lengthOf(info) < MAX_KEPT_CHARACTERS) : decisionOf(answer);
    },
    rulesFor: () => ({
      rules: [],
      incomplete: true,
      errors: ['webhook authorizer does not support user rule resolution'],
    }),
    close: () => client.close(),
  };
}
const lengthOf = ({ namespace, verb, group, version, resource, subresource, name, path }: RequestInfo): number =>
  [namespace, verb, group, version, resource, subresource, name, path].reduce((sum, { length }) => sum + length, 0);

/** The first version called the groups otherwise. */
function spelled(spec: AccessSpec, version: 'v1' | 'v1beta1'): object {
  if (version === 'v1') return spec;
  const { groups, ...rest } = spec as SubjectAccessReviewSpec;
  return { ...rest, ...(groups !== undefined && { group: groups }) };
}
/** Throws BadAnswer. */
function answerIn(object: Readonly<Record<string, unknown>>, apiVersion: string): Answer {
  const { kind, apiVersion: said, status } = object;
  // What it does not say is taken for granted.
  const [given, version] = [String(kind || 'SubjectAccessReview'), String(said || apiVersion)];
  if (given !== 'SubjectAccessReview' || version !== apiVersion) throw new BadAnswer(unregistered(given, version));
  const { allowed, denied, reason } = (typeof status === 'object' && status !== null ? status : {}) as Record<string, unknown>;
  for (const [field, value] of Object.entries({ allowed, denied }))
    if (value !== undefined && value !== null && typeof value !== 'boolean') throw new BadAnswer(`json: cannot unmarshal ${typeof value} into Go struct field SubjectAccessReviewStatus.status.${field} of type bool`);
  return {
    allowed: allowed === true,
    denied: denied === true,
    reason: typeof reason === 'string' ? reason : '',
  };
} // prettier-ignore
function decisionOf({ allowed, denied, reason = '' }: Answer): Decision {
  if (denied && allowed)
    return { allowed: 'no', reason, error: 'webhook subject access review returned both allow and deny response' };
  return { allowed: denied ? 'no' : allowed ? 'yes' : 'noOpinion', reason };
}
