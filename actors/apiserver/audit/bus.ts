import { toStatus, type Status } from '../../../schemas/meta/status.ts';
import type { WatchElsewhere } from '../aggregation/components.ts';
import type { Answer, Core } from '../core.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';
import { isStatus, renderJson } from '../encoding/render.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { pathOf } from '../stages/request-info.ts';
import { AuditTrail } from './trail.ts';

const PLAIN = {
  format: 'json',
  as: '',
  version: '',
  group: '',
  contentType: 'application/json',
  pretty: false,
} as const;
const NO_QUERY = new URLSearchParams();

/** The address that the request would have over HTTPS. */
function uriOf(info: RequestInfo, query: Readonly<Record<string, string>> | undefined): string {
  const asked = new URLSearchParams({ ...query, ...(info.verb === 'watch' && { watch: 'true' }) }).toString();
  return `${pathOf(info)}${asked === '' ? '' : `?${asked}`}`;
}
/** Begins to note a request of one of the cluster's own components. */
export function beginAudit(
  core: Core,
  info: RequestInfo,
  user: UserInfo,
  query: Readonly<Record<string, string>> | undefined,
  userAgent: string,
): AuditTrail | undefined {
  const { audit, world } = core;
  if (audit === undefined) return undefined;
  const rule = audit.evaluate(user, info);
  if (rule.level === 'None') return undefined;
  const request = { auditId: world.ids.uuid(), uri: uriOf(info, query), user, info, sourceIPs: [], userAgent };
  const trail = new AuditTrail(rule, audit.sink, request, () => world.clock.now());
  void trail.received();
  return trail;
}
type Outcome = Answer | WatchElsewhere;
/** Notes how it came out. A watch is noted when it begins. */
export const noted = <T extends Outcome>(
  core: Core,
  request: { readonly audit?: AuditTrail | undefined },
  pending: T | Promise<T>,
): T | Promise<T> => (request.audit === undefined ? pending : notedBy(core, request.audit, pending));
async function notedBy<T extends Outcome>(core: Core, audit: AuditTrail, pending: T | Promise<T>): Promise<T> {
  try {
    const answer = await pending;
    if (answer.type === 'entry' || answer.type === 'object' || answer.type === 'list') {
      const status = answer.type === 'object' && isStatus(answer.object) ? (answer.object as Status) : undefined;
      audit.answers(status, () => renderJson(core, answer, PLAIN, NO_QUERY).toString());
      const code = answer.type === 'list' ? 200 : answer.code;
      await audit.beforeAnswer(code);
      void audit.starts(code);
      void audit.ends();
    } else void audit.starts(200);
    return answer;
  } catch (error) {
    const status = toStatus(error);
    audit.answers(status, () => goJson(status));
    await audit.beforeAnswer(status.code);
    void audit.starts(status.code);
    void audit.ends();
    throw error;
  }
}
