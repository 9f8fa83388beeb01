import { InternalFailure } from '../errors.ts';
import { forbidden } from '../authorization/index.ts';
import type { AuditNotes, Authorizer, Decision, RequestInfo, UserInfo } from '../request.ts';

/** Throws Forbidden, or InternalFailure where it cannot be told. Source: apiserver pkg/endpoints/filters authorization.go, responsewriters Forbidden. */
export function authorize(
  authorizer: Authorizer,
  user: UserInfo,
  info: RequestInfo,
  audit?: AuditNotes,
): void | Promise<void> {
  const decision = authorizer.authorize(user, info);
  if (decision instanceof Promise) return decision.then((later) => settle(later, user, info, audit));
  settle(decision, user, info, audit);
}
function settle({ allowed, reason, error }: Decision, user: UserInfo, info: RequestInfo, audit?: AuditNotes): void {
  if (allowed !== 'yes' && error !== undefined) {
    audit?.annotate('authorization.k8s.io/reason', 'internal error');
    throw new InternalFailure('InternalError', error);
  }
  audit?.annotate('authorization.k8s.io/decision', allowed === 'yes' ? 'allow' : 'forbid');
  audit?.annotate('authorization.k8s.io/reason', reason);
  if (allowed !== 'yes') throw forbidden(user, info, reason);
}
