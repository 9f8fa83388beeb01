/**
 * `/healthz`, `/livez`, `/readyz` and each check below them: `createHealthHandler({ probe })` is a PathHandler.
 * Source: apiserver pkg/server/healthz/healthz.go.
 */
import type { PathHandler } from '../request.ts';
import { CHECKS, type HealthPath } from './checks.ts';

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' };
const NOT_FOUND = { code: 404, headers: TEXT, body: '404 page not found\n' };

/**
 * `probe` says why a check fails, or undefined when it passes; it is asked for `etcd`, `etcd-readiness`,
 * `informer-sync`, `shutdown`, `poststarthook/...` and the rest by those names. It may be slow for `etcd` alone.
 */
export function createHealthHandler({
  probe,
}: {
  readonly probe: (check: string) => string | undefined | Promise<string | undefined>;
}): PathHandler {
  const all = async (path: HealthPath, query: URLSearchParams) => {
    const excluded = new Set(query.getAll('exclude').flatMap((v) => v.split(',')));
    const lines: string[] = [];
    let failed = false;
    for (const name of CHECKS[path]) {
      if (excluded.delete(name)) {
        lines.push(`[+]${name} excluded: ok`);
        continue;
      }
      const why = await probe(name);
      if (why === undefined) lines.push(`[+]${name} ok`);
      else {
        failed = true;
        lines.push(`[-]${name} failed: reason withheld`);
      }
    }
    if (excluded.size > 0) {
      const names = [...excluded].map((name) => JSON.stringify(name)).join(',');
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
    }
    if (failed) return { code: 500, headers: TEXT, body: `${lines.join('\n')}\n${path} check failed\n` };
    if (!query.has('verbose')) return { code: 200, headers: TEXT, body: 'ok' };
    return { code: 200, headers: TEXT, body: `${lines.join('\n')}\n${path} check passed\n` };
  };
  const one = async (path: HealthPath, name: string) => {
    if (!CHECKS[path].includes(name)) return NOT_FOUND;
    const why = await probe(name);
    return why === undefined
      ? { code: 200, headers: PLAIN, body: 'ok' }
      : { code: 500, headers: TEXT, body: `internal server error: ${why}\n` };
  };
  return ({ path, query }) => {
    const [, root = '', ...rest] = path.split('/');
    if (root !== 'healthz' && root !== 'livez' && root !== 'readyz') return undefined;
    const name = rest.join('/');
    if (path.endsWith('/')) return NOT_FOUND;
    return name === '' ? all(root, query) : one(root, name);
  };
}
