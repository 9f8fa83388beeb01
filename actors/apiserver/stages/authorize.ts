import { forbidden } from '../authorization/index.ts';
import type { Core } from '../core.ts';
import { InternalFailure } from '../errors.ts';
import type { AuditNotes, Decision, RequestInfo, UserInfo } from '../request.ts';

type Deciding = Pick<Core, 'authorizer' | 'metrics' | 'world'>;

/** Throws Forbidden, or InternalFailure where it cannot be told. Source: apiserver pkg/endpoints/filters authorization.go, responsewriters Forbidden. */
export function authorize(
  { authorizer, metrics, world }: Deciding,
  user: UserInfo,
  info: RequestInfo,
  audit?: AuditNotes,
): void | Promise<void> {
  const decision = authorizer.authorize(user, info);
  if (!(decision instanceof Promise)) {
    // Decided here, which takes less than a clock would show.
    settle(metrics, 0, decision, user, info, audit);
    return;
  }
  const began = world.clock.now();
  return decision.then((later) => settle(metrics, (world.clock.now() - began) / 1000, later, user, info, audit));
}
const OUTCOMES = { yes: 'allowed', no: 'denied', noOpinion: 'no-opinion' } as const;
function settle(
  metrics: Deciding['metrics'],
  seconds: number,
  { allowed, reason, error }: Decision,
  user: UserInfo,
  info: RequestInfo,
  audit?: AuditNotes,
): void {
  metrics.authorized(error === undefined || allowed === 'yes' ? OUTCOMES[allowed] : 'error', seconds);
  if (allowed !== 'yes' && error !== undefined) {
    audit?.annotate('authorization.k8s.io/reason', 'internal error');
    throw new InternalFailure('InternalError', error);
  }
  audit?.annotate('authorization.k8s.io/decision', allowed === 'yes' ? 'allow' : 'forbid');
  audit?.annotate('authorization.k8s.io/reason', reason);
  if (allowed !== 'yes') throw forbidden(user, info, reason);
}
