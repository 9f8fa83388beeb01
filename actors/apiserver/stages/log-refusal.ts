import type { Core } from '../core.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** Tells the server's own log, at debug, of what was refused; what an audit policy asks for is noted by ../audit/. */
export function logRefusal(core: Core, info: RequestInfo, user: UserInfo, code: number): void {
  if (code < 400 || code === 404 || code === 409) return;
  const { verb, resource } = info;
  core.world.log.debug('a request was refused', { user: user.name, verb, resource, code });
}
