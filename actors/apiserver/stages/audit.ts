import type { Core } from '../core.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** A request that was answered. */
export interface AuditEvent {
  readonly auditId: string;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly code: number;
}
/** Tells the server's own log, at debug, of what was refused; what an audit policy asks for is noted by ../audit/. */
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
