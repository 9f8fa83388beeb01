import { isIP } from 'node:net';
import { demandKept } from '../../audit/open.ts';
import { AuditTrail, attempted } from '../../audit/trail.ts';
import type { Core } from '../../core.ts';
import type { RequestInfo, UserInfo } from '../../request.ts';
import type { Exchange } from './exchange.ts';

/** What is known of the client's connection. */
interface Peer {
  readonly address: string;
  readonly certificate: object | undefined;
  readonly refusedCertificate: boolean;
}
/**
 * Begins to note a request, if the policy says so; `user` undefined: nobody was believed. Source: apiserver
 * pkg/endpoints/filters audit.go, authn_audit.go. Throws InternalFailure, or rejects with it.
 */
export function beginAudit(
  core: Core,
  exchange: Exchange,
  info: RequestInfo,
  user: UserInfo | undefined,
  peer: Peer,
  query: URLSearchParams,
): void | Promise<void> {
  const { audit, world } = core;
  if (audit === undefined) return;
  const rule = audit.evaluate(user, info);
  if (rule.level === 'None') return;
  const { headers, target } = exchange;
  const trail = new AuditTrail(
    rule,
    audit.sink,
    {
      auditId: exchange.auditId(world.ids),
      uri: target,
      user,
      info,
      sourceIPs: sourcesOf(headers, peer.address),
      userAgent: (headers['user-agent'] as string | undefined) ?? '',
    },
    () => world.clock.now(),
  );
  exchange.audit = trail;
  for (const { key, value } of exchange.noted ?? []) trail.annotate(key, value);
  if (user !== undefined) return demandKept(audit.sink, trail.received());
  trail.refused(attempted(headers['authorization'] as string | undefined, query.get('access_token'), peer.certificate !== undefined || peer.refusedCertificate)); // prettier-ignore
}
/** The client, and the proxies that it came through. Source: apimachinery pkg/util/net SourceIPs. */
function sourcesOf(headers: Exchange['headers'], address: string): string[] {
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => isIP(one) > 0);
  const real = String(headers['x-real-ip'] ?? '');
  if (isIP(real) > 0 && !forwarded.includes(real)) forwarded.push(real);
  const own = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (own !== '' && forwarded.at(-1) !== own) forwarded.push(own);
  return forwarded;
}
