import type { ApiError } from '../../../schemas/meta/status.ts';
import { forbidden } from '../authorization/index.ts';
import type { AuditNotes, Authorizer, RequestInfo, UserInfo } from '../request.ts';

/** Throws Forbidden. Source: apiserver pkg/endpoints/filters authorization.go, responsewriters Forbidden. */
export function authorize(authorizer: Authorizer, user: UserInfo, info: RequestInfo, audit?: AuditNotes): void {
  const decision = authorizer.authorize(user, info);
  audit?.annotate('authorization.k8s.io/decision', decision.allowed === 'yes' ? 'allow' : 'forbid');
  audit?.annotate('authorization.k8s.io/reason', decision.reason);
  if (decision.allowed !== 'yes') throw refusal(user, info, decision.reason);
}
const refusal = (user: UserInfo, info: RequestInfo, reason: string): ApiError => forbidden(user, info, reason);
