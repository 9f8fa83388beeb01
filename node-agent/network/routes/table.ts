import { CommandError, type Commands } from '../../host/commands.ts';
import type { Route, RoutePlan } from './plan.ts';

/** By which our routes are told from those of others; nobody's in /etc/iproute2/rt_protos. */
export const PROTOCOL = 196;

interface IpRoute {
  readonly type?: string;
  readonly dst?: string;
  readonly gateway?: string;
  readonly dev?: string;
}
/** Our routes as the kernel has them. Rejects with CommandError. */
export async function readRoutes(commands: Commands, signal: AbortSignal): Promise<Route[]> {
  const of = async (family: 4 | 6): Promise<Route[]> => {
    const text = await commands.must('ip', ['-j', `-${family}`, 'route', 'show', 'proto', String(PROTOCOL)], {
      signal,
    });
    return (JSON.parse(text.trim() || '[]') as readonly IpRoute[]).flatMap(({ type, dst, gateway, dev }) => {
      if (dst === undefined) return [];
      const to = dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`;
      return [type === undefined || type === 'unicast' ? { to, via: gateway ?? '', link: dev ?? '' } : { to }];
    });
  };
  return [...(await of(4)), ...(await of(6))];
}

/** The way out of the node, which is another's: as what `ip -batch` reads to have it again. Rejects with CommandError. */
export async function readWayOut(commands: Commands, signal: AbortSignal): Promise<string> {
  const text = await commands.must('ip', ['-j', '-4', 'route', 'show', 'default'], { signal });
  return (JSON.parse(text.trim() || '[]') as readonly IpRoute[])
    .flatMap(({ gateway, dev }) => gateway === undefined || dev === undefined ? [] : [`route replace default via ${gateway} dev ${dev}\n`])
    .join('');
} // prettier-ignore

/** What `ip -batch` reads. One of another kind to the same place goes first: of IPv6 the kernel would keep both. */
export function routeBatch(put: readonly Route[], drop: readonly Route[], present: readonly Route[]): string {
  const kindOf = ({ via }: Route): string => (via === undefined ? 'unreachable ' : '');
  const turned = present.filter((old) => put.some((now) => now.to === old.to && kindOf(now) !== kindOf(old)));
  return [
    ...[...drop, ...turned].map((route) => `route del ${kindOf(route)}${route.to} proto ${PROTOCOL}\n`),
    ...put.map(({ to, via, link }) => {
      const where = via === undefined ? `unreachable ${to}` : `${to} via ${via} dev ${link}`;
      return `route replace ${where} proto ${PROTOCOL}\n`;
    }),
  ].join('');
}

/** Addresses that are there stay as they are. Nobody else has them, which need not be asked for seconds. */
export const addressBatch = (addresses: RoutePlan['addresses']): string =>
  addresses.map(({ address, link }) => `address replace ${address} dev ${link} nodad\n`).join('');

/** Writes them all, those that can be written. Resolves with what could not. */
export async function writeRoutes(commands: Commands, batch: string, signal: AbortSignal): Promise<string | undefined> {
  if (batch === '') return undefined;
  const { code, stderr } = await commands.run('ip', ['-force', '-batch', '-'], { input: batch, signal });
  if (code === 0) return undefined;
  if (stderr === '') throw new CommandError(`ip -batch: exit status ${code}`);
  return stderr.trim();
}
