import { forbidden } from '../authorization/index.ts';
import type { Core } from '../core.ts';
import { InternalFailure } from '../errors.ts';
import type { AuditNotes, Decision, RequestInfo, UserInfo } from '../request.ts';

type Deciding = Pick<Core, 'authorizer' | 'metrics'>;

/** Throws Forbidden, or InternalFailure where it cannot be told. Source: apiserver pkg/endpoints/filters authorization.go, responsewriters Forbidden. */
export function authorize(
  { authorizer, metrics }: Deciding,
  user: UserInfo,
  info: RequestInfo,
  audit?: AuditNotes,
): void | Promise<void> {
  const decision = authorizer.authorize(user, info);
  if (decision instanceof Promise) return decision.then((later) => settle(metrics, later, user, info, audit));
  settle(metrics, decision, user, info, audit);
}
const OUTCOMES = { yes: 'allowed', no: 'denied', noOpinion: 'no-opinion' } as const;
function settle(
  metrics: Deciding['metrics'],
  { allowed, reason, error }: Decision,
  user: UserInfo,
  info: RequestInfo,
  audit?: AuditNotes,
): void {
  metrics.authorized(error === undefined ? OUTCOMES[allowed] : 'error');
  if (allowed !== 'yes' && error !== undefined) {
    audit?.annotate('authorization.k8s.io/reason', 'internal error');
    throw new InternalFailure('InternalError', error);
  }
  audit?.annotate('authorization.k8s.io/decision', allowed === 'yes' ? 'allow' : 'forbid');
  audit?.annotate('authorization.k8s.io/reason', reason);
  if (allowed !== 'yes') throw forbidden(user, info, reason);
}
