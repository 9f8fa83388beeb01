import type { Core } from '../core.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** One request as an audit log would have it, at stage ResponseComplete. */
export interface AuditEvent {
  readonly auditId: string;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly code: number;
}
/** No policy asks for anything yet: requests are noted at debug only, and only refusals of writes. */
export function audit(core: Core, event: () => AuditEvent, code: number): void {
  if (code < 400 || code === 404 || code === 409) return;
  const { auditId, user, info } = event();
  core.world.log.debug('a request was refused', {
    auditId,
    user: user.name,
    verb: info.verb,
    resource: info.resource,
    code,
  });
}
