import { describe, expect, it } from 'vitest';
import type { PathAnswer } from '../request.ts';
import { createHealthHandler } from './index.ts';

const ask = async (path: string, failing: readonly string[] = []): Promise<PathAnswer | undefined> => {
  const url = new URL(`http://x${path}`);
  const handler = createHealthHandler({ probe: (check) => (failing.includes(check) ? 'down' : undefined) });
  return handler({ path: url.pathname, query: url.searchParams } as never);
};

describe('health', () => {
  it.each([
    '/healthz',
    '/livez',
    '/readyz',
    '/livez/ping',
    '/readyz/etcd',
    '/readyz?exclude=etcd',
    '/livez/poststarthook/rbac/bootstrap-roles',
  ])('%s is ok', async (path) => {
    expect(await ask(path)).toMatchObject({ code: 200, body: 'ok' });
  });
  it('is asked about at paths of its own', async () => {
    expect(await ask('/health')).toBeUndefined();
    expect(await ask('/healthz/nope')).toMatchObject({ code: 404, body: '404 page not found\n' });
    expect(await ask('/livez/shutdown')).toMatchObject({ code: 404 });
  });
  it('names its checks, those left out, and those that cannot be', async () => {
    const body = (await ask('/livez?verbose&exclude=etcd&exclude=nope'))!.body as string;
    expect(body.split('\n').slice(0, 4)).toEqual([
      '[+]ping ok', '[+]log ok', '[+]loopback-serving-certificate ok', '[+]etcd excluded: ok',
    ]); // prettier-ignore
    expect(body).toMatch(/warn: some health checks cannot be excluded: no matches for "nope"\nlivez check passed\n$/);
  });
  it('fails with the check, and not without it', async () => {
    expect(await ask('/readyz', ['etcd'])).toMatchObject({ code: 500 });
    expect((await ask('/readyz', ['etcd']))!.body).toMatch(
      /\[-\]etcd failed: reason withheld\n[^]*readyz check failed\n$/,
    );
    expect(await ask('/readyz?exclude=etcd', ['etcd'])).toMatchObject({ code: 200 });
    expect(await ask('/readyz/etcd', ['etcd'])).toMatchObject({ code: 500, body: 'internal server error: down\n' });
  });
});
